use std::cell::Cell;

use crate::Probe;

/// Where in a run the session stands: after a layer, before the head is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct At {
    /// The layer that has just run, counted from 1.
    pub layer: usize,
    /// How many layers the model has.
    pub layers: usize,
    /// How many tokens this session decided before this one.
    pub produced: usize,
}

impl At {
    /// A point in a run.
    pub fn new(layer: usize, layers: usize, produced: usize) -> Self {
        Self { layer, layers, produced }
    }
}

/// All that the lens has seen of the token being decided: a policy's whole input.
///
/// It holds at least one probe; their layers increase.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    at: At,
    earlier: &'a [Probe],
    last: &'a Probe,
    memory: Option<&'a Memory>,
}

/// Where [`Trace::fold`] left off, for one token; whoever decides it keeps one of these, so that policies need
/// keep nothing.
#[derive(Debug, Default)]
pub struct Memory {
    left: Cell<Option<Left>>,
}

#[derive(Debug, Clone, Copy)]
struct Left {
    /// Whose number it is.
    owner: usize,
    /// Probes that are in it.
    seen: usize,
    number: f64,
}

impl<'a> Trace<'a> {
    /// Views `probes`, oldest first; `None` where there is none.
    pub fn new(at: At, probes: &'a [Probe]) -> Option<Self> {
        let (last, earlier) = probes.split_last()?;
        Some(Self { at, earlier, last, memory: None })
    }

    /// The same with a memory of the prefixes of this trace, and of no other.
    pub fn remembering(self, memory: &'a Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Where the session stands.
    pub fn at(&self) -> At {
        self.at
    }

    /// The newest probe.
    pub fn last(&self) -> &'a Probe {
        self.last
    }

    /// The probe before the newest.
    pub fn previous(&self) -> Option<&'a Probe> {
        self.earlier.last()
    }

    /// How many probes there are; at least one.
    pub fn count(&self) -> usize {
        self.earlier.len() + 1
    }

    /// All probes, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a Probe> + 'a {
        self.earlier.iter().chain(std::iter::once(self.last))
    }

    /// What was seen after each of the probes, oldest first; the last is this trace.
    pub fn prefixes(&self) -> impl Iterator<Item = Trace<'a>> + use<'a> {
        let whole = Self { memory: None, ..*self };
        (0..=whole.earlier.len()).map(move |i| whole.prefix(i))
    }

    /// A number that grows from probe to probe: `next` makes it of what it was after the probe before (`None` at
    /// the first) and the trace so far.
    ///
    /// With a [`Memory`] it takes one step where the probes before were folded for the same `owner`, and starts
    /// over where they were not; the number is the same. `next` must be a pure function of its arguments
    /// and of the owner.
    pub fn fold<O>(&self, owner: &O, next: impl Fn(Option<f64>, Trace<'a>) -> f64) -> f64 {
        let owner = std::ptr::from_ref(owner).addr();
        let seen = self.earlier.len();
        let left = self.memory.and_then(|memory| memory.left.get());
        let number = match left.filter(|left| left.owner == owner && left.seen == seen && seen > 0) {
            Some(left) => next(Some(left.number), *self),
            None => {
                let first = next(None, self.prefix(0));
                (1..=seen).fold(first, |number, i| next(Some(number), self.prefix(i)))
            }
        };
        if let Some(memory) = self.memory {
            memory.left.set(Some(Left { owner, seen: seen + 1, number }));
        }
        number
    }

    /// What was seen after probe `i`, counted from 0; the last is this trace.
    fn prefix(&self, i: usize) -> Self {
        match self.earlier.get(i) {
            Some(last) => {
                let at = At { layer: last.layer, ..self.at };
                Self { at, earlier: &self.earlier[..i], last, memory: None }
            }
            None => *self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::scripted_probe;

    #[test]
    fn prefixes_end_with_the_trace_itself() {
        let mut probes = [0.1, 0.2, 0.3].map(|gap| scripted_probe(1, gap));
        (probes[0].layer, probes[1].layer, probes[2].layer) = (2, 4, 5);
        let trace = Trace::new(At::new(5, 8, 3), &probes).unwrap();
        let seen: Vec<_> = trace.prefixes().map(|t| (t.at(), t.iter().count(), t.last().layer)).collect();
        assert_eq!(seen, [(At::new(2, 8, 3), 1, 2), (At::new(4, 8, 3), 2, 4), (At::new(5, 8, 3), 3, 5)]);
    }

    #[test]
    fn a_fold_goes_on_where_it_left_off_and_gives_the_same() {
        let mut probes = [0.5, 0.25, 0.75, 0.125].map(|gap| scripted_probe(1, gap));
        (1..).zip(&mut probes).for_each(|(layer, probe)| probe.layer = layer);
        let at = |seen: usize| Trace::new(At::new(seen, 8, 0), &probes[..seen]).unwrap();
        let steps = Cell::new(0);
        let next = |before: Option<f64>, trace: Trace<'_>| {
            steps.set(steps.get() + 1);
            before.unwrap_or(0.0) / 2.0 + f64::from(trace.last().gap())
        };
        let (memory, owner, other) = (Memory::default(), 1u8, 2u8);
        for seen in 1..=4 {
            let wanted = at(seen).fold(&owner, next);
            steps.set(0);
            assert_eq!(at(seen).remembering(&memory).fold(&owner, next), wanted);
            assert_eq!(steps.get(), 1, "one step a probe");
        }
        // Another owner, the same trace again, or one that left probes out: from the start.
        for (owner, seen) in [(&other, 4), (&other, 4), (&other, 2)] {
            steps.set(0);
            assert_eq!(at(seen).remembering(&memory).fold(owner, next), at(seen).fold(owner, next));
            assert_eq!(steps.get(), 2 * seen);
        }
    }
}

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
}

impl<'a> Trace<'a> {
    /// Views `probes`, oldest first; `None` where there is none.
    pub fn new(at: At, probes: &'a [Probe]) -> Option<Self> {
        let (last, earlier) = probes.split_last()?;
        Some(Self { at, earlier, last })
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

    /// All probes, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a Probe> + 'a {
        self.earlier.iter().chain(std::iter::once(self.last))
    }

    /// What was seen after each of the probes, oldest first; the last is this trace.
    pub fn prefixes(&self) -> impl Iterator<Item = Trace<'a>> + use<'a> {
        let Self { at, earlier, last } = *self;
        let before = (0..earlier.len()).map(move |i| {
            let last = &earlier[i];
            Trace { at: At { layer: last.layer, ..at }, earlier: &earlier[..i], last }
        });
        before.chain(std::iter::once(Trace { at, earlier, last }))
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
}

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
}

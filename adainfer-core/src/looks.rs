use crate::{At, LayeredModel, Memory, Probe, Trace};

/// What the lens has shown of the token being decided.
pub(crate) struct Looks<L> {
    pub(crate) probes: Vec<Probe>,
    memory: Memory,
    pub(crate) count: usize,
    /// Whether probes compare with the logits before, and those.
    compare: bool,
    previous: Option<L>,
}

impl<L> Looks<L> {
    pub(crate) fn new(compare: bool) -> Self {
        Self { probes: Vec::new(), memory: Memory::default(), count: 0, compare, previous: None }
    }

    pub(crate) fn read<M: LayeredModel<Logits = L>>(
        &mut self,
        model: &M,
        layer: usize,
        logits: &L,
    ) -> Result<Probe, M::Error> {
        self.count += 1;
        Ok(Probe { layer, ..model.probe(logits, self.previous.as_ref())? })
    }

    pub(crate) fn trace(&self, at: At) -> Option<Trace<'_>> {
        Some(Trace::new(at, &self.probes)?.remembering(&self.memory))
    }

    /// Keeps the logits of a finite probe for the next one, if that compares.
    pub(crate) fn keep(&mut self, logits: L) {
        self.previous = self.compare.then_some(logits);
    }
}

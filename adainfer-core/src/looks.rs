use crate::{At, ExitPolicy, LayeredModel, Memory, Probe, Trace};

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

    /// Takes a probe in, and says whether the run ends with it. One that is not finite decides nothing.
    pub(crate) fn settles(&mut self, policy: &impl ExitPolicy, at: At, probe: Probe) -> bool {
        if !probe.is_finite() {
            return false;
        }
        self.probes.push(probe);
        at.layer == at.layers || self.trace(at).is_some_and(|trace| policy.decide(trace).is_exit())
    }

    fn trace(&self, at: At) -> Option<Trace<'_>> {
        Some(Trace::new(at, &self.probes)?.remembering(&self.memory))
    }

    /// Keeps the logits of a finite probe for the next one, if that compares.
    pub(crate) fn keep(&mut self, logits: L) {
        self.previous = self.compare.then_some(logits);
    }
}

/// Whether to look: always after the last layer; else where the lens can, and the policy wants to.
pub(crate) fn wanted<M: LayeredModel>(model: &M, policy: &impl ExitPolicy, at: At) -> bool {
    at.layer == at.layers || (model.looks_after(at.layer - 1) && policy.wants(at))
}

use crate::{At, Probe, Step};

/// Watches a run. Every method does nothing unless written; `(A, B)` watches with both.
pub trait Observer {
    /// A token is about to be decided, after `produced` others in this session.
    fn started(&mut self, _produced: usize) {}
    /// The lens was read after a layer; also where the probe is not finite.
    fn probed(&mut self, _at: At, _probe: &Probe) {}
    /// A token was decided.
    fn stepped(&mut self, _step: &Step) {}
}

impl Observer for () {}

impl<A: Observer, B: Observer> Observer for (A, B) {
    fn started(&mut self, produced: usize) {
        self.0.started(produced);
        self.1.started(produced);
    }
    fn probed(&mut self, at: At, probe: &Probe) {
        self.0.probed(at, probe);
        self.1.probed(at, probe);
    }
    fn stepped(&mut self, step: &Step) {
        self.0.stepped(step);
        self.1.stepped(step);
    }
}

impl<O: Observer + ?Sized> Observer for &mut O {
    fn started(&mut self, produced: usize) {
        (**self).started(produced);
    }
    fn probed(&mut self, at: At, probe: &Probe) {
        (**self).probed(at, probe);
    }
    fn stepped(&mut self, step: &Step) {
        (**self).stepped(step);
    }
}

/// The probes of one decided token, and what was decided.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// The probes in the order of their layers.
    pub probes: Vec<Probe>,
    /// The token and what it took.
    pub step: Step,
}

/// Keeps every probe of every token: what policies are trained on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorder {
    tokens: Vec<Recorded>,
    open: Vec<Probe>,
}

impl Recorder {
    /// What was recorded, one entry a decided token. Probes of a call that failed are left out.
    pub fn tokens(&self) -> &[Recorded] {
        &self.tokens
    }

    /// Hands out what was recorded.
    pub fn into_tokens(self) -> Vec<Recorded> {
        self.tokens
    }
}

impl Observer for Recorder {
    fn started(&mut self, _: usize) {
        self.open.clear();
    }
    fn probed(&mut self, _: At, probe: &Probe) {
        self.open.push(*probe);
    }
    fn stepped(&mut self, step: &Step) {
        self.tokens.push(Recorded { probes: std::mem::take(&mut self.open), step: *step });
    }
}

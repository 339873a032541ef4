use adainfer_core::{At, Decision, ExitPolicy, ModelSpec, PolicyMismatch, Trace};

/// Exits after one fixed layer, whatever it shows: the baseline that every policy must beat. It costs
/// no look beyond the one that gives the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticLayer {
    layer: usize,
}

impl StaticLayer {
    /// Exits after `layer`, counted from 1.
    pub fn new(layer: usize) -> Self {
        Self { layer }
    }
}

impl ExitPolicy for StaticLayer {
    fn decide(&self, _: Trace<'_>) -> Decision {
        Decision::Exit
    }
    fn wants(&self, at: At) -> bool {
        at.layer >= self.layer
    }
    fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        if (1..=model.layers).contains(&self.layer) {
            return Ok(());
        }
        Err(PolicyMismatch::NoSuchLayer { layer: self.layer, layers: model.layers })
    }
}

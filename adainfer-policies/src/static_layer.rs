use adainfer_core::{At, Decision, ExitPolicy, ModelSpec, PolicyMismatch, Trace};
use serde::{Deserialize, Serialize};

use crate::ScoringPolicy;

/// Exits after one fixed layer, whatever it shows: the baseline that every policy must beat. It costs
/// no look beyond the one that gives the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

/// It has no threshold to choose; but the layer can be certified, or not, as it is.
impl ScoringPolicy for StaticLayer {
    /// 1: it always exits.
    fn score(&self, _: Trace<'_>) -> f64 {
        1.0
    }

    /// 0.
    fn threshold(&self) -> f64 {
        0.0
    }

    /// The same.
    fn with_threshold(&self, _: f64) -> Self {
        *self
    }

    /// 0 alone.
    fn grid(&self) -> Vec<f64> {
        vec![0.0]
    }
}

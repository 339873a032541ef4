//! Recorded traces: what policies are trained, calibrated and replayed on.

mod error;
mod file;
mod lines;
mod set;
mod token;

pub use error::TraceError;
pub use file::{TraceReader, TraceWriter};
pub use set::TraceSet;
pub use token::{Label, TokenTrace};

use adainfer_core::{ModelSpec, PolicyMismatch};

/// What traces were recorded from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TraceSource {
    /// Identity of the weights and the lens: [`ModelSpec::fingerprint`].
    pub fingerprint: String,
    /// What the lens is called; `logit` is the model's own head.
    pub lens: String,
    /// Layers of the model.
    pub layers: usize,
}

impl TraceSource {
    /// A model, seen through the lens of this name.
    pub fn new(model: &ModelSpec, lens: impl Into<String>) -> Self {
        Self { fingerprint: model.fingerprint.clone(), lens: lens.into(), layers: model.layers }
    }

    /// A model of this identity, to ask policies about.
    pub(crate) fn model(&self) -> ModelSpec {
        ModelSpec::new(self.layers, 2, 1, self.fingerprint.clone())
    }

    /// Refuses a model that is not this one, or is seen through another lens.
    pub(crate) fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        if self.layers != model.layers {
            return Err(PolicyMismatch::Layers { policy: self.layers, model: model.layers });
        }
        if self.fingerprint != model.fingerprint {
            return Err(PolicyMismatch::Weights {
                policy: self.fingerprint.clone(),
                model: model.fingerprint.clone(),
            });
        }
        Ok(())
    }
}

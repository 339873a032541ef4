//! Is early exit worth it?

mod advice;
mod error;
mod layers;
mod params;
mod plot;
mod table;

pub use advice::Advice;
pub use error::SuitabilityError;
pub use layers::LayerAgreement;
pub use params::{LensTraces, SuitabilityParams};

use adainfer_policies::{Certificate, Plan, Replay, SavedPolicy};
use serde::Serialize;

use crate::wilson;

/// Whether early exit is worth it for a model and its prompts: made by [`SuitabilityParams::assess`].
///
/// Its `Display` is a table for people, [`to_json`](Self::to_json) the same for programs, [`to_svg`](Self::to_svg) a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Suitability {
    /// Fingerprint of the model, through the first lens.
    pub model: String,
    /// Layers of the model.
    pub layers: usize,
    /// Prompts that schedules were chosen and policies trained on, that they were calibrated on, and that are reported on.
    pub prompts: [usize; 3],
    /// One for each lens, in the order given.
    pub lenses: Vec<LensSuitability>,
    /// What to do.
    pub advice: Advice,
}

/// What early exit does through one lens.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LensSuitability {
    /// What the lens is called.
    pub lens: String,
    /// After each layer that was recorded, on all prompts; on those reported on where these were given apart.
    pub agreement: Vec<LayerAgreement>,
    /// Mean of the earliest layer whose token is dense's, on the same.
    pub mean_optimal_layer: f64,
    /// Mean of the earliest layer from which all tokens are dense's, on the same.
    pub mean_saturation_layer: f64,
    /// Where to look, chosen on the first part of the prompts.
    pub plan: Plan,
    /// What the second part certifies; `None` where the plan is dense.
    pub certificate: Option<Certificate>,
    /// What the certified policy, or dense, does on the third part.
    pub measured: Measured,
    /// The policy, for a file. Not part of the JSON.
    #[serde(skip)]
    pub policy: SavedPolicy,
}

/// What a policy does on prompts that it has not seen; seconds are those of the cost model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Measured {
    /// Tokens.
    pub tokens: usize,
    /// Those that are dense's.
    pub agreement: Share,
    /// The right ones, where gold tokens are known.
    pub accuracy: Option<Share>,
    /// Mean layers run.
    pub mean_layers: f64,
    /// 1 - mean layers / layers.
    pub pruning_ratio: f64,
    /// Mean looks, the answer's own among them.
    pub mean_looks: f64,
    /// Mean seconds a token.
    pub seconds: f64,
    /// Dense's.
    pub dense_seconds: f64,
    /// Dense's seconds over the policy's.
    pub speed_up: f64,
}

/// A share with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Share {
    /// The share that was seen.
    pub share: f64,
    /// Lower end of Wilson's interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    fn of(share: f64, count: usize) -> Self {
        let (low, high) = wilson((share * count as f64).round() as usize, count);
        Self { share, low, high }
    }
}

impl Measured {
    fn of(replay: &Replay, plan: &Plan) -> Self {
        let costs = &plan.costs;
        let seconds = costs.seconds(replay.mean_layers, replay.mean_heads);
        let dense_seconds = costs.dense(replay.layers);
        Self {
            tokens: replay.tokens,
            agreement: Share::of(replay.agreement, replay.tokens),
            accuracy: replay.accuracy.map(|share| Share::of(share, replay.tokens)),
            mean_layers: replay.mean_layers,
            pruning_ratio: replay.pruning_ratio,
            mean_looks: replay.mean_heads,
            seconds,
            dense_seconds,
            speed_up: dense_seconds / seconds,
        }
    }
}

impl LensSuitability {
    /// Whether anything exits early.
    pub fn exits(&self) -> bool {
        self.certificate.as_ref().is_some_and(|certificate| certificate.threshold.is_some())
    }
}

impl Suitability {
    /// The lens through which the prompts take least time, if one exits at all.
    pub fn best(&self) -> Option<&LensSuitability> {
        let exits = self.lenses.iter().filter(|lens| lens.exits());
        exits.min_by(|a, b| a.measured.seconds.total_cmp(&b.measured.seconds))
    }

    /// All of it as JSON; floats are written so that they read back as they are.
    ///
    /// # Errors
    /// [`SuitabilityError::Io`], which would be a bug: all of it can be written.
    pub fn to_json(&self) -> Result<String, SuitabilityError> {
        Ok(serde_json::to_string_pretty(self).map_err(std::io::Error::from)? + "\n")
    }
}

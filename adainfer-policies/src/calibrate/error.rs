use adainfer_core::PolicyMismatch;

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// epsilon or delta is no share.
    #[error("{name} must be between 0 and 1, not {found}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// Its value.
        found: f64,
    },
    /// There is no threshold to choose.
    #[error("the grid has no threshold")]
    EmptyGrid,
    /// Thresholds are not finite, or do not go from safe to aggressive.
    #[error("threshold {index} of the grid, {threshold}, must be finite and below the one before, {before}")]
    Grid {
        /// Which, counted from 0.
        index: usize,
        /// Its value.
        threshold: f64,
        /// The one before.
        before: f64,
    },
    /// There is nothing to calibrate on.
    #[error("there are no traces")]
    NoTraces,
    /// The policy is for another model than the traces', or for another lens.
    #[error(transparent)]
    Policy(#[from] PolicyMismatch),
    /// A trace has probes of other layers than the first.
    #[error("prompt {prompt:?} has probes of other layers than the first trace")]
    OtherLayers {
        /// The prompt's name.
        prompt: String,
    },
    /// The policy looks after a layer that the traces lack.
    #[error("the policy looks after layer {layer}, and the traces have no probe of it")]
    NotRecorded {
        /// The layer, counted from 1.
        layer: usize,
    },
    /// The policy has seen a prompt while it was trained.
    #[error("the policy was trained on prompt {prompt:?}, so it cannot be calibrated on it")]
    Overlap {
        /// The prompt's name.
        prompt: String,
    },
    /// What is right is not known of a prompt, and the risk is about that.
    #[error("prompt {prompt:?} has a token without a gold token")]
    NoGold {
        /// The prompt's name.
        prompt: String,
    },
}

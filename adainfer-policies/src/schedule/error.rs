use adainfer_core::PolicyMismatch;

use crate::{CalibrationError, FitError};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Nothing was measured.
    #[error("the costs of no prompt are known")]
    NoCosts,
    /// A cost that is none.
    #[error("{name} takes {found} s for {positions} positions: a cost must be finite and at least 0")]
    Cost {
        /// Positions of the run.
        positions: usize,
        /// Which of its numbers.
        name: &'static str,
        /// The number.
        found: f64,
    },
    /// The costs are another model's than the traces', or another lens's.
    #[error("the costs and the traces are not of one model")]
    OtherModel(#[source] PolicyMismatch),
    /// Too few prompts for a choice between schedules to mean anything.
    #[error("{found} prompts are too few to plan with: {needed} are needed, and a few hundred are better")]
    TooFewPrompts {
        /// Prompts given.
        found: usize,
        /// Prompts needed.
        needed: usize,
    },
    /// A trace has probes of other layers than the first.
    #[error("prompt {prompt:?} has probes of other layers than the first trace")]
    OtherLayers {
        /// The prompt's name.
        prompt: String,
    },
    /// The policy could not be trained.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The policy could not be calibrated.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A file could not be read or written.
    #[error("the plan cannot be read or written")]
    Io(#[from] std::io::Error),
    /// A file is no JSON, or has a field that is missing, unknown or wrong.
    #[error("the plan's field {field} is wrong")]
    Json {
        /// Where in the file.
        field: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A file whose layers do not come one after the other.
    #[error("the plan has layer {after} after layer {before}")]
    Order {
        /// A layer.
        before: usize,
        /// The next.
        after: usize,
    },
    /// A file of another version.
    #[error("a plan of version {found}, and this library reads version {known}")]
    Version {
        /// Its version.
        found: u64,
        /// The version that can be read.
        known: u64,
    },
    /// A file that is longer than any plan.
    #[error("the plan is longer than {limit} bytes")]
    TooLong {
        /// Bytes that are read at most.
        limit: u64,
    },
}

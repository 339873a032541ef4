use adainfer_policies::{CalibrationError, FitError, PlanError};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuitabilityError {
    /// There is no lens to report on.
    #[error("there are no traces")]
    NoTraces,
    /// Two lenses were not seen on the same prompts.
    #[error("the traces of {lens} are of other prompts than those of {first}")]
    OtherPrompts {
        /// The first lens.
        first: String,
        /// The other.
        lens: String,
    },
    /// What is to be reported on was planned or calibrated on.
    #[error("prompt {prompt:?} is among those to report on and among the others")]
    Seen {
        /// The prompt's name.
        prompt: String,
    },
    /// Too few prompts to plan, calibrate and report on.
    #[error("{found} prompts are too few: {needed} are needed, and a few hundred are better")]
    TooFewPrompts {
        /// Prompts given.
        found: usize,
        /// Prompts needed.
        needed: usize,
    },
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A policy could not be trained.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A policy could not be calibrated.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The picture could not be drawn.
    #[error("the picture could not be drawn: {reason}")]
    Plot {
        /// Why.
        reason: String,
    },
    /// The report could not be written.
    #[error("the report could not be written")]
    Io(#[from] std::io::Error),
}

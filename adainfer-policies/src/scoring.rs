use adainfer_core::{ExitPolicy, Trace};

use crate::PromptSet;

/// A policy that exits where a score is above a threshold, so that the threshold can be chosen with a
/// certificate: see [`Calibration`](crate::Calibration).
pub trait ScoringPolicy: ExitPolicy + Clone {
    /// How settled the answer looks after the newest probe; more is surer. NaN counts as unsure.
    fn score(&self, trace: Trace<'_>) -> f64;

    /// The score above which it exits.
    fn threshold(&self) -> f64;

    /// The same policy with another threshold. A policy clamps what it cannot have.
    #[must_use]
    fn with_threshold(&self, threshold: f64) -> Self;

    /// Thresholds to choose among, from one that hardly ever exits to one that nearly always does; fixed
    /// before any trace is looked at.
    fn grid(&self) -> Vec<f64>;

    /// The prompts that it was trained on, which must not be calibrated on too.
    fn trained_on(&self) -> Option<&PromptSet> {
        None
    }
}

/// From `first` down to `last` in equal steps.
pub(crate) fn steps(first: f64, last: f64, count: u32) -> Vec<f64> {
    (0..=count).map(|i| first + (last - first) * f64::from(i) / f64::from(count)).collect()
}

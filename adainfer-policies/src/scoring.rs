use adainfer_core::{ExitPolicy, Trace};

use crate::Training;

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

    /// What it was trained on: prompts that must not be calibrated on too, and layers that it must have seen.
    fn training(&self) -> Option<&Training> {
        None
    }
}

/// From `first` down to `last` in equal steps.
pub(crate) fn steps(first: f64, last: f64, count: u32) -> Vec<f64> {
    (0..=count).map(|i| first + (last - first) * f64::from(i) / f64::from(count)).collect()
}

/// A threshold that can be written to a file: NaN, which nothing is above, becomes the largest number.
pub(crate) fn finite(threshold: f64) -> f64 {
    if threshold.is_nan() { f64::MAX } else { threshold.clamp(f64::MIN, f64::MAX) }
}

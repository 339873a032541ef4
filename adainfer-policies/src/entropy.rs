use adainfer_core::{Decision, ExitPolicy, Extras, Trace};
use serde::{Deserialize, Serialize};

use crate::{ScoringPolicy, ThresholdError};

/// Exits where the distribution's entropy, in nats, is below a threshold: the rule of BranchyNet (Teerapittayanon
/// et al. 2016).
///
/// A score is minus the entropy, since more must be surer; so [`ScoringPolicy`]'s thresholds are negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct EntropyThreshold {
    nats: f32,
}

impl EntropyThreshold {
    /// Exits where `entropy < nats`.
    ///
    /// # Errors
    /// A threshold that is negative, infinite or NaN.
    pub fn new(nats: f32) -> Result<Self, ThresholdError> {
        // Written so that NaN is refused.
        if nats >= 0.0 && nats.is_finite() {
            return Ok(Self { nats });
        }
        Err(ThresholdError { must: "finite and not negative", found: nats })
    }

    /// The threshold in nats.
    pub fn nats(&self) -> f32 {
        self.nats
    }
}

impl ExitPolicy for EntropyThreshold {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        Decision::exit_if(trace.last().entropy.is_some_and(|entropy| entropy < self.nats))
    }

    fn extras(&self) -> Extras {
        let mut extras = Extras::NONE;
        extras.entropy = true;
        extras
    }
}

impl ScoringPolicy for EntropyThreshold {
    /// Minus the entropy; minus infinity of a probe without one.
    fn score(&self, trace: Trace<'_>) -> f64 {
        trace.last().entropy.map_or(f64::NEG_INFINITY, |entropy| -f64::from(entropy))
    }

    fn threshold(&self) -> f64 {
        -f64::from(self.nats)
    }

    /// Clamped to what an entropy can be below: a positive score or NaN becomes 0 nats, which never exits.
    fn with_threshold(&self, threshold: f64) -> Self {
        let nats = if threshold.is_nan() { 0.0 } else { (-threshold).clamp(0.0, f32::MAX.into()) };
        Self { nats: nats as f32 }
    }

    /// From 0.01 nats to 8 in steps of about 4 percent.
    fn grid(&self) -> Vec<f64> {
        let steps = 170;
        let ratio = (8.0f64 / 0.01).powf(1.0 / f64::from(steps));
        (0..=steps).map(|i| -0.01 * ratio.powi(i)).collect()
    }
}

/// As a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    nats: f32,
}

impl TryFrom<Unchecked> for EntropyThreshold {
    type Error = ThresholdError;

    fn try_from(file: Unchecked) -> Result<Self, ThresholdError> {
        Self::new(file.nats)
    }
}

use adainfer_core::{Decision, ExitPolicy, Trace};

use crate::ScoringPolicy;
use crate::scoring::steps;

/// Exits where the top token leads the second by more than a threshold: the paper's gap rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GapThreshold {
    threshold: f32,
}

impl GapThreshold {
    /// Exits where `gap > threshold`.
    ///
    /// # Errors
    /// A threshold that is NaN or outside 0 to 1.
    pub fn new(threshold: f32) -> Result<Self, ThresholdError> {
        Ok(Self { threshold: checked(threshold)? })
    }

    /// The threshold.
    pub fn threshold(&self) -> f32 {
        self.threshold
    }
}

impl Default for GapThreshold {
    /// 0.8, the paper's.
    fn default() -> Self {
        Self { threshold: 0.8 }
    }
}

impl ExitPolicy for GapThreshold {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        Decision::exit_if(trace.last().gap() > self.threshold)
    }
}

impl ScoringPolicy for GapThreshold {
    fn score(&self, trace: Trace<'_>) -> f64 {
        trace.last().gap().into()
    }

    fn threshold(&self) -> f64 {
        self.threshold.into()
    }

    /// Clamped to 0 to 1, where a NaN becomes 1, which never exits.
    fn with_threshold(&self, threshold: f64) -> Self {
        Self { threshold: clamped(threshold) }
    }

    /// From 0.995 to 0 in steps of 0.005.
    fn grid(&self) -> Vec<f64> {
        steps(0.995, 0.0, 199)
    }
}

/// Exits where the top token's probability is above a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopProbThreshold {
    threshold: f32,
}

impl TopProbThreshold {
    /// Exits where `top_prob > threshold`.
    ///
    /// # Errors
    /// A threshold that is NaN or outside 0 to 1.
    pub fn new(threshold: f32) -> Result<Self, ThresholdError> {
        Ok(Self { threshold: checked(threshold)? })
    }

    /// The threshold.
    pub fn threshold(&self) -> f32 {
        self.threshold
    }
}

impl ExitPolicy for TopProbThreshold {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        Decision::exit_if(trace.last().top_prob() > self.threshold)
    }
}

impl ScoringPolicy for TopProbThreshold {
    fn score(&self, trace: Trace<'_>) -> f64 {
        trace.last().top_prob().into()
    }

    fn threshold(&self) -> f64 {
        self.threshold.into()
    }

    /// Clamped to 0 to 1, where a NaN becomes 1, which never exits.
    fn with_threshold(&self, threshold: f64) -> Self {
        Self { threshold: clamped(threshold) }
    }

    /// From 0.995 to 0 in steps of 0.005.
    fn grid(&self) -> Vec<f64> {
        steps(0.995, 0.0, 199)
    }
}

/// A threshold that no probability can be compared with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("a threshold must be from 0 to 1, not {found}")]
pub struct ThresholdError {
    /// What was given.
    pub found: f32,
}

fn checked(threshold: f32) -> Result<f32, ThresholdError> {
    // Written so that NaN is refused.
    if (0.0..=1.0).contains(&threshold) { Ok(threshold) } else { Err(ThresholdError { found: threshold }) }
}

fn clamped(threshold: f64) -> f32 {
    if threshold.is_nan() { 1.0 } else { threshold.clamp(0.0, 1.0) as f32 }
}

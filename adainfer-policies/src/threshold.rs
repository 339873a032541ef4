use adainfer_core::{Decision, ExitPolicy, Trace};

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

use adainfer_core::{Decision, ExitPolicy, Probe, Trace};
use serde::{Deserialize, Serialize};

use crate::ScoringPolicy;
use crate::scoring::steps;

/// A policy that exits where a share of the probability is above a threshold.
macro_rules! above {
    ($(#[$doc:meta])* $name:ident, $feature:literal, $of:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        #[serde(try_from = "Unchecked")]
        pub struct $name {
            threshold: f32,
        }

        impl $name {
            #[doc = concat!("Exits where `", $feature, " > threshold`.")]
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

            fn share(trace: Trace<'_>) -> f32 {
                let of: fn(&Probe) -> f32 = $of;
                of(trace.last())
            }
        }

        impl ExitPolicy for $name {
            fn decide(&self, trace: Trace<'_>) -> Decision {
                Decision::exit_if(Self::share(trace) > self.threshold)
            }
        }

        impl ScoringPolicy for $name {
            fn score(&self, trace: Trace<'_>) -> f64 {
                Self::share(trace).into()
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

        impl TryFrom<Unchecked> for $name {
            type Error = ThresholdError;

            fn try_from(file: Unchecked) -> Result<Self, ThresholdError> {
                Self::new(file.threshold)
            }
        }
    };
}
above!(
    /// Exits where the top token leads the second by more than a threshold: the paper's gap rule.
    GapThreshold,
    "gap",
    Probe::gap
);
above!(
    /// Exits where the top token's probability is above a threshold.
    TopProbThreshold,
    "top_prob",
    Probe::top_prob
);

impl Default for GapThreshold {
    /// 0.8, the paper's.
    fn default() -> Self {
        Self { threshold: 0.8 }
    }
}

/// As a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    threshold: f32,
}

/// A threshold that nothing can be compared with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("a threshold must be {must}, not {found}")]
pub struct ThresholdError {
    /// Its range.
    pub must: &'static str,
    /// What was given.
    pub found: f32,
}

fn checked(threshold: f32) -> Result<f32, ThresholdError> {
    // Written so that NaN is refused.
    let good = (0.0..=1.0).contains(&threshold);
    if good { Ok(threshold) } else { Err(ThresholdError { must: "from 0 to 1", found: threshold }) }
}

fn clamped(threshold: f64) -> f32 {
    if threshold.is_nan() { 1.0 } else { threshold.clamp(0.0, 1.0) as f32 }
}

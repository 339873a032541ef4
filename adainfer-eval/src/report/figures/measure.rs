//! What bars and points are of.

use crate::Score;

/// A number of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Right answers.
    Accuracy,
    /// Operations beside the whole model's.
    Operations,
    /// Layers run.
    Layers,
}

impl Measure {
    /// A panel's title.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Operations => "operations",
            Self::Layers => "layers",
        }
    }

    /// An axis' name, with the unit.
    pub(super) fn axis(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy (share)",
            Self::Operations => "operations (% of dense)",
            Self::Layers => "mean layers run",
        }
    }

    /// The most that it can be.
    pub(super) fn most(self) -> f64 {
        match self {
            Self::Accuracy => 1.0,
            Self::Operations | Self::Layers => f64::INFINITY,
        }
    }

    /// The number.
    pub(super) fn of(self, score: &Score) -> f64 {
        match self {
            Self::Accuracy => score.accuracy,
            Self::Operations => score.flops_ratio * 100.0,
            Self::Layers => score.mean_layers,
        }
    }
}

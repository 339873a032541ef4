//! A linear-chain conditional random field over the layers (paper, section 4.2).

mod chain;
mod train;

pub use train::CrfParams;

use adainfer_core::{ModelSpec, Trace};
use serde::{Deserialize, Serialize};

use crate::scoring::{finite, steps};
use crate::training::exits_above_its_threshold;
use crate::{ScoringPolicy, Training, Transfer, TransferError};
use chain::Transitions;

/// Exits where a linear chain with the states "not settled" and "settled" is sure enough of the second.
///
/// An exit can see only the layers so far, so what counts is the *filtered* log-odds of "settled" after the
/// newest probe,
/// `r_l = s_l + lse(t01, r + t11) - lse(t00, r + t10)`, where s_l is the features' score, t the transitions'
/// and r the log-odds one probe before. The field was trained on whole chains, where later layers speak for
/// earlier ones; its log-odds on a prefix are therefore no calibrated confidence, and a threshold at even odds
/// exits far too early. Choose one on traces that it was not trained on.
///
/// A decision takes constant time where the probes before were decided on too, as a session does; else time linear
/// in the probes so far ([`Trace::fold`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct CrfPolicy {
    training: Training,
    /// By how much a feature speaks for "settled".
    emission: Vec<f64>,
    transitions: Transitions,
    threshold: f64,
}

impl ScoringPolicy for CrfPolicy {
    /// Filtered log-odds of "settled".
    fn score(&self, trace: Trace<'_>) -> f64 {
        let emission = |trace| self.training.features.weighted(&self.emission, trace);
        trace.fold(&self.transitions, |before, trace| self.transitions.filter(before, emission(trace)))
    }

    fn threshold(&self) -> f64 {
        self.threshold
    }

    fn with_threshold(&self, threshold: f64) -> Self {
        Self { threshold: finite(threshold), ..self.clone() }
    }

    /// Log-odds from 12 to -4 in steps of 0.05: probabilities from 0.999994 to 0.018.
    fn grid(&self) -> Vec<f64> {
        steps(12.0, -4.0, 320)
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }
}

exits_above_its_threshold!(CrfPolicy);

impl Transfer for CrfPolicy {
    fn transfer_to(&self, model: &ModelSpec) -> Result<Self, TransferError> {
        Ok(Self { training: self.training.transferred_to(model), ..self.clone() })
    }
}

/// As a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    training: Training,
    emission: Vec<f64>,
    transitions: Transitions,
    threshold: f64,
}

impl TryFrom<Unchecked> for CrfPolicy {
    type Error = String;

    fn try_from(Unchecked { training, emission, transitions, threshold }: Unchecked) -> Result<Self, String> {
        training.has_width(emission.len(), "the emission")?;
        Ok(Self { training, emission, transitions, threshold })
    }
}

//! A linear-chain conditional random field over the layers (paper, section 4.2).

mod chain;
mod train;

pub use train::CrfParams;

use adainfer_core::{Decision, ExitPolicy, Extras, ModelSpec, PolicyMismatch, Trace};

use crate::scoring::steps;
use crate::{FeatureSet, PromptSet, ScoringPolicy, TraceSource};
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
/// A decision takes time linear in the probes so far.
#[derive(Debug, Clone, PartialEq)]
pub struct CrfPolicy {
    source: TraceSource,
    prompts: PromptSet,
    features: FeatureSet,
    /// By how much a feature speaks for "settled".
    emission: Vec<f64>,
    transitions: Transitions,
    threshold: f64,
}

impl CrfPolicy {
    fn emission_of(&self, trace: Trace<'_>) -> f64 {
        self.emission.iter().zip(self.features.of(trace)).map(|(weight, x)| weight * x).sum()
    }
}

impl ScoringPolicy for CrfPolicy {
    /// Filtered log-odds of "settled".
    fn score(&self, trace: Trace<'_>) -> f64 {
        let scores = trace.prefixes().map(|prefix| self.emission_of(prefix));
        scores
            .fold(None, |before, score| Some(self.transitions.filter(before, score)))
            .unwrap_or(f64::NEG_INFINITY)
    }

    fn threshold(&self) -> f64 {
        self.threshold
    }

    fn with_threshold(&self, threshold: f64) -> Self {
        Self { threshold, ..self.clone() }
    }

    /// Log-odds from 12 to -4 in steps of 0.05: probabilities from 0.999994 to 0.018.
    fn grid(&self) -> Vec<f64> {
        steps(12.0, -4.0, 320)
    }

    fn trained_on(&self) -> Option<&PromptSet> {
        Some(&self.prompts)
    }
}

impl ExitPolicy for CrfPolicy {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        Decision::exit_if(self.score(trace) > self.threshold)
    }

    fn extras(&self) -> Extras {
        self.features.extras()
    }

    fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        self.source.check(model)
    }
}

use adainfer_core::TokenId;
use adainfer_policies::Confusion;
use serde::{Deserialize, Serialize};

use super::ModelEntry;
use crate::Question;
use crate::means::{Means, Size};

/// What a [`Score`] is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreOf {
    /// The model.
    pub model: String,
    /// The lens.
    pub lens: String,
    /// The task.
    pub task: String,
    /// Demonstrations in each prompt.
    pub shots: usize,
    /// What decided: `dense`, `gap:0.8`, `svm`, ...
    pub method: String,
}

/// What a method did with one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether its token is right.
    pub correct: bool,
    /// Whether its token is the whole model's.
    pub agrees: bool,
    /// Layers run.
    pub layers_run: usize,
    /// Heads computed, the answer's own among them.
    pub heads_run: usize,
    /// Tokens of the prompt.
    pub positions: usize,
}

impl Outcome {
    /// A token for a question that the whole model answers with `dense`.
    pub fn new(
        question: &Question,
        token: TokenId,
        dense: TokenId,
        layers_run: usize,
        heads_run: usize,
    ) -> Self {
        let positions = question.tokens.len();
        Self {
            correct: question.gold.contains(&token),
            agrees: token == dense,
            layers_run,
            heads_run,
            positions,
        }
    }
}

/// What a method did on the questions of a task. Shares come with 95 % intervals of Wilson, `(low, high)`; means are over
/// questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Score {
    /// What it is of.
    pub of: ScoreOf,
    /// Questions.
    pub n: usize,
    /// Share of right answers.
    pub accuracy: f64,
    /// Its interval.
    pub accuracy_interval: (f64, f64),
    /// Share of the whole model's answers.
    pub agreement: f64,
    /// Its interval.
    pub agreement_interval: (f64, f64),
    /// Layers run.
    pub mean_layers: f64,
    /// Their variance.
    pub var_layers: f64,
    /// 1 - mean layers / layers.
    pub pruning_ratio: f64,
    /// Heads computed, the answer's own among them.
    pub mean_heads: f64,
    /// Operations beside the whole model's: of the layers and heads that were run.
    pub flops_ratio: f64,
    /// The same in the paper's way (appendix A), which counts layers and one head.
    pub paper_flops_ratio: f64,
    /// Exits before the last layer: where the token was the whole model's and where not, taken and not.
    pub confusion: Option<Confusion>,
}

impl Score {
    /// Sums outcomes up; of none every mean is NaN, which JSON writes as null. `model` is the whole one.
    pub fn new(of: ScoreOf, model: &ModelEntry, outcomes: &[Outcome], confusion: Option<Confusion>) -> Self {
        let size = Size { layers: model.layers.unwrap_or(0), hidden: model.hidden, vocab: model.vocab };
        let means = Means::of(outcomes, size);
        let (accuracy, accuracy_interval) = means.accuracy;
        let (agreement, agreement_interval) = means.agreement;
        Self {
            of,
            n: outcomes.len(),
            accuracy,
            accuracy_interval,
            agreement,
            agreement_interval,
            mean_layers: means.layers,
            var_layers: means.variance,
            pruning_ratio: means.pruning_ratio,
            mean_heads: means.heads,
            flops_ratio: means.flops_ratio,
            paper_flops_ratio: means.paper_flops_ratio,
            confusion,
        }
    }
}

use adainfer_core::TokenId;
use adainfer_policies::{Confusion, Flops};
use serde::{Deserialize, Serialize};

use super::ModelEntry;
use crate::{Question, wilson};

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
        let n = outcomes.len();
        let layers = model.layers.unwrap_or(0);
        let mean = |of: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / n as f64;
        let share = |is: &dyn Fn(&Outcome) -> bool| {
            let count = outcomes.iter().filter(|outcome| is(outcome)).count();
            (count as f64 / n as f64, wilson(count, n))
        };
        let (accuracy, accuracy_interval) = share(&|outcome| outcome.correct);
        let (agreement, agreement_interval) = share(&|outcome| outcome.agrees);
        let flops = |outcome: &Outcome| Flops {
            hidden: model.hidden,
            vocab: model.vocab,
            positions: outcome.positions,
        };
        let mean_layers = mean(&|outcome| outcome.layers_run as f64);
        Self {
            of,
            n,
            accuracy,
            accuracy_interval,
            agreement,
            agreement_interval,
            mean_layers,
            var_layers: mean(&|outcome| (outcome.layers_run as f64 - mean_layers).powi(2)),
            pruning_ratio: 1.0 - mean_layers / layers as f64,
            mean_heads: mean(&|outcome| outcome.heads_run as f64),
            flops_ratio: mean(&|outcome| {
                flops(outcome).ratio(outcome.layers_run as f64, outcome.heads_run as f64, layers)
            }),
            paper_flops_ratio: mean(&|outcome| flops(outcome).paper_ratio(outcome.layers_run as f64, layers)),
            confusion,
        }
    }
}

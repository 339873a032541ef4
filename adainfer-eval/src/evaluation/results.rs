use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Answer, EvaluationError, Words};
use crate::Outcome;
use crate::means::{Means, Size, mean, share};
use crate::replace::replace;

/// The version that is written.
const VERSION: u64 = 1;

/// What an [`Evaluation`] was of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationParams {
    /// Fingerprint of the model.
    pub model: String,
    /// Its layers.
    pub layers: usize,
    /// Its hidden units; for the count of operations.
    pub hidden: usize,
    /// The tokens of its vocabulary.
    pub vocab: usize,
    /// What it ran on.
    pub device: String,
    /// Which policy decided.
    pub policy: String,
    /// Which lens it looked through.
    pub lens: String,
    /// Hash of the prompts.
    pub data: String,
    /// What drew the demonstrations.
    pub seed: u64,
    /// Prompts that were left out because the model has fewer positions.
    pub skipped: usize,
}

/// A model with an early exit beside the same model without.
///
/// Shares come with 95 % intervals of Wilson, `[low, high]`. Means are over questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Evaluation {
    /// The version of this schema.
    pub adainfer_results: u64,
    /// The library's version.
    pub version: String,
    /// What it is of.
    pub params: EvaluationParams,
    /// Questions.
    pub n: usize,
    /// Share that the whole model answers right.
    pub dense_accuracy: f64,
    /// Its interval.
    pub dense_accuracy_interval: (f64, f64),
    /// Share that the early exit answers right.
    pub accuracy: f64,
    /// Its interval.
    pub accuracy_interval: (f64, f64),
    /// Share that both answer alike.
    pub agreement: f64,
    /// Its interval.
    pub agreement_interval: (f64, f64),
    /// Layers run.
    pub mean_layers: f64,
    /// Their variance.
    pub var_layers: f64,
    /// 1 - mean layers / layers.
    pub pruning_ratio: f64,
    /// Looks, the answer's own among them.
    pub mean_heads: f64,
    /// Floating-point operations beside the whole model's: of the layers and heads that were run. A candidate lens's looks are
    /// counted as whole heads.
    pub flops_ratio: f64,
    /// The same in the paper's way (appendix A), which counts layers and one head.
    pub paper_flops_ratio: f64,
    /// Mean seconds of the whole model.
    pub wall_dense_s: f64,
    /// Mean seconds of the early exit.
    pub wall_s: f64,
    /// The former over the latter.
    pub speedup: f64,
    /// Answers in words, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
    /// Every question.
    pub items: Vec<Answer>,
}

impl Evaluation {
    /// Sums answers up.
    ///
    /// # Errors
    /// [`EvaluationError::NoAnswers`].
    pub fn new(params: EvaluationParams, items: Vec<Answer>) -> Result<Self, EvaluationError> {
        let n = items.len();
        if n == 0 {
            return Err(EvaluationError::NoAnswers);
        }
        let size = Size { layers: params.layers, hidden: params.hidden, vocab: params.vocab };
        let means = Means::of(&items.iter().map(outcome).collect::<Vec<_>>(), size);
        let (accuracy, accuracy_interval) = means.accuracy;
        let (agreement, agreement_interval) = means.agreement;
        let (dense_accuracy, dense_accuracy_interval) = share(&items, |answer| answer.dense_correct);
        let wall_dense_s = mean(&items, |answer| answer.wall_dense_s);
        let wall_s = mean(&items, |answer| answer.wall_s);
        Ok(Self {
            adainfer_results: VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            n,
            dense_accuracy,
            dense_accuracy_interval,
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
            wall_dense_s,
            wall_s,
            speedup: wall_dense_s / wall_s,
            words: None,
            params,
            items,
        })
    }

    /// Writes it as JSON. It takes the place of an older file in one step, so that none is left half written.
    ///
    /// # Errors
    /// [`EvaluationError::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), EvaluationError> {
        let path = path.as_ref();
        let write = |out: &mut BufWriter<File>| {
            serde_json::to_writer_pretty(&mut *out, self)?;
            out.write_all(b"\n")
        };
        replace(path, write).map_err(|source| EvaluationError::io(path, source))
    }
}

/// What the early exit did.
fn outcome(answer: &Answer) -> Outcome {
    Outcome {
        correct: answer.correct,
        agrees: answer.token == answer.dense_token,
        layers_run: answer.layers_run,
        heads_run: answer.heads_run,
        positions: answer.positions,
    }
}

use serde::{Deserialize, Serialize};

use super::{Score, ScoreOf};
use crate::Words;

/// A model of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// What it is called.
    pub name: String,
    /// Its layers, where they are known.
    pub layers: Option<usize>,
    /// Its fingerprint; nothing where it was not run.
    pub fingerprint: Option<String>,
    /// Its hidden units; for the count of operations.
    pub hidden: usize,
    /// The tokens of its vocabulary.
    pub vocab: usize,
    /// The model of which this one lacks layers.
    pub pruned_from: Option<String>,
}

/// A task of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskEntry {
    /// What it is called.
    pub name: String,
    /// What it is one of: `question answering`, `sentiment`.
    pub kind: String,
}

/// Questions that a model was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunEntry {
    /// The model.
    pub model: String,
    /// The task.
    pub task: String,
    /// Demonstrations in each prompt.
    pub shots: usize,
    /// Whether they were drawn once for all questions.
    pub shared: bool,
    /// Questions.
    pub n: usize,
    /// Prompts that were left out because the model has fewer positions.
    pub skipped: usize,
    /// Prompts that policies were trained and certified on, with as many demonstrations.
    pub trained: usize,
    /// Mean tokens of a prompt.
    pub positions: f64,
    /// SHA-256 of the questions.
    pub data: String,
}

/// What each layer would answer; index 0 is layer 1. Where the lens cannot look there is nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// The model.
    pub model: String,
    /// The lens.
    pub lens: String,
    /// The task.
    pub task: String,
    /// Demonstrations in each prompt.
    pub shots: usize,
    /// Questions.
    pub n: usize,
    /// Share of right answers.
    pub accuracy: Vec<Option<f64>>,
    /// Share of dense's answers.
    pub agreement: Vec<Option<f64>>,
}

/// A number that policies look at, by layer; index 0 is layer 1. Where there is none (a difference at the first layer) there is
/// nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureCurve {
    /// The model.
    pub model: String,
    /// The lens.
    pub lens: String,
    /// The task.
    pub task: String,
    /// Demonstrations in each prompt.
    pub shots: usize,
    /// Questions.
    pub n: usize,
    /// The number's name, as [`Feature`](adainfer_policies::Feature) writes it.
    pub feature: String,
    /// Means over the questions.
    pub mean: Vec<Option<f64>>,
    /// Standard deviations.
    pub deviation: Vec<Option<f64>>,
}

/// What a policy was trained on, beside what it was tested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The same task's pool.
    IntraTask,
    /// Other tasks: the question answering ones, or for these all others.
    InterTask,
    /// Another model's traces, of all tasks.
    InterModel,
}

/// A policy on what it was not trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generalisation {
    /// What it was trained on.
    pub kind: Kind,
    /// The model that it was trained on.
    pub trained_on: String,
    /// What it was tested on; without a task where that could not be run.
    pub of: ScoreOf,
    /// What it did; nothing where that could not be run.
    pub score: Option<Score>,
    /// Why it could not be run.
    pub not_run: Option<String>,
}

/// A policy with a set of features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ablation {
    /// The set: `base`, `six`, `eight`, `base + attn`, ...
    pub features: String,
    /// What it did.
    pub score: Score,
}

/// Draft and verify for the first token: a shallower model drafts it, the whole model runs anyway and has the last word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drafts {
    /// The model.
    pub model: String,
    /// Layers of the one that drafts.
    pub draft_layers: usize,
    /// The task.
    pub task: String,
    /// Demonstrations in each prompt.
    pub shots: usize,
    /// Questions.
    pub n: usize,
    /// Share of drafts that were the whole model's token.
    pub accepted: f64,
    /// Its interval.
    pub accepted_interval: (f64, f64),
    /// Share of right answers: the whole model's.
    pub accuracy: f64,
    /// Operations beside the whole model's, the draft counted.
    pub flops_ratio: f64,
}

/// Dense and early exit by the clock, on the same questions in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The model.
    pub model: String,
    /// The lens.
    pub lens: String,
    /// The task.
    pub task: String,
    /// Demonstrations in each prompt.
    pub shots: usize,
    /// What decided.
    pub method: String,
    /// What it ran on.
    pub device: String,
    /// Questions.
    pub n: usize,
    /// Mean seconds of the whole model.
    pub dense_s: f64,
    /// Mean seconds of the early exit.
    pub early_s: f64,
    /// The former over the latter.
    pub speedup: f64,
    /// Layers run.
    pub mean_layers: f64,
    /// Share of dense's answers.
    pub agreement: f64,
}

/// Answers in words, of the whole model and with early exits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextScore {
    /// What it is of.
    pub of: ScoreOf,
    /// How they were.
    pub words: Words,
}

//! The paper's experiments: numbers, tables, pictures, a page.

mod entries;
mod error;
mod score;
mod tables;

pub use entries::{
    Ablation, Clock, Curve, Drafts, FeatureCurve, Generalisation, Kind, ModelEntry, RunEntry, TaskEntry,
    TextScore,
};
pub use error::ReportError;
pub use score::{Outcome, Score, ScoreOf};
pub use tables::Table;

use serde::{Deserialize, Serialize};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// What was found of models, methods and tasks. It holds numbers alone, and none of the tasks' text.
///
/// Layers are counted from 1, shares are between 0 and 1, seconds are seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Report {
    /// The version of this schema.
    pub adainfer_report: u64,
    /// The library's version.
    pub version: String,
    /// What drew demonstrations, and which prompts train.
    pub seed: u64,
    /// What certified policies may change, and how surely they do not.
    pub epsilon: f64,
    /// The probability that they change more.
    pub delta: f64,
    /// The models, those too that were not run.
    pub models: Vec<ModelEntry>,
    /// The tasks, in the order of the tables' columns.
    pub tasks: Vec<TaskEntry>,
    /// What was asked.
    pub runs: Vec<RunEntry>,
    /// What each method did.
    pub scores: Vec<Score>,
    /// What each layer would answer.
    pub curves: Vec<Curve>,
    /// What policies look at, by layer.
    pub features: Vec<FeatureCurve>,
    /// Policies on what they were not trained on.
    pub generalisation: Vec<Generalisation>,
    /// Policies with more features and fewer.
    pub ablation: Vec<Ablation>,
    /// Draft and verify.
    pub drafts: Vec<Drafts>,
    /// Dense and early exit by the clock.
    pub clock: Vec<Clock>,
    /// Answers in words.
    pub texts: Vec<TextScore>,
}

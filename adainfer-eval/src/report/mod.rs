//! The paper's experiments: numbers, tables, pictures, a page.

mod entries;
mod error;
mod figures;
mod page;
mod score;
mod shots;
mod study;
mod tables;
#[cfg(test)]
mod testing;

pub use entries::{
    Ablation, Clock, Curve, Drafts, FeatureCurve, Generalisation, Kind, ModelEntry, RunEntry, TaskEntry,
    TextScore,
};
pub use error::ReportError;
pub use figures::Figure;
pub use score::{Outcome, Score, ScoreOf};
pub use study::{Method, Study};
pub use tables::Table;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::replace::replace;

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

impl Report {
    /// One without numbers.
    fn new(seed: u64, epsilon: f64, delta: f64) -> Self {
        Self {
            adainfer_report: VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            epsilon,
            delta,
            models: Vec::new(),
            tasks: Vec::new(),
            runs: Vec::new(),
            scores: Vec::new(),
            curves: Vec::new(),
            features: Vec::new(),
            generalisation: Vec::new(),
            ablation: Vec::new(),
            drafts: Vec::new(),
            clock: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Reads a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`ReportError::Io`], [`ReportError::Version`], [`ReportError::Json`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ReportError> {
        let path = path.as_ref();
        let text = std::fs::read(path).map_err(|source| ReportError::Io { path: path.to_owned(), source })?;
        let wrong = |source| ReportError::Json { path: path.to_owned(), source };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(wrong)?;
        match value.get("adainfer_report").and_then(serde_json::Value::as_u64) {
            Some(found) if found != VERSION => {
                Err(ReportError::Version { path: path.to_owned(), found, known: VERSION })
            }
            _ => serde_json::from_value(value).map_err(wrong),
        }
    }

    /// Writes it as JSON. It takes the place of an older file in one step, so that none is left half written.
    ///
    /// # Errors
    /// [`ReportError::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        let path = path.as_ref();
        replace(path, |out| Ok(serde_json::to_writer(out, self)?))
            .map_err(|source| ReportError::Io { path: path.to_owned(), source })
    }
}

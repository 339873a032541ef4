use std::path::PathBuf;

use adainfer_policies::{SavedPolicyError, ThresholdError};

/// Why there is no evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// A policy was asked for in a way that is not known.
    #[error(
        "{text:?} is no policy: {reason}; it is never, gap:0.8, gap:0.8@25, static:27 or a policy's file"
    )]
    NoPolicy {
        /// What was asked for.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A layer that the model has not.
    #[error("layer {layer} was asked for, and the model's layers are 1 to {layers}")]
    NoSuchLayer {
        /// The layer.
        layer: usize,
        /// The model's layers.
        layers: usize,
    },
    /// A threshold that is none.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A policy's file could not be read.
    #[error("{} is not a policy: neither never, gap:0.8, gap:0.8@25 or static:27, nor a policy's file", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: SavedPolicyError,
    },
    /// A file could not be read or written.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file of answers has a line that is none.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of answers is of another run.
    #[error("{} has the answers of another run: of another model, lens, policy or other prompts", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to sum up.
    #[error("no question was answered")]
    NoAnswers,
}

impl EvaluationError {
    pub(super) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}

use std::path::PathBuf;

use adainfer_core::PolicyMismatch;
use adainfer_policies::{CalibrationError, FitError, ThresholdError};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Nothing was recorded.
    #[error("nothing was recorded of the questions of any task")]
    NothingRecorded,
    /// Questions and traces do not go together.
    #[error("{model}, {task} with {shots} demonstrations: {traces} traces of {questions} questions")]
    Incomplete {
        /// The model.
        model: String,
        /// The task.
        task: String,
        /// Demonstrations in each prompt.
        shots: usize,
        /// Traces.
        traces: usize,
        /// Questions.
        questions: usize,
    },
    /// A recording is of a model or a task that was not named.
    #[error("a recording is of {name:?}, which is not among the {what} of the report")]
    Unknown {
        /// Its name.
        name: String,
        /// What it should be among.
        what: &'static str,
    },
    /// A policy could not be trained.
    #[error("{method} through the {lens} lens could not be trained")]
    Fit {
        /// The policy.
        method: String,
        /// The lens.
        lens: String,
        /// Why.
        #[source]
        source: FitError,
    },
    /// A policy could not be certified.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// A threshold that is none.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A policy is of another model.
    #[error(transparent)]
    Policy(#[from] PolicyMismatch),
    /// A picture could not be drawn.
    #[error("the picture {name} could not be drawn: {reason}")]
    Plot {
        /// The picture.
        name: String,
        /// What went wrong.
        reason: String,
    },
    /// A page could not be made.
    #[error("the page could not be made")]
    Page(#[source] minijinja::Error),
    /// A file could not be read or written.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file is no report.
    #[error("{} is no report", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A file is of another version.
    #[error("{} is a report of version {found}; version {known} can be read", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The file's.
        found: u64,
        /// The one that this library reads.
        known: u64,
    },
}

use std::path::{Path, PathBuf};

use super::lines::column;

/// Why a task's file could not be read, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A file could not be opened or read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A line, or for JSON documents a place near it, is not what the format says.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A file without a question.
    #[error("{} has no item", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Two questions have one name.
    #[error("{} has two items that are called {id:?}", path.display())]
    Repeated {
        /// The file.
        path: PathBuf,
        /// The name.
        id: String,
    },
    /// A folder has no file that a task of this name could be read from.
    #[error("{} has none of {}", path.display(), wanted.join(", "))]
    NoFile {
        /// The folder.
        path: PathBuf,
        /// The files that would do.
        wanted: Vec<String>,
    },
    /// A format that is not known.
    #[error("there is no task format {name:?}; the known ones are {}", known.join(", "))]
    NoFormat {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
}

impl TaskError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn line(path: &Path, line: u64, reason: impl Into<String>) -> Self {
        Self::Line { path: path.to_owned(), line, reason: reason.into() }
    }

    /// What a JSON document's reader says.
    pub(super) fn json(path: &Path, error: &serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(kind) => Self::io(path, kind.into()),
            None => Self::line(path, error.line().max(1) as u64, column(error)),
        }
    }
}

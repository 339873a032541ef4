//! Plans as files.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Plan, PlanError};
use crate::document::{read_up_to, replace};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// A file.
#[derive(Serialize, Deserialize)]
struct Document {
    /// The version, under a name that says what the file is.
    adainfer_plan: u64,
    plan: Plan,
}

impl Plan {
    /// What is read of a file: 1 MiB.
    pub const LIMIT: u64 = 1 << 20;

    /// Reads a file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PlanError> {
        Self::read(BufReader::new(File::open(path)?))
    }

    /// Writes a file. It takes the place of an older one in one step, so that none is left half written.
    ///
    /// # Errors
    /// [`PlanError::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlanError> {
        replace(path.as_ref(), |out| self.write(out))
    }

    /// Reads at most [`LIMIT`](Self::LIMIT) bytes of JSON.
    ///
    /// # Errors
    /// What is too long, no JSON, of another version, has a missing, unknown or wrong field, or layers out of order.
    pub fn read(input: impl Read) -> Result<Self, PlanError> {
        let text = read_up_to(Self::LIMIT, input)?.ok_or(PlanError::TooLong { limit: Self::LIMIT })?;
        let value: Value = serde_json::from_slice(&text)
            .map_err(|source| PlanError::Json { field: ".".to_owned(), source })?;
        match value.get("adainfer_plan").and_then(Value::as_u64) {
            Some(found) if found != VERSION => return Err(PlanError::Version { found, known: VERSION }),
            _ => {}
        }
        let document: Document = serde_path_to_error::deserialize(value).map_err(|error| {
            PlanError::Json { field: error.path().to_string(), source: error.into_inner() }
        })?;
        match document.plan.layers.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(PlanError::Order { before: pair[0], after: pair[1] }),
            None => Ok(document.plan),
        }
    }

    /// Writes what [`read`](Self::read) reads.
    ///
    /// # Errors
    /// [`PlanError::Io`].
    pub fn write(&self, mut out: impl Write) -> Result<(), PlanError> {
        let document = Document { adainfer_plan: VERSION, plan: self.clone() };
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }
}

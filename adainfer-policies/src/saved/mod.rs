//! Policies as files.

mod any;
mod error;

pub use any::AnyPolicy;
pub use error::SavedPolicyError;

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use adainfer_core::{At, Decision, ExitPolicy, Extras, ModelSpec, PolicyMismatch, Trace};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{read_up_to, replace};
use crate::{Certificate, Certified, ScoringPolicy, TraceSource};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// A policy of any kind, with its certificate if it has one; what [`save`](Self::save) writes and
/// [`load`](Self::load) reads.
///
/// The file is JSON: a version, the kind, the policy's numbers and the certificate. Every float is read as it was
/// written. What a policy is bound to travels with it, and [`EarlyExit::new`](adainfer_core::EarlyExit::new) refuses
/// another model, another lens, or another number of layers.
///
/// ```
/// use adainfer_policies::{AnyPolicy, GapThreshold, SavedPolicy};
///
/// let mut file = Vec::new();
/// SavedPolicy::new(GapThreshold::new(0.7)?).write(&mut file)?;
/// let policy = SavedPolicy::read(file.as_slice())?;
/// assert_eq!(policy.policy(), &AnyPolicy::Gap(GapThreshold::new(0.7)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPolicy {
    policy: AnyPolicy,
    certificate: Option<Certificate>,
}

impl SavedPolicy {
    /// What is read of a file unless more is allowed: 1 MiB.
    pub const LIMIT: u64 = 1 << 20;

    /// A policy without a certificate.
    pub fn new(policy: impl Into<AnyPolicy>) -> Self {
        Self { policy: policy.into(), certificate: None }
    }

    /// The policy by itself.
    pub fn policy(&self) -> &AnyPolicy {
        &self.policy
    }

    /// What is certified of it, if anything is.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Refuses traces of another model or lens than it is for, as [`check`](ExitPolicy::check) refuses the model.
    ///
    /// # Errors
    /// What does not fit.
    pub fn accepts(&self, traces: &TraceSource) -> Result<(), PolicyMismatch> {
        self.check(&traces.model())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SavedPolicyError> {
        Self::read(BufReader::new(File::open(path)?))
    }

    /// Writes a file. It takes the place of an older one in one step, so that none is left half written.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), SavedPolicyError> {
        replace(path.as_ref(), |out| self.write(out))
    }

    /// Reads at most [`LIMIT`](Self::LIMIT) bytes.
    ///
    /// # Errors
    /// See [`SavedPolicyError`]: what is too long, no JSON, of another version or kind, has an unknown or missing
    /// field, or numbers that do not fit each other.
    pub fn read(input: impl Read) -> Result<Self, SavedPolicyError> {
        Self::read_up_to(Self::LIMIT, input)
    }

    /// Reads at most so many bytes.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_up_to(limit: u64, input: impl Read) -> Result<Self, SavedPolicyError> {
        let text = read_up_to(limit, input)?.ok_or(SavedPolicyError::TooLong { limit })?;
        let whole = |source| SavedPolicyError::Json { field: ".".to_owned(), source };
        let value: Value = serde_json::from_slice(&text).map_err(whole)?;
        // Another version may well have other fields.
        match value.get("adainfer_policy").and_then(Value::as_u64) {
            Some(found) if found != VERSION => return Err(SavedPolicyError::Version { found }),
            _ => {}
        }
        let document: Document = serde_path_to_error::deserialize(value).map_err(|error| {
            SavedPolicyError::Json { field: error.path().to_string(), source: error.into_inner() }
        })?;
        let policy = AnyPolicy::from_value(&document.kind, document.policy)?;
        if let Some(certificate) = &document.certificate {
            certified(&policy, certificate).map_err(|reason| SavedPolicyError::Certificate { reason })?;
        }
        Ok(Self { policy, certificate: document.certificate })
    }

    /// Writes what [`read`](Self::read) reads.
    ///
    /// # Errors
    /// [`SavedPolicyError::Io`], and [`SavedPolicyError::NotFinite`] for a number that JSON cannot hold.
    pub fn write(&self, mut out: impl Write) -> Result<(), SavedPolicyError> {
        let whole = |source| SavedPolicyError::Json { field: ".".to_owned(), source };
        let document = Document {
            adainfer_policy: VERSION,
            kind: self.policy.kind().to_owned(),
            policy: self.policy.to_value().map_err(whole)?,
            certificate: self.certificate.clone(),
        };
        let value = serde_json::to_value(document).map_err(whole)?;
        if let Some(field) = null(&value) {
            return Err(SavedPolicyError::NotFinite { field });
        }
        serde_json::to_writer_pretty(&mut out, &value).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }
}

impl<P: Into<AnyPolicy>> From<Certified<P>> for SavedPolicy {
    fn from(certified: Certified<P>) -> Self {
        let (policy, certificate) = certified.into_parts();
        Self { policy: policy.map_or(AnyPolicy::Never, Into::into), certificate: Some(certificate) }
    }
}

/// A file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// The version, under a name that says what the file is.
    adainfer_policy: u64,
    kind: String,
    policy: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
}

/// Whether a certificate is one, and this policy's.
fn certified(policy: &AnyPolicy, certificate: &Certificate) -> Result<(), String> {
    certificate.checked()?;
    match (policy, certificate.threshold) {
        (AnyPolicy::Never, None) => Ok(()),
        (AnyPolicy::Never, Some(threshold)) => {
            Err(format!("it is for the threshold {threshold} and the policy never exits"))
        }
        (_, None) => Err("no exit is certified and the policy exits".to_owned()),
        (_, Some(threshold)) if threshold != policy.threshold() => {
            Err(format!("it is for the threshold {threshold} and the policy's is {}", policy.threshold()))
        }
        _ => match policy.training() {
            Some(training) if training.source != certificate.source => {
                Err("it is for another model than the policy".to_owned())
            }
            Some(training) if training.layers != certificate.layers => {
                Err("it is for other layers than those the policy looks after".to_owned())
            }
            _ => Ok(()),
        },
    }
}

/// The path of the first null, which stands for a number that is not finite: nothing else is written as one.
fn null(value: &Value) -> Option<String> {
    let below = |name: String, value: &Value| {
        null(value).map(|path| match path.as_str() {
            "" => name,
            path if path.starts_with('[') => format!("{name}{path}"),
            path => format!("{name}.{path}"),
        })
    };
    match value {
        Value::Null => Some(String::new()),
        Value::Array(items) => items.iter().enumerate().find_map(|(i, item)| below(format!("[{i}]"), item)),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| below(name.clone(), field)),
        _ => None,
    }
}

impl ExitPolicy for SavedPolicy {
    /// As [`Certified`] does, where it is certified.
    fn decide(&self, trace: Trace<'_>) -> Decision {
        match &self.certificate {
            Some(certificate) if !certificate.covers(trace) => Decision::Continue,
            _ => self.policy.decide(trace),
        }
    }

    fn wants(&self, at: At) -> bool {
        self.certificate.as_ref().is_none_or(|certificate| certificate.wants(at)) && self.policy.wants(at)
    }

    fn extras(&self) -> Extras {
        self.policy.extras()
    }

    fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        if let Some(certificate) = &self.certificate {
            certificate.source.check(model)?;
        }
        self.policy.check(model)
    }
}

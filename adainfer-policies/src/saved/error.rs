use std::io;

use super::{AnyPolicy, VERSION};

/// Why a file is no policy, or a policy no file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedPolicyError {
    /// The file could not be read or written.
    #[error("the policy could not be read or written")]
    Io(#[from] io::Error),
    /// The file is longer than is read.
    #[error("the policy is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// The file is no JSON, or has a wrong field.
    #[error("field `{field}` of the policy")]
    Json {
        /// The field's path.
        field: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The file is of another version.
    #[error("version {found} of policies; version {VERSION} can be read")]
    Version {
        /// The file's.
        found: u64,
    },
    /// The file holds a policy of a kind that is not known.
    #[error("{found:?} is not a kind of policy; there are {}", AnyPolicy::KINDS.join(", "))]
    Kind {
        /// The file's.
        found: String,
    },
    /// A number is NaN or infinite, which JSON cannot hold.
    #[error("field `{field}` of the policy is not finite")]
    NotFinite {
        /// The field's path.
        field: String,
    },
    /// The certificate is none, or not this policy's.
    #[error("the certificate is not the policy's: {reason}")]
    Certificate {
        /// What does not fit.
        reason: String,
    },
}

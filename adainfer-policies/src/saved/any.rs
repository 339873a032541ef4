use adainfer_core::{At, Decision, ExitPolicy, Extras, ModelSpec, Never, PolicyMismatch, Trace};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::SavedPolicyError;
use crate::{
    CrfPolicy, EntropyThreshold, GapThreshold, LogisticPolicy, Patience, ScoringPolicy, StaticLayer,
    SvmPolicy, TopProbThreshold, Training,
};

/// Writes [`AnyPolicy`], with one variant a kind of policy.
macro_rules! any {
    ($($(#[$doc:meta])* $name:ident($policy:ty) = $kind:literal;)+) => {
        /// A policy of any kind that a file can hold.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum AnyPolicy {
            /// [`Never`].
            Never,
            $(#[doc = concat!("[`", stringify!($policy), "`].")] $name($policy),)+
        }

        $(impl From<$policy> for AnyPolicy {
            fn from(policy: $policy) -> Self {
                Self::$name(policy)
            }
        })+

        impl AnyPolicy {
            /// The kinds that there are.
            pub const KINDS: &[&str] = &["never", $($kind,)+];

            /// Its kind, as files name it.
            pub fn kind(&self) -> &'static str {
                match self { Self::Never => "never", $(Self::$name(_) => $kind,)+ }
            }

            pub(super) fn to_value(&self) -> Result<Value, serde_json::Error> {
                match self {
                    Self::Never => serde_json::to_value(Nothing {}),
                    $(Self::$name(policy) => serde_json::to_value(policy),)+
                }
            }

            pub(super) fn from_value(kind: &str, value: Value) -> Result<Self, SavedPolicyError> {
                match kind {
                    "never" => read::<Nothing>(value).map(|_| Self::Never),
                    $($kind => read(value).map(Self::$name),)+
                    other => Err(SavedPolicyError::Kind { found: other.to_owned() }),
                }
            }
        }

        impl ExitPolicy for AnyPolicy {
            fn decide(&self, trace: Trace<'_>) -> Decision {
                match self { Self::Never => Never.decide(trace), $(Self::$name(policy) => policy.decide(trace),)+ }
            }
            fn wants(&self, at: At) -> bool {
                match self { Self::Never => Never.wants(at), $(Self::$name(policy) => policy.wants(at),)+ }
            }
            fn extras(&self) -> Extras {
                match self { Self::Never => Never.extras(), $(Self::$name(policy) => policy.extras(),)+ }
            }
            fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
                match self { Self::Never => Ok(()), $(Self::$name(policy) => policy.check(model),)+ }
            }
        }

        impl ScoringPolicy for AnyPolicy {
            /// The policy's; 0 of one that never exits.
            fn score(&self, trace: Trace<'_>) -> f64 {
                match self { Self::Never => 0.0, $(Self::$name(policy) => policy.score(trace),)+ }
            }
            fn threshold(&self) -> f64 {
                match self { Self::Never => 0.0, $(Self::$name(policy) => ScoringPolicy::threshold(policy),)+ }
            }
            fn with_threshold(&self, threshold: f64) -> Self {
                match self {
                    Self::Never => Self::Never,
                    $(Self::$name(policy) => Self::$name(policy.with_threshold(threshold)),)+
                }
            }
            fn grid(&self) -> Vec<f64> {
                match self { Self::Never => vec![0.0], $(Self::$name(policy) => policy.grid(),)+ }
            }
            fn training(&self) -> Option<&Training> {
                match self { Self::Never => None, $(Self::$name(policy) => policy.training(),)+ }
            }
        }
    };
}
any! {
    StaticLayer(StaticLayer) = "static_layer";
    Gap(GapThreshold) = "gap";
    TopProb(TopProbThreshold) = "top_prob";
    Entropy(EntropyThreshold) = "entropy";
    Patience(Patience) = "patience";
    Logistic(LogisticPolicy) = "logistic";
    Svm(SvmPolicy) = "svm";
    Crf(CrfPolicy) = "crf";
}

impl From<Never> for AnyPolicy {
    fn from(_: Never) -> Self {
        Self::Never
    }
}

/// What a policy without numbers looks like in a file.
#[derive(Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, SavedPolicyError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "policy".to_owned() } else { format!("policy.{path}") };
        SavedPolicyError::Json { field, source: error.into_inner() }
    })
}

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod calibrate;
mod cost;
mod crf;
mod document;
mod entropy;
mod features;
mod fit;
mod guard;
mod lbfgs;
mod logistic;
mod patience;
mod peaks;
mod prompts;
mod replay;
mod saved;
mod schedule;
mod scoring;
mod static_layer;
mod svm;
mod threshold;
mod traces;
mod training;

pub use calibrate::{Calibration, CalibrationError, Certificate, Certified, Risk};
pub use cost::Flops;
pub use crf::{CrfParams, CrfPolicy};
pub use entropy::EntropyThreshold;
pub use features::{Feature, FeatureError, FeatureSet};
pub use fit::{Fit, FitError, FitReport};
pub use guard::{Guard, GuardedLayer};
pub use logistic::{LogisticParams, LogisticPolicy};
pub use patience::Patience;
pub use prompts::PromptSet;
pub use replay::{Confusion, Replay, ReplayedToken, optimal_layer, saturation_layer};
pub use saved::{AnyPolicy, SavedPolicy, SavedPolicyError};
pub use schedule::{CostModel, CostParams, Expected, MeasureError, Plan, PlanError, Planner, RunCost};
pub use scoring::ScoringPolicy;
pub use static_layer::StaticLayer;
pub use svm::SvmPolicy;
#[cfg(feature = "svm")]
pub use svm::{Gamma, SvmKernel, SvmParams};
pub use threshold::{GapThreshold, ThresholdError, TopProbThreshold};
pub use traces::{Label, TokenTrace, TraceError, TraceReader, TraceSet, TraceSource, TraceWriter};
pub use training::{Training, Transfer, TransferError};

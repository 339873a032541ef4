#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod calibrate;
mod crf;
mod features;
mod fit;
mod lbfgs;
mod prompts;
mod replay;
mod scoring;
mod static_layer;
mod threshold;
mod traces;

pub use calibrate::{Calibration, CalibrationError, Certificate, Certified, Risk};
pub use crf::{CrfParams, CrfPolicy};
pub use features::{Feature, FeatureError, FeatureSet};
pub use fit::{Fit, FitError, FitReport};
pub use prompts::PromptSet;
pub use replay::{Confusion, Replay, ReplayedToken, optimal_layer, saturation_layer};
pub use scoring::ScoringPolicy;
pub use static_layer::StaticLayer;
pub use threshold::{GapThreshold, ThresholdError, TopProbThreshold};
pub use traces::{Label, TokenTrace, TraceError, TraceReader, TraceSet, TraceSource, TraceWriter};

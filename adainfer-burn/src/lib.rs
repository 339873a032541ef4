#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "wgpu", feature = "cuda", feature = "remote")),
    allow(dead_code, reason = "only models of named devices are split")
)]

pub mod backend;
mod cache;
mod device;
mod dtype;
mod error;
pub mod gguf;
mod influence;
mod layered;
mod layers;
mod lens;
mod load;
mod model;
mod models;
#[cfg(any(feature = "flex", feature = "ndarray", feature = "wgpu", feature = "cuda", feature = "remote"))]
mod named;
pub mod ops;
mod rope;
mod rows;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "text")]
mod tokenizing;
mod weight_format;

pub use device::{Device, DeviceError};
pub use dtype::Dtype;
pub use error::{LoadError, ModelError};
pub use layered::{Hidden, Logits, State};
#[cfg(feature = "text")]
pub use lens::first_tokens;
pub use lens::{
    CandidateError, CandidateHead, CandidateRows, Candidates, LabelMap, LabelProbe, LabelProbeError,
    LabelQuality, Labelled, LabelledHidden, LabelledLogits, LabelledState, LayerMap, LensError,
    LensFileError, LensModel, LensQuality, LinearLens, most_frequent,
};
#[cfg(feature = "fit")]
pub use lens::{LabelProbeParams, LabelProbeReport, LabelledPrompt};
#[cfg(feature = "fit")]
pub use lens::{LensFitError, LensProgress, LensPrompt, LensReport, LinearLensParams};
pub use load::{LoadOptions, Progress};
pub use model::Model;
#[cfg(any(
    feature = "flex",
    feature = "ndarray",
    feature = "wgpu",
    feature = "cuda",
    feature = "remote"
))]
pub use named::{
    AnyHidden, AnyLogits, AnyModel, AnyRows, AnyState, DeviceMap, SplitHidden, SplitLogits, SplitModel,
    SplitState,
};
#[cfg(feature = "serve")]
pub use serve::{ServeError, serve};
pub use weight_format::{UnknownWeightFormat, WeightFormat};

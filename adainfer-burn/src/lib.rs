#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(any(feature = "flex", feature = "ndarray", feature = "wgpu", feature = "cuda", feature = "remote")),
    allow(dead_code, reason = "only models of named devices are split")
)]

#[cfg(any(feature = "flex", feature = "ndarray", feature = "wgpu", feature = "cuda", feature = "remote"))]
mod any;
pub mod backend;
mod cache;
mod device;
mod dtype;
mod error;
pub mod gguf;
mod influence;
mod layered;
mod layers;
mod load;
mod model;
mod models;
#[cfg(any(feature = "flex", feature = "ndarray", feature = "wgpu", feature = "cuda", feature = "remote"))]
mod moving;
pub mod ops;
mod rope;
#[cfg(feature = "serve")]
mod serve;
#[cfg(any(feature = "flex", feature = "ndarray", feature = "wgpu", feature = "cuda", feature = "remote"))]
mod split;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "text")]
mod tokenizing;

#[cfg(any(
    feature = "flex",
    feature = "ndarray",
    feature = "wgpu",
    feature = "cuda",
    feature = "remote"
))]
pub use any::{AnyHidden, AnyLogits, AnyModel, AnyState};
pub use device::{Device, DeviceError};
pub use dtype::Dtype;
pub use error::{LoadError, ModelError};
pub use layered::{Hidden, Logits, State};
pub use load::{LoadOptions, Progress};
pub use model::Model;
#[cfg(feature = "serve")]
pub use serve::{ServeError, serve};
#[cfg(any(
    feature = "flex",
    feature = "ndarray",
    feature = "wgpu",
    feature = "cuda",
    feature = "remote"
))]
pub use split::{DeviceMap, SplitHidden, SplitLogits, SplitModel, SplitState};

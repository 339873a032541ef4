#![doc = include_str!("../README.md")]

#[cfg(any(feature = "flex", feature = "ndarray"))]
mod any;
pub mod backend;
mod cache;
mod device;
mod error;
pub mod gguf;
mod influence;
mod layered;
mod layers;
mod load;
mod model;
mod models;
pub mod ops;
mod rope;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "text")]
mod tokenizing;

#[cfg(any(feature = "flex", feature = "ndarray"))]
pub use any::{AnyHidden, AnyLogits, AnyModel, AnyState};
pub use device::{Device, DeviceError};
pub use error::{LoadError, ModelError};
pub use layered::{Hidden, Logits, State};
pub use load::Progress;
pub use model::Model;

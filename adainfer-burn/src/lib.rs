#![doc = include_str!("../README.md")]

pub mod backend;
mod cache;
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

pub use error::{LoadError, ModelError};
pub use layered::{Hidden, Logits, State};
pub use load::Progress;
pub use model::Model;

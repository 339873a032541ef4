#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod static_layer;
mod threshold;

pub use static_layer::StaticLayer;
pub use threshold::{GapThreshold, ThresholdError, TopProbThreshold};

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod interval;
mod suitability;

pub use interval::wilson;
pub use suitability::{
    Advice, LayerAgreement, LensSuitability, LensTraces, Measured, Share, Suitability, SuitabilityError,
    SuitabilityParams,
};

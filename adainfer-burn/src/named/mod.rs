//! Models on devices that were named when the program ran.

mod any;
mod moving;
mod split;

pub use any::{AnyHidden, AnyLogits, AnyModel, AnyRows, AnyState};
pub use split::{DeviceMap, SplitHidden, SplitLogits, SplitModel, SplitState};

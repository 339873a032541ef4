//! burn backends that models run on; each behind the Cargo feature of its name.

#[cfg(feature = "flex")]
pub use burn_flex::{Flex, FlexDevice};
#[cfg(feature = "ndarray")]
pub use burn_ndarray::{NdArray, NdArrayDevice};

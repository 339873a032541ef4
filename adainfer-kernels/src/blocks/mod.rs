//! Weights of few bits, multiplied as they are.
//!
//! 32 inputs of a row, a block, share a scale: weight = scale x (number - zero) + minimum. So are the 32-element
//! blocks of GGUF files stored, whatever their bits; and so can any matrix be, in 8 bits.

#[cfg(target_arch = "x86_64")]
mod intrinsics;
mod matrix;
mod plain;
mod product;
mod rounded;

pub use matrix::{Bits, Block, BlockFormat, BlockMatrix};
pub use product::project_blocks;

/// Inputs that share a scale.
pub const BLOCK: usize = 32;
/// Outputs side by side: what a register of 512 bits sums at once.
const LANES: usize = 16;

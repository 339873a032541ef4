#![doc = include_str!("../README.md")]

mod attention;
mod blocks;
mod elementwise;
mod matrix;
mod panels;
mod projection;
mod scores;
mod simd;
mod tile;

pub use attention::{KeysValues, attend};
pub use blocks::{BLOCK, Bits, Block, BlockFormat, BlockMatrix, project_blocks};
pub use elementwise::{exponentials, gelu_tanh, layer_norm, rms_norm, rotate, swiglu};
pub use matrix::Matrix;
pub use panels::{pack, pack_in_place, panel_width};
pub use projection::project;
pub use scores::{block_scores, scores, screened_scores};

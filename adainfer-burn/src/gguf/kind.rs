//! The kinds of tensor elements, and how large their blocks are.

use super::{kquant, quant};
use adainfer_kernels::{Bits, Block, BlockFormat};
use half::f16;
use half::slice::HalfFloatSliceExt;

/// How the elements of a tensor are stored: so many elements in a block of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TensorKind {
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// 16-bit floats that are the upper half of an f32.
    Bf16,
    /// 4 bits and a scale for 32 elements.
    Q4_0,
    /// 4 bits, a scale and a minimum for 32 elements.
    Q4_1,
    /// 5 bits and a scale for 32 elements.
    Q5_0,
    /// 5 bits, a scale and a minimum for 32 elements.
    Q5_1,
    /// 8 bits and a scale for 32 elements.
    Q8_0,
    /// 4 bits, with a scale and a minimum for each 32 of 256 elements.
    Q4K,
    /// 5 bits, with a scale and a minimum for each 32 of 256 elements.
    Q5K,
    /// 6 bits, with a scale for each 16 of 256 elements.
    Q6K,
}

const Q4_0: BlockFormat = BlockFormat { bits: Bits::Four, zero: 8, minima: false };
const Q4_1: BlockFormat = BlockFormat { bits: Bits::Four, zero: 0, minima: true };
const Q5_0: BlockFormat = BlockFormat { bits: Bits::Eight, zero: 16, minima: false };
const Q5_1: BlockFormat = BlockFormat { bits: Bits::Eight, zero: 0, minima: true };
const Q8_0: BlockFormat = BlockFormat::INT8;

impl TensorKind {
    /// The kind that the files number so, if this reader knows it.
    pub(super) fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            12 => Self::Q4K,
            13 => Self::Q5K,
            14 => Self::Q6K,
            30 => Self::Bf16,
            _ => return None,
        })
    }

    /// Elements in a block.
    pub fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => quant::LEN,
            Self::Q4K | Self::Q5K | Self::Q6K => kquant::LEN,
        }
    }

    /// Bytes in a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q4_0 => quant::Q4_0_BYTES,
            Self::Q4_1 => quant::Q4_1_BYTES,
            Self::Q5_0 => quant::Q5_0_BYTES,
            Self::Q5_1 => quant::Q5_1_BYTES,
            Self::Q8_0 => quant::Q8_0_BYTES,
            Self::Q4K => kquant::Q4K_BYTES,
            Self::Q5K => kquant::Q5K_BYTES,
            Self::Q6K => kquant::Q6K_BYTES,
        }
    }

    /// What the numbers of a block mean; `None` where a block is not 32 numbers.
    pub(crate) fn block_format(self) -> Option<BlockFormat> {
        Some(match self {
            Self::Q4_0 => Q4_0,
            Self::Q4_1 => Q4_1,
            Self::Q5_0 => Q5_0,
            Self::Q5_1 => Q5_1,
            Self::Q8_0 => Q8_0,
            _ => return None,
        })
    }

    /// The block that these bytes begin with; `None` where it is not 32 numbers, or cut.
    pub(crate) fn block(self, bytes: &[u8]) -> Option<Block> {
        Some(match self {
            Self::Q4_0 => quant::q4_0(bytes.first_chunk()?),
            Self::Q4_1 => quant::q4_1(bytes.first_chunk()?),
            Self::Q5_0 => quant::q5_0(bytes.first_chunk()?),
            Self::Q5_1 => quant::q5_1(bytes.first_chunk()?),
            Self::Q8_0 => quant::q8_0(bytes.first_chunk()?),
            _ => return None,
        })
    }

    /// Appends the values of whole blocks to `out`. Bytes behind the last whole block are ignored.
    pub fn dequantise(self, blocks: &[u8], out: &mut Vec<f32>) {
        match self {
            Self::F32 => each_element(blocks, out, f32::from_le_bytes),
            Self::F16 => halves(blocks, out),
            Self::Bf16 => each_element(blocks, out, |half| upper_half(u16::from_le_bytes(half))),
            Self::Q4_0 => each_block(blocks, out, |block| quant::values(quant::q4_0(block), Q4_0)),
            Self::Q4_1 => each_block(blocks, out, |block| quant::values(quant::q4_1(block), Q4_1)),
            Self::Q5_0 => each_block(blocks, out, |block| quant::values(quant::q5_0(block), Q5_0)),
            Self::Q5_1 => each_block(blocks, out, |block| quant::values(quant::q5_1(block), Q5_1)),
            Self::Q8_0 => each_block(blocks, out, |block| quant::values(quant::q8_0(block), Q8_0)),
            Self::Q4K => each_block(blocks, out, kquant::q4k),
            Self::Q5K => each_block(blocks, out, kquant::q5k),
            Self::Q6K => each_block(blocks, out, kquant::q6k),
        }
    }
}

/// The float whose upper 16 bits these are.
fn upper_half(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Converts a slice and not element by element: processors have an instruction for several at once.
fn halves(bytes: &[u8], out: &mut Vec<f32>) {
    let halves: Vec<f16> = bytes.as_chunks().0.iter().map(|&half| f16::from_le_bytes(half)).collect();
    let start = out.len();
    out.resize(start + halves.len(), 0.0);
    halves.convert_to_f32_slice(&mut out[start..]);
}

fn each_element<const N: usize>(bytes: &[u8], out: &mut Vec<f32>, value: impl Fn([u8; N]) -> f32) {
    out.extend(bytes.as_chunks().0.iter().map(|&element| value(element)));
}

/// Appends a block at a time. Lengths are in the types, so that the loops inside have no bounds checks.
fn each_block<const N: usize, const LEN: usize>(
    bytes: &[u8],
    out: &mut Vec<f32>,
    values: impl Fn(&[u8; N]) -> [f32; LEN],
) {
    for block in bytes.as_chunks().0 {
        out.extend_from_slice(&values(block));
    }
}

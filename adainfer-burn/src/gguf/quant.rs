//! The older quantised blocks: 32 elements that share one scale.
//!
//! Numbers of 4 bits lie two in a byte: the low halves of the bytes are the first 16 elements of the block, the
//! high halves the last 16. A fifth bit is in a 32-bit mask, one bit an element. Scales (and minima) are f16.
//! The products and sums are those of the format's reference, in its order, so the results are equal to the bit.

use adainfer_kernels::{BLOCK, Block, BlockFormat};
use half::f16;

/// Elements in a block.
pub(super) const LEN: usize = BLOCK;
/// Scale, 32 numbers of 4 bits.
pub(super) const Q4_0_BYTES: usize = 2 + 16;
/// Scale, minimum, 32 numbers of 4 bits.
pub(super) const Q4_1_BYTES: usize = 2 + 2 + 16;
/// Scale, mask of fifth bits, 32 numbers of 4 bits.
pub(super) const Q5_0_BYTES: usize = 2 + 4 + 16;
/// Scale, minimum, mask of fifth bits, 32 numbers of 4 bits.
pub(super) const Q5_1_BYTES: usize = 2 + 2 + 4 + 16;
/// Scale, 32 numbers of 8 bits.
pub(super) const Q8_0_BYTES: usize = 2 + 32;

/// The weights of a block.
pub(super) fn values(block: Block, format: BlockFormat) -> [f32; LEN] {
    let (scale, minimum, zero) = (block.scale.to_f32(), block.minimum.to_f32(), f32::from(format.zero));
    match format.minima {
        true => block.numbers.map(|number| scale * f32::from(number) + minimum),
        false => block.numbers.map(|number| scale * (f32::from(number) - zero)),
    }
}

pub(super) fn q4_0(block: &[u8; Q4_0_BYTES]) -> Block {
    let [s0, s1, packed @ ..] = block;
    Block { scale: f16::from_le_bytes([*s0, *s1]), minimum: f16::ZERO, numbers: nibbles(packed) }
}

pub(super) fn q4_1(block: &[u8; Q4_1_BYTES]) -> Block {
    let [s0, s1, m0, m1, packed @ ..] = block;
    let [scale, minimum] = [[*s0, *s1], [*m0, *m1]].map(f16::from_le_bytes);
    Block { scale, minimum, numbers: nibbles(packed) }
}

pub(super) fn q5_0(block: &[u8; Q5_0_BYTES]) -> Block {
    let [s0, s1, f0, f1, f2, f3, packed @ ..] = block;
    let numbers = with_fifths(nibbles(packed), [*f0, *f1, *f2, *f3]);
    Block { scale: f16::from_le_bytes([*s0, *s1]), minimum: f16::ZERO, numbers }
}

pub(super) fn q5_1(block: &[u8; Q5_1_BYTES]) -> Block {
    let [s0, s1, m0, m1, f0, f1, f2, f3, packed @ ..] = block;
    let [scale, minimum] = [[*s0, *s1], [*m0, *m1]].map(f16::from_le_bytes);
    Block { scale, minimum, numbers: with_fifths(nibbles(packed), [*f0, *f1, *f2, *f3]) }
}

/// Its numbers are signed: here all are from 0 on, and 128 is zero.
pub(super) fn q8_0(block: &[u8; Q8_0_BYTES]) -> Block {
    let [s0, s1, numbers @ ..] = block;
    let numbers = numbers.map(|number| number ^ 0x80);
    Block { scale: f16::from_le_bytes([*s0, *s1]), minimum: f16::ZERO, numbers }
}

/// Puts the fifth bit of each number, from a mask, above the other four.
fn with_fifths(numbers: [u8; LEN], mask: [u8; 4]) -> [u8; LEN] {
    let mask = u32::from_le_bytes(mask);
    std::array::from_fn(|i| numbers[i] | ((mask >> i & 1) << 4) as u8)
}

/// The 4 bits of each element.
fn nibbles(packed: &[u8; LEN / 2]) -> [u8; LEN] {
    let mut numbers = [0; LEN];
    for (i, byte) in packed.iter().enumerate() {
        (numbers[i], numbers[i + LEN / 2]) = (byte & 0x0f, byte >> 4);
    }
    numbers
}

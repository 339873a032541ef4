//! The "K" blocks: 256 elements in groups, whose scales are themselves quantised.
//!
//! The products and differences are those of the format's reference, in its order, so the results are equal to
//! the bit.

use half::f16;

/// Elements in a block.
pub(super) const LEN: usize = 256;
/// Scale of scales, scale of minima, 8 packed pairs of them, 256 numbers of 4 bits.
pub(super) const Q4K_BYTES: usize = HEAD + LEN / 2;
/// As Q4_K, with 256 fifth bits before the numbers.
pub(super) const Q5K_BYTES: usize = HEAD + LEN / 8 + LEN / 2;
/// 256 lower 4 bits, 256 upper 2 bits, 16 scales, their scale.
pub(super) const Q6K_BYTES: usize = LEN / 2 + LEN / 4 + LEN / 16 + 2;

/// What Q4_K and Q5_K start with: two f16, then 8 pairs of a 6-bit scale and a 6-bit minimum in 12 bytes.
const HEAD: usize = 2 + 2 + 12;
/// Elements in a group of Q4_K and Q5_K; Q6_K keeps its bits in strides of as many.
const GROUP: usize = 32;

/// scale × number − minimum, with 32 elements a scale
pub(super) fn q4k(block: &[u8; Q4K_BYTES]) -> [f32; LEN] {
    let (head, packed) = block.split_at(HEAD);
    paired(head, packed, |_, _| 0)
}

/// scale × number − minimum, with 32 elements a scale; bit g of fifth byte i belongs to element i of group g
pub(super) fn q5k(block: &[u8; Q5K_BYTES]) -> [f32; LEN] {
    let (head, rest) = block.split_at(HEAD);
    let (fifths, packed) = rest.split_at(GROUP);
    paired(head, packed, |group, i| (fifths[i] >> group & 1) << 4)
}

/// scale × (number − 32), with 16 elements a scale
///
/// Each half of the block is 4 runs of 32 elements. Runs 0 and 1 have their lower 4 bits in the low halves of 64
/// bytes, runs 2 and 3 in the high halves; the upper 2 bits of run r are bits 2r and 2r + 1 of 32 bytes.
pub(super) fn q6k(block: &[u8; Q6K_BYTES]) -> [f32; LEN] {
    let (lower, rest) = block.split_at(LEN / 2);
    let (upper, rest) = rest.split_at(LEN / 4);
    let (scales, scale) = rest.split_at(LEN / 16);
    let scale = half([scale[0], scale[1]]);
    let mut values = [0.0; LEN];
    for (run, out) in values.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
        let (part, run) = (run / 4, run % 4);
        let lower = &lower[part * 64 + run % 2 * GROUP..][..GROUP];
        let upper = &upper[part * GROUP..][..GROUP];
        let (low_shift, up_shift) = (run / 2 * 4, run * 2);
        let scales = [0, 1].map(|s| scale * f32::from(scales[part * 8 + run * 2 + s].cast_signed()));
        for i in 0..GROUP {
            let number = lower[i] >> low_shift & 0x0f | (upper[i] >> up_shift & 3) << 4;
            out[i] = scales[i / 16] * (f32::from(number) - 32.0);
        }
    }
    values
}

/// The values of a block with scales and minima. Two groups share 32 bytes: one has the low halves, one the high.
fn paired(head: &[u8], packed: &[u8], fifth: impl Fn(usize, usize) -> u8) -> [f32; LEN] {
    let (scale_of_scales, scale_of_minima) = (half([head[0], head[1]]), half([head[2], head[3]]));
    let pairs = &head[4..];
    let mut values = [0.0; LEN];
    for (group, out) in values.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
        let (scale, minimum) = pair(pairs, group);
        let (scale, minimum) = (scale_of_scales * f32::from(scale), scale_of_minima * f32::from(minimum));
        let bytes = &packed[group / 2 * GROUP..][..GROUP];
        let shift = group % 2 * 4;
        for i in 0..GROUP {
            let number = bytes[i] >> shift & 0x0f | fifth(group, i);
            out[i] = scale * f32::from(number) - minimum;
        }
    }
    values
}

/// An f16 as f32.
fn half(bytes: [u8; 2]) -> f32 {
    f16::from_le_bytes(bytes).to_f32()
}

/// The 6-bit scale and minimum of a group.
///
/// The first four groups have them in the lower 6 bits of bytes g and g + 4. The others have their lower 4 bits in
/// the two halves of byte g + 4, and their upper 2 bits in what the first four left free.
fn pair(pairs: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        return (pairs[group] & 0x3f, pairs[group + 4] & 0x3f);
    }
    let (lower, scale, minimum) = (pairs[group + 4], pairs[group - 4], pairs[group]);
    (lower & 0x0f | scale >> 2 & 0x30, lower >> 4 | minimum >> 2 & 0x30)
}

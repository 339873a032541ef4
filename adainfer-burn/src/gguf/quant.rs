//! The older quantised blocks: 32 elements that share one scale.
//!
//! Numbers of 4 bits lie two in a byte: the low halves of the bytes are the first 16 elements of the block, the
//! high halves the last 16. A fifth bit is in a 32-bit mask, one bit an element. Scales (and minima) are f16.
//! The products and sums are those of the format's reference, in its order, so the results are equal to the bit.

/// Elements in a block.
pub(super) const LEN: usize = 32;
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

/// An f16 as f32.
pub(super) fn half(bytes: [u8; 2]) -> f32 {
    half::f16::from_le_bytes(bytes).to_f32()
}

/// scale × (number − 8)
pub(super) fn q4_0(block: &[u8; Q4_0_BYTES]) -> [f32; LEN] {
    let [s0, s1, packed @ ..] = block;
    let scale = half([*s0, *s1]);
    nibbles(packed, |_, number| scale * (f32::from(number) - 8.0))
}

/// scale × number + minimum
pub(super) fn q4_1(block: &[u8; Q4_1_BYTES]) -> [f32; LEN] {
    let [s0, s1, m0, m1, packed @ ..] = block;
    let (scale, minimum) = (half([*s0, *s1]), half([*m0, *m1]));
    nibbles(packed, |_, number| scale * f32::from(number) + minimum)
}

/// scale × (number − 16)
pub(super) fn q5_0(block: &[u8; Q5_0_BYTES]) -> [f32; LEN] {
    let [s0, s1, f0, f1, f2, f3, packed @ ..] = block;
    let scale = half([*s0, *s1]);
    let fifths = u32::from_le_bytes([*f0, *f1, *f2, *f3]);
    nibbles(packed, |i, number| scale * (f32::from(number | fifth(fifths, i)) - 16.0))
}

/// scale × number + minimum
pub(super) fn q5_1(block: &[u8; Q5_1_BYTES]) -> [f32; LEN] {
    let [s0, s1, m0, m1, f0, f1, f2, f3, packed @ ..] = block;
    let (scale, minimum) = (half([*s0, *s1]), half([*m0, *m1]));
    let fifths = u32::from_le_bytes([*f0, *f1, *f2, *f3]);
    nibbles(packed, |i, number| scale * f32::from(number | fifth(fifths, i)) + minimum)
}

/// scale × number
pub(super) fn q8_0(block: &[u8; Q8_0_BYTES]) -> [f32; LEN] {
    let [s0, s1, numbers @ ..] = block;
    let scale = half([*s0, *s1]);
    numbers.map(|number| scale * f32::from(number.cast_signed()))
}

/// The fifth bit of element `i`, in its place above the other four.
fn fifth(fifths: u32, i: usize) -> u8 {
    ((fifths >> i & 1) << 4) as u8
}

/// The value of each element from its index and its 4 bits.
fn nibbles(packed: &[u8; LEN / 2], value: impl Fn(usize, u8) -> f32) -> [f32; LEN] {
    let mut values = [0.0; LEN];
    for (i, byte) in packed.iter().enumerate() {
        values[i] = value(i, byte & 0x0f);
        values[i + LEN / 2] = value(i + LEN / 2, byte >> 4);
    }
    values
}

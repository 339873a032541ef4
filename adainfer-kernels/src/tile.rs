//! What all products of floats are made of: a few rows of x times a panel of outputs, in registers.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Simd, bytemuck};

use crate::panels::VECTORS;

/// Rows of x in a tile: 6 x 2 sums, and what is multiplied into them, fill the sixteen registers of AVX2.
pub(crate) const GROUP: usize = 6;
/// Inputs between two checks of a bound. At every input they would cost as much as the sums.
const STEP: usize = 8;

/// Sums of a tile: for each row, two vectors of outputs.
pub(crate) type Sums<S, const ROWS: usize> = [[<S as Simd>::f32s; VECTORS]; ROWS];

/// Some rows times a panel.
///
/// # Panics
/// Where a row is shorter than the panel.
#[inline(always)]
pub(crate) fn tile<S: Simd, const ROWS: usize>(
    simd: S,
    rows: [&[f32]; ROWS],
    panel: &[S::f32s],
) -> Sums<S, ROWS> {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let (steps, rest) = panel.as_chunks::<VECTORS>().0.as_chunks::<STEP>();
    let inputs = steps.len() * STEP + rest.len();
    let rows = rows.map(|row| row[..inputs].as_chunks::<STEP>());
    // Of one length, so that one bound is checked for all.
    let rows_of_steps = rows.map(|(row, _)| &row[..steps.len()]);
    for (index, panel) in steps.iter().enumerate() {
        let rows: [_; ROWS] = from_fn(|row| &rows_of_steps[row][index]);
        for (input, panel) in panel.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip(&rows) {
                add(simd, sums, panel, row[input]);
            }
        }
    }
    for (input, panel) in rest.iter().enumerate() {
        for (sums, (_, rest)) in sums.iter_mut().zip(&rows) {
            add(simd, sums, panel, rest[input]);
        }
    }
    sums
}

/// Adds the products of one row's input.
#[inline(always)]
fn add<S: Simd>(simd: S, sums: &mut [S::f32s; VECTORS], panel: &[S::f32s; VECTORS], x: f32) {
    let x = simd.splat_f32s(x);
    for (sum, w) in sums.iter_mut().zip(panel) {
        *sum = simd.mul_add_e_f32s(x, *w, *sum);
    }
}

/// Writes sums, or adds them where some have been written already, to as many columns as there are: the last
/// panel may not be full.
#[inline(always)]
pub(crate) fn store<S: Simd>(simd: S, out: &mut [f32], sums: &[S::f32s; VECTORS], first: bool) {
    if let Some(out) = S::as_mut_simd_f32s(out).0.first_chunk_mut::<VECTORS>() {
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = if first { *sum } else { simd.add_f32s(*out, *sum) };
        }
        return;
    }
    for (out, sum) in out.iter_mut().zip(bytemuck::cast_slice::<S::f32s, f32>(sums)) {
        *out = if first { *sum } else { *out + *sum };
    }
}

/// As few groups as can be, of sizes that differ by one at most: a tile of one or two rows waits for its
/// own sums, and takes nearly as long as one of six.
#[inline(always)]
pub(crate) fn groups_of(rows: usize, largest: usize) -> impl Iterator<Item = Range<usize>> {
    let count = rows.div_ceil(largest);
    (0..count).map(move |group| group * rows / count..(group + 1) * rows / count)
}

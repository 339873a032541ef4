//! Attention of a few positions: a decoded token's, which waits for keys and values and not for arithmetic.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::KeysValues;
use crate::Matrix;
use crate::elementwise::exponentials;
use crate::simd::dot;

/// Multiply-adds that a task is worth: fewer, and handing it to another thread costs more than it saves.
const TASK: usize = 256 * 1024;

/// As [`attend`](super::attend), position by position.
pub(super) fn attend(query: Matrix<'_>, past: &[KeysValues<'_>], width: usize, out: &mut [f32]) {
    let (heads, length) =
        (query.columns() / width, past.iter().map(|block| block.keys.rows()).sum::<usize>());
    let shared = past.first().map_or(1, |block| block.keys.columns() / width);
    let heads_a_task = (TASK / (2 * length * width).max(1)).clamp(1, heads);
    let before = length - query.rows();
    for (row, out) in out.chunks_exact_mut(query.columns()).enumerate() {
        out.par_chunks_mut(heads_a_task * width).enumerate().for_each(|(task, out)| {
            let mut weights = Vec::with_capacity(length);
            for (i, out) in out.chunks_exact_mut(width).enumerate() {
                let head = task * heads_a_task + i;
                let query = &query.row(row)[head * width..][..width];
                let columns = head / (heads / shared) * width;
                let head = Head { query, past, columns, seen: before + row + 1, weights: &mut weights, out };
                Arch::new().dispatch(head);
            }
        });
    }
}

/// One head of one position.
struct Head<'a> {
    query: &'a [f32],
    past: &'a [KeysValues<'a>],
    /// The first column of its keys and values.
    columns: usize,
    /// Positions that it may look at.
    seen: usize,
    weights: &'a mut Vec<f32>,
    out: &'a mut [f32],
}

impl WithSimd for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { query, past, columns, seen, weights, out } = self;
        let width = query.len();
        weights.clear();
        let mut highest = f32::NEG_INFINITY;
        for block in past {
            for row in 0..block.keys.rows().min(seen - weights.len()) {
                let score = dot(simd, query, &block.keys.row(row)[columns..][..width]);
                highest = highest.max(score);
                weights.push(score);
            }
        }
        let sum = exponentials(weights, (width as f32).sqrt().recip(), highest);
        let mut rest = out;
        let mut first = columns;
        while !rest.is_empty() {
            let count =
                if rest.len() >= VECTORS * S::F32_LANES { VECTORS * S::F32_LANES } else { rest.len() };
            let (out, after) = rest.split_at_mut(count);
            mix(simd, past, first, weights, sum.recip(), out);
            (rest, first) = (after, first + count);
        }
    }
}

/// Vectors of values that are summed in registers.
const VECTORS: usize = 4;

/// The sum of all positions' values times their weights times `scale`, of some columns from `first` on.
#[inline(always)]
fn mix<S: Simd>(
    simd: S,
    past: &[KeysValues<'_>],
    first: usize,
    weights: &[f32],
    scale: f32,
    out: &mut [f32],
) {
    if let Some(out) = S::as_mut_simd_f32s(out).0.first_chunk_mut::<VECTORS>() {
        let mut sums = [simd.splat_f32s(0.0); VECTORS];
        let mut rest = weights;
        for block in past {
            let (own, after) = rest.split_at(block.values.rows().min(rest.len()));
            for (row, weight) in own.iter().enumerate() {
                let weight = simd.splat_f32s(*weight);
                let values = S::as_simd_f32s(&block.values.row(row)[first..]).0;
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = simd.mul_add_e_f32s(weight, *value, *sum);
                }
            }
            rest = after;
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = simd.mul_f32s(sum, simd.splat_f32s(scale));
        }
        return;
    }
    out.fill(0.0);
    let mut rest = weights;
    for block in past {
        let (own, after) = rest.split_at(block.values.rows().min(rest.len()));
        for (row, weight) in own.iter().enumerate() {
            for (out, value) in out.iter_mut().zip(&block.values.row(row)[first..]) {
                *out += weight * scale * value;
            }
        }
        rest = after;
    }
}

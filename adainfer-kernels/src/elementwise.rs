//! Operations on each row alone.

use rayon::prelude::*;

use crate::Matrix;
use crate::simd::{Dot, exp, sum, vectorized};

/// 2 sqrt(2 / pi).
const GELU_SCALE: f32 = 1.595_769;
const GELU_CUBIC: f32 = 0.044_715;

/// Elements that a task is worth: fewer, and handing it to another thread costs more than it saves.
const TASK: usize = 16 * 1024;

/// Writes each row of `out`, `width` wide, from the same row of the input; large ones on all threads.
fn each_row(out: &mut [f32], width: usize, write: impl Fn(usize, &mut [f32]) + Sync) {
    let rows_a_task = (TASK / width).max(1);
    out.par_chunks_mut(rows_a_task * width).enumerate().for_each(|(task, rows)| {
        for (i, row) in rows.chunks_exact_mut(width).enumerate() {
            write(task * rows_a_task + i, row);
        }
    });
}

/// Root-mean-square norm of every row: `x / sqrt(mean(x^2) + epsilon) * gamma`.
///
/// # Shapes
/// x and out: `[rows, columns]`, gamma: `[columns]`.
pub fn rms_norm(x: Matrix<'_>, gamma: &[f32], epsilon: f32, out: &mut [f32]) {
    each_row(out, x.columns(), |i, out| {
        let row = x.row(i);
        let scale = 1.0 / (Dot(row, row).compute() / row.len() as f32 + epsilon).sqrt();
        vectorized(
            #[inline(always)]
            || {
                for ((out, x), gamma) in out.iter_mut().zip(row).zip(gamma) {
                    *out = x * scale * gamma;
                }
            },
        );
    });
}

/// Layer norm of every row: `(x - mean(x)) / sqrt(variance(x) + epsilon) * gamma + beta`.
///
/// # Shapes
/// x and out: `[rows, columns]`, gamma and beta: `[columns]`.
pub fn layer_norm(x: Matrix<'_>, gamma: &[f32], beta: &[f32], epsilon: f32, out: &mut [f32]) {
    each_row(out, x.columns(), |i, out| {
        let row = x.row(i);
        vectorized(
            #[inline(always)]
            || {
                let mean = sum(row) / row.len() as f32;
                for (out, x) in out.iter_mut().zip(row) {
                    *out = x - mean;
                }
            },
        );
        let scale = 1.0 / (Dot(out, out).compute() / row.len() as f32 + epsilon).sqrt();
        vectorized(
            #[inline(always)]
            || {
                for ((out, gamma), beta) in out.iter_mut().zip(gamma).zip(beta) {
                    *out = *out * scale * gamma + beta;
                }
            },
        );
    });
}

/// The Gaussian unit in its approximation by a hyperbolic tangent,
/// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
///
/// # Shapes
/// x and out: `[rows, columns]`.
pub fn gelu_tanh(x: Matrix<'_>, out: &mut [f32]) {
    each_row(out, x.columns(), |i, out| {
        vectorized(
            #[inline(always)]
            || {
                for (out, x) in out.iter_mut().zip(x.row(i)) {
                    let inner = GELU_SCALE * (x + GELU_CUBIC * x * x * x);
                    *out = x / (1.0 + exp(-inner));
                }
            },
        );
    });
}

/// The gated unit of Llama's MLP: `silu(gate) * up`, where a row is the gate and then the up half.
///
/// # Shapes
/// gate_up: `[rows, 2 width]`, out: `[rows, width]`.
pub fn swiglu(gate_up: Matrix<'_>, out: &mut [f32]) {
    let width = gate_up.columns() / 2;
    each_row(out, width, |i, out| {
        let (gate, up) = gate_up.row(i).split_at(width);
        vectorized(
            #[inline(always)]
            || {
                for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
                    *out = gate * up / (1.0 + exp(-gate));
                }
            },
        );
    });
}

/// Rotates every head of every row by the row's angles, pairing the first half of a head with the second.
///
/// # Shapes
/// x and out: `[rows, heads width]`, cos and sin: `[rows, width / 2]`.
pub fn rotate(x: Matrix<'_>, cos: Matrix<'_>, sin: Matrix<'_>, out: &mut [f32]) {
    let half = cos.columns();
    each_row(out, x.columns(), |i, out| {
        let (row, cos, sin) = (x.row(i), cos.row(i), sin.row(i));
        vectorized(
            #[inline(always)]
            || {
                for (head, out) in row.chunks_exact(2 * half).zip(out.chunks_exact_mut(2 * half)) {
                    let ((first, second), (out_first, out_second)) =
                        (head.split_at(half), out.split_at_mut(half));
                    for j in 0..half {
                        out_first[j] = first[j] * cos[j] - second[j] * sin[j];
                        out_second[j] = second[j] * cos[j] + first[j] * sin[j];
                    }
                }
            },
        );
    });
}

/// Replaces x by `e^(scale (x - highest))` and returns the sum: a softmax, but for the division.
pub fn exponentials(row: &mut [f32], scale: f32, highest: f32) -> f32 {
    vectorized(
        #[inline(always)]
        || {
            for x in row.iter_mut() {
                *x = exp(scale * (*x - highest));
            }
            sum(row)
        },
    )
}

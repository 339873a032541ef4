//! `x W^T`, for weights in [`panels`](crate::pack).
//!
//! A tile of six rows of x and two vectors of outputs stays in registers while all inputs pass by; both
//! factors are read front to back. A part of a panel is small enough to stay in a core's first cache
//! while every row of x meets it. Threads take a few panels at a time, so that none waits for a slower
//! one. burn's own product packs W anew at every call, and gives each thread an equal share.

use pulp::{Arch, Simd, WithSimd, bytemuck};
use rayon::prelude::*;

use crate::Matrix;
use crate::panels::{GROUP, Groups, VECTORS, panel_width};

/// Outputs that one task computes at least: enough to be worth handing to a thread.
const OUTPUTS_A_TASK: usize = 48;
/// Inputs summed at most before the next panel's turn: that part of a panel stays in the first cache.
const INPUTS_AT_ONCE: usize = 640;

/// `x W^T`.
///
/// # Shapes
/// x: `[rows, inputs]`, panels: of a [packed](crate::pack) weight of `[outputs, inputs]`, out:
/// `[rows, outputs]`.
///
/// # Panics
/// Where the panels or `out` are not of that length, or anything is empty.
pub fn project(x: Matrix<'_>, panels: &[f32], outputs: usize, out: &mut [f32]) {
    let (inputs, width) = (x.columns(), panel_width());
    assert_eq!(panels.len(), outputs.next_multiple_of(width) * inputs, "panels of {outputs} x {inputs}");
    assert_eq!(out.len(), x.rows() * outputs, "{} rows of {outputs} outputs", x.rows());
    let groups = Groups::new(x);
    let outputs_a_task = OUTPUTS_A_TASK.next_multiple_of(width);
    let tasks = columns(out, outputs, outputs_a_task).into_par_iter();
    tasks.zip(panels.par_chunks(outputs_a_task * inputs)).for_each(|(out, panels)| {
        Arch::new().dispatch(Task { groups: &groups, panels, inputs, out });
    });
}

/// Cuts a matrix into bands of columns, each a list of its rows.
pub(crate) fn columns(out: &mut [f32], width: usize, columns: usize) -> Vec<Vec<&mut [f32]>> {
    let rows = out.len() / width;
    let mut bands: Vec<_> = (0..width.div_ceil(columns)).map(|_| Vec::with_capacity(rows)).collect();
    for row in out.chunks_exact_mut(width) {
        for (band, part) in bands.iter_mut().zip(row.chunks_mut(columns)) {
            band.push(part);
        }
    }
    bands
}

/// All rows of x times a few panels.
struct Task<'a, 'o> {
    groups: &'a Groups,
    panels: &'a [f32],
    inputs: usize,
    /// One slice a row of x, one element an output.
    out: Vec<&'o mut [f32]>,
}

impl WithSimd for Task<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let width = VECTORS * S::F32_LANES;
        let at_once = self.inputs.div_ceil(self.inputs.div_ceil(INPUTS_AT_ONCE));
        for start in (0..self.inputs).step_by(at_once) {
            let count = at_once.min(self.inputs - start);
            for (index, panel) in self.panels.chunks_exact(self.inputs * width).enumerate() {
                let panel = S::as_simd_f32s(&panel[start * width..][..count * width]).0;
                for rows in self.groups.ranges() {
                    let x = self.groups.part(&rows, start, count);
                    let out = &mut self.out[rows];
                    let place = Place { column: index * width, first: start == 0 };
                    match out.len() {
                        1 => tile::<S, 1>(simd, x, panel, out, place),
                        2 => tile::<S, 2>(simd, x, panel, out, place),
                        3 => tile::<S, 3>(simd, x, panel, out, place),
                        4 => tile::<S, 4>(simd, x, panel, out, place),
                        5 => tile::<S, 5>(simd, x, panel, out, place),
                        _ => tile::<S, GROUP>(simd, x, panel, out, place),
                    }
                }
            }
        }
    }
}

/// Where a tile's sums go.
#[derive(Clone, Copy)]
struct Place {
    column: usize,
    /// Nothing has been written there yet.
    first: bool,
}

/// Some inputs of a group of `ROWS` rows times the same inputs of a panel.
#[inline(always)]
fn tile<S: Simd, const ROWS: usize>(
    simd: S,
    x: &[f32],
    panel: &[S::f32s],
    out: &mut [&mut [f32]],
    place: Place,
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (x, w) in x.as_chunks::<ROWS>().0.iter().zip(panel.as_chunks::<VECTORS>().0) {
        for (sums, x) in sums.iter_mut().zip(x) {
            let x = simd.splat_f32s(*x);
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum = simd.mul_add_e_f32s(x, *w, *sum);
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(&sums) {
        store(simd, &mut out[place.column..], sums, place.first);
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

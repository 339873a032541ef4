//! `x W^T`, for weights in [`panels`](crate::pack).
//!
//! A tile of six rows of x and two vectors of outputs stays in registers while inputs pass by. A part of a panel
//! is small enough to stay in a core's second cache while every row of x meets it. Threads take a panel at a time,
//! so that none waits for a slower one. burn's own product packs W anew at every call, and gives each thread an
//! equal share.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::Matrix;
use crate::panels::{VECTORS, panel_width};
use crate::tile::{GROUP, groups_of, store, tile};

/// Multiply-adds of one task at least: enough to be worth handing to a thread.
const PRODUCTS_A_TASK: usize = 32 * 1024;
/// Tasks of a product at most: more cost time to prepare, and threads end together with so many.
pub(crate) const MOST_TASKS: usize = 64;
/// Inputs summed at most before the next panel's turn: that part of a panel stays in the second cache.
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
    let least = PRODUCTS_A_TASK.div_ceil(x.rows() * inputs);
    let outputs_a_task = least.max(outputs.div_ceil(MOST_TASKS)).next_multiple_of(width);
    let tasks = columns(out, outputs, outputs_a_task).into_par_iter();
    tasks.zip(panels.par_chunks(outputs_a_task * inputs)).for_each(|(out, panels)| {
        Arch::new().dispatch(Task { x, panels, out });
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
    x: Matrix<'a>,
    panels: &'a [f32],
    /// One slice a row of x, one element an output.
    out: Vec<&'o mut [f32]>,
}

impl WithSimd for Task<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (inputs, width) = (self.x.columns(), VECTORS * S::F32_LANES);
        let at_once = inputs.div_ceil(inputs.div_ceil(INPUTS_AT_ONCE));
        for start in (0..inputs).step_by(at_once) {
            let count = at_once.min(inputs - start);
            for (index, panel) in self.panels.chunks_exact(inputs * width).enumerate() {
                let panel = S::as_simd_f32s(&panel[start * width..][..count * width]).0;
                for rows in groups_of(self.x.rows(), GROUP) {
                    let part = Part { x: self.x, row: rows.start, start, count, column: index * width };
                    let out = &mut self.out[rows];
                    match out.len() {
                        1 => part.multiply::<S, 1>(simd, panel, out),
                        2 => part.multiply::<S, 2>(simd, panel, out),
                        3 => part.multiply::<S, 3>(simd, panel, out),
                        4 => part.multiply::<S, 4>(simd, panel, out),
                        5 => part.multiply::<S, 5>(simd, panel, out),
                        _ => part.multiply::<S, GROUP>(simd, panel, out),
                    }
                }
            }
        }
    }
}

/// Some inputs of a group of rows, and where their outputs go.
#[derive(Clone, Copy)]
struct Part<'a> {
    x: Matrix<'a>,
    row: usize,
    /// The first input, and how many.
    start: usize,
    count: usize,
    column: usize,
}

impl Part<'_> {
    #[inline(always)]
    fn multiply<S: Simd, const ROWS: usize>(self, simd: S, panel: &[S::f32s], out: &mut [&mut [f32]]) {
        let rows = std::array::from_fn(|i| &self.x.row(self.row + i)[self.start..][..self.count]);
        let sums = tile::<S, ROWS>(simd, rows, panel);
        for (out, sums) in out.iter_mut().zip(&sums) {
            store(simd, &mut out[self.column..], sums, self.start == 0);
        }
    }
}

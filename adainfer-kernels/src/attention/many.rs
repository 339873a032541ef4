//! Attention of many positions, as products of matrices.
//!
//! Keys and values of each key/value head are brought into panels once; then a task takes some positions of all
//! query heads that share them. Nothing after the last position that they see is computed.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::KeysValues;
use crate::Matrix;
use crate::elementwise::exponentials;
use crate::panels::{VECTORS, interleave, panel_width};
use crate::projection::columns;
use crate::simd::largest;
use crate::tile::{GROUP, groups_of, store, tile};

/// Scores that a task holds at a time, about: they stay in a core's second cache.
const SCORES: usize = 64 * 1024;
/// Positions that a task takes at most.
const POSITIONS: usize = 32;

/// As [`attend`](super::attend).
pub(super) fn attend(query: Matrix<'_>, past: &[KeysValues<'_>], width: usize, out: &mut [f32]) {
    let keys: Vec<&[f32]> = rows(past, |block| block.keys);
    let values: Vec<&[f32]> = rows(past, |block| block.values);
    let heads = query.columns() / width;
    let shared = keys.first().map_or(1, |row| row.len() / width);
    let (group, before) = (heads / shared, keys.len() - query.rows());
    let packed = (0..shared).into_par_iter().map(|head| Packed::new(&keys, &values, head * width, width));
    let packed: Vec<Packed> = packed.collect();
    // Fixed, so that sums do not depend on the number of threads.
    let positions = (SCORES / (group * keys.len())).clamp(2, POSITIONS) / 2 * 2;
    let chunks = out.chunks_mut(positions * query.columns()).enumerate();
    let tasks: Vec<_> = chunks
        .flat_map(|(chunk, out)| {
            let bands = columns(out, query.columns(), group * width).into_iter().enumerate();
            bands.map(move |(head, out)| (chunk * positions, head, out))
        })
        .collect();
    tasks.into_par_iter().for_each_init(Scratch::default, |scratch, (first, head, mut out)| {
        let window = Window { query, first, before, head, group, width };
        window.attend(&packed[head], scratch, &mut out);
    });
}

/// The rows of all blocks.
fn rows<'a>(past: &[KeysValues<'a>], of: impl Fn(&KeysValues<'a>) -> Matrix<'a>) -> Vec<&'a [f32]> {
    past.iter().map(of).flat_map(|matrix| (0..matrix.rows()).map(move |row| matrix.row(row))).collect()
}

/// Keys and values of one head, as factors of products.
struct Packed {
    /// Keys are the outputs: [panels, width, keys a panel].
    keys: Vec<f32>,
    /// Positions are the inputs: [panels, positions, elements a panel].
    values: Vec<f32>,
}

impl Packed {
    fn new(keys: &[&[f32]], values: &[&[f32]], column: usize, width: usize) -> Self {
        let (panel, length) = (panel_width(), keys.len());
        let mut packed_keys = vec![0.0; length.next_multiple_of(panel) * width];
        for (out, keys) in packed_keys.chunks_exact_mut(width * panel).zip(keys.chunks(panel)) {
            interleave(keys.iter().map(|row| &row[column..][..width]), out, panel);
        }
        let mut packed_values = vec![0.0; width.next_multiple_of(panel) * length];
        for (index, out) in packed_values.chunks_exact_mut(length * panel).enumerate() {
            let elements = index * panel..width.min((index + 1) * panel);
            for (out, row) in out.chunks_exact_mut(panel).zip(values) {
                out[..elements.len()].copy_from_slice(&row[column..][elements.clone()]);
            }
        }
        Self { keys: packed_keys, values: packed_values }
    }
}

/// Memory that a thread uses again.
#[derive(Default)]
struct Scratch {
    query: Vec<f32>,
    scores: Vec<f32>,
    mixed: Vec<f32>,
    sums: Vec<f32>,
}

/// Some positions of the query heads that share a key/value head.
struct Window<'a> {
    query: Matrix<'a>,
    /// Rows of `query`.
    first: usize,
    /// Positions before those of `query`.
    before: usize,
    head: usize,
    group: usize,
    width: usize,
}

impl Window<'_> {
    /// Rows of the products are positions, and within them query heads.
    fn attend(&self, packed: &Packed, scratch: &mut Scratch, out: &mut [&mut [f32]]) {
        let Self { group, width, .. } = *self;
        let (rows, panel) = (out.len() * group, panel_width());
        let seen = self.before + self.first + out.len();
        let length = packed.values.len() / width.next_multiple_of(panel);
        let Scratch { query, scores, mixed, sums } = scratch;

        query.clear();
        for position in 0..out.len() {
            let row = self.query.row(self.first + position);
            query.extend_from_slice(&row[self.head * group * width..][..group * width]);
        }
        scores.resize(rows * seen, 0.0);
        Arch::new().dispatch(Product {
            x: query,
            inputs: width,
            panels: &packed.keys,
            stride: width,
            out: &mut scores[..rows * seen],
            outputs: seen,
        });

        sums.clear();
        let scale = (width as f32).sqrt().recip();
        for (row, scores) in scores.chunks_exact_mut(seen).take(rows).enumerate() {
            let visible = seen - out.len() + row / group + 1;
            let (shown, hidden) = scores.split_at_mut(visible);
            let highest = largest(shown);
            sums.push(exponentials(shown, scale, highest));
            hidden.fill(0.0);
        }

        mixed.resize(rows * width, 0.0);
        Arch::new().dispatch(Product {
            x: &scores[..rows * seen],
            inputs: seen,
            panels: &packed.values,
            stride: length,
            out: &mut mixed[..rows * width],
            outputs: width,
        });
        for (position, out) in out.iter_mut().enumerate() {
            for (head, out) in out.chunks_exact_mut(width).enumerate() {
                let row = position * group + head;
                let by = sums[row].recip();
                out.iter_mut().zip(&mixed[row * width..]).for_each(|(out, mixed)| *out = mixed * by);
            }
        }
    }
}

/// `x W^T` on one thread, with x as it lies.
struct Product<'a> {
    /// [rows, inputs].
    x: &'a [f32],
    inputs: usize,
    /// [panels, stride, width].
    panels: &'a [f32],
    /// Inputs that a panel has; the first are used.
    stride: usize,
    /// [rows, outputs].
    out: &'a mut [f32],
    outputs: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, inputs, panels, stride, out, outputs } = self;
        let width = VECTORS * S::F32_LANES;
        for column in (0..outputs).step_by(width) {
            let panel = &panels[column * stride..][..inputs * width];
            let panel = S::as_simd_f32s(panel).0;
            for rows in groups_of(out.len() / outputs, GROUP) {
                let x = &x[rows.start * inputs..rows.end * inputs];
                let out = &mut out[rows.start * outputs..rows.end * outputs];
                match rows.len() {
                    1 => multiply::<S, 1>(simd, x, panel, out, column),
                    2 => multiply::<S, 2>(simd, x, panel, out, column),
                    3 => multiply::<S, 3>(simd, x, panel, out, column),
                    4 => multiply::<S, 4>(simd, x, panel, out, column),
                    5 => multiply::<S, 5>(simd, x, panel, out, column),
                    _ => multiply::<S, GROUP>(simd, x, panel, out, column),
                }
            }
        }
    }
}

/// `ROWS` rows of x times a panel, into each row's outputs from `column` on.
#[inline(always)]
fn multiply<S: Simd, const ROWS: usize>(
    simd: S,
    x: &[f32],
    panel: &[S::f32s],
    out: &mut [f32],
    column: usize,
) {
    let (inputs, outputs) = (x.len() / ROWS, out.len() / ROWS);
    let sums = tile::<S, ROWS>(simd, std::array::from_fn(|i| &x[i * inputs..][..inputs]), panel);
    for (out, sums) in out.chunks_exact_mut(outputs).zip(&sums) {
        store(simd, &mut out[column..], sums, true);
    }
}

//! `x W^T`, for weights in blocks.
//!
//! x is rounded to 8 bits too, 32 inputs a scale, so that the products are of small integers, four of which a
//! processor multiplies and adds in a 32-bit lane at once; scales are multiplied in once a block.

use rayon::prelude::*;

use super::matrix::{Bits, BlockMatrix};
use super::rounded::Rounded;
use super::{BLOCK, LANES, plain};
use crate::Matrix;
use crate::projection::{MOST_TASKS, columns};
use crate::simd::vectorized;

/// Multiply-adds that a task is worth: fewer, and handing it to another thread costs more than it saves.
const TASK: usize = 128 * 1024;
/// Panels that are multiplied at once: of one row, and of more. A task has as many at least.
const AT_ONCE: [usize; 2] = [4, 2];

/// `x W^T`, for a weight in blocks, with x rounded to 8 bits: an error of about 0.4 % of its largest product
/// in each block.
///
/// # Shapes
/// x: `[rows, inputs]`, weight: `[outputs, inputs]`, out: `[rows, outputs]`.
///
/// # Panics
/// Where the weight or `out` is not of that shape, or anything is empty.
pub fn project_blocks(x: Matrix<'_>, weight: &BlockMatrix, out: &mut [f32]) {
    run(Level::best(), x, weight, out);
}

fn run(level: Level, x: Matrix<'_>, weight: &BlockMatrix, out: &mut [f32]) {
    let outputs = weight.outputs();
    assert_eq!(weight.inputs(), x.columns(), "inputs of a weight, and columns of x");
    assert_eq!(out.len(), x.rows() * outputs, "{} rows of {outputs} outputs", x.rows());
    let x = Rounded::new(x);
    let at_once = AT_ONCE[usize::from(x.rows() > 1)];
    let tasks = (x.rows() * outputs * weight.inputs() / TASK).clamp(1, MOST_TASKS);
    let panels_a_task = weight.panels().div_ceil(tasks).next_multiple_of(at_once);
    let bands = columns(out, outputs, panels_a_task * LANES).into_par_iter();
    bands.enumerate().for_each(|(band, out)| {
        let first = band * panels_a_task;
        let panels = first..(first + panels_a_task).min(weight.panels());
        let task = Task { x: &x, weight, panels, out };
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Intrinsics(set) => set.run(task),
            Level::Plain => task.plain(),
        }
    });
}

/// What the processor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Intrinsics(super::intrinsics::Set),
}

impl Level {
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(set) = super::intrinsics::Set::all().next() {
            return Self::Intrinsics(set);
        }
        Self::Plain
    }
}

/// All rows of x times a few panels.
pub(super) struct Task<'a, 'o> {
    pub(super) x: &'a Rounded,
    pub(super) weight: &'a BlockMatrix,
    pub(super) panels: std::ops::Range<usize>,
    /// One slice a row of x, one element an output.
    pub(super) out: Vec<&'o mut [f32]>,
}

impl Task<'_, '_> {
    fn plain(mut self) {
        let format = self.weight.format();
        for panel in self.panels.clone() {
            for row in 0..self.x.rows() {
                let (x, w) = (self.x.row(row), self.weight.panel(panel));
                let sums = vectorized(
                    #[inline(always)]
                    || match format.bits {
                        Bits::Four => plain::tile::<{ BLOCK / 8 }>(x, w, format.zero),
                        Bits::Eight => plain::tile::<{ BLOCK / 4 }>(x, w, format.zero),
                    },
                );
                self.write(row, panel, &sums);
            }
        }
    }

    /// Writes the sums of one row and one panel, as many of them as there are outputs.
    #[inline(always)]
    pub(super) fn write(&mut self, row: usize, panel: usize, sums: &[f32; LANES]) {
        let first = (panel - self.panels.start) * LANES;
        let out = &mut self.out[row][first..];
        match out.first_chunk_mut() {
            Some(out) => *out = *sums,
            None => out.copy_from_slice(&sums[..out.len()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Block, BlockFormat};
    use super::*;

    const FORMATS: [BlockFormat; 5] = [
        BlockFormat { bits: Bits::Four, zero: 8, minima: false },
        BlockFormat { bits: Bits::Four, zero: 0, minima: true },
        BlockFormat { bits: Bits::Eight, zero: 16, minima: false },
        BlockFormat::INT8,
        BlockFormat::WIDEST,
    ];

    /// Any numbers: a hash of their place.
    fn hash(place: usize) -> u32 {
        let mixed = (place as u32 ^ 0x9e37).wrapping_mul(0x85eb_ca6b);
        (mixed ^ mixed >> 13).wrapping_mul(0xc2b2_ae35) >> 8
    }

    fn matrix(shape: [usize; 2], format: BlockFormat) -> BlockMatrix {
        BlockMatrix::new(shape, format, |output, index| {
            let place = output * 64 + index;
            let value = |salt| half::f16::from_f32(hash(place + salt) as f32 / (1 << 24) as f32 - 0.5);
            let mask = if format.bits == Bits::Four { 0x0f } else { 0xff };
            let numbers = std::array::from_fn(|i| (hash(place * BLOCK + i) & mask) as u8);
            Some(Block { scale: value(1 << 20), minimum: value(1 << 21), numbers })
        })
        .unwrap()
    }

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|i| hash(i + 7) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    fn levels() -> Vec<Level> {
        #[cfg(target_arch = "x86_64")]
        let sets = super::super::intrinsics::Set::all().map(Level::Intrinsics);
        #[cfg(not(target_arch = "x86_64"))]
        let sets = std::iter::empty();
        std::iter::once(Level::Plain).chain(sets).collect()
    }

    /// `x W^T` in f64, and for each output the size of what is summed.
    fn exact(x: &[f32], weight: &BlockMatrix) -> Vec<(f64, f64)> {
        let mut row = vec![0.0; weight.inputs()];
        let mut all = Vec::new();
        for x in x.chunks_exact(weight.inputs()) {
            for output in 0..weight.outputs() {
                weight.row(output, &mut row);
                let products = x.iter().zip(&row).map(|(x, w)| f64::from(*x) * f64::from(*w));
                all.push((products.clone().sum(), products.map(f64::abs).sum()));
            }
        }
        all
    }

    /// The numbers that a product works with instead of x.
    fn seen(x: &[f32]) -> Vec<f32> {
        let rounded = Rounded::new(Matrix::new(x, [1, x.len()]));
        let row = rounded.row(0);
        let values = row.words.iter().zip(row.scales).flat_map(|(words, scale)| {
            words.iter().flat_map(|word| word.to_le_bytes()).map(move |x| f32::from(x.cast_signed()) * scale)
        });
        values.collect()
    }

    #[test]
    fn every_instruction_set_multiplies_what_is_there() {
        for format in FORMATS {
            for (rows, outputs, blocks) in
                [(1, 1, 1), (1, 150, 3), (2, 16, 2), (5, 33, 1), (7, 64, 4), (13, 80, 18)]
            {
                let weight = matrix([outputs, blocks * BLOCK], format);
                let x = values(rows * blocks * BLOCK);
                let wanted = exact(&seen(&x), &weight);
                for level in levels() {
                    let mut out = vec![f32::NAN; rows * outputs];
                    run(level, Matrix::new(&x, [rows, blocks * BLOCK]), &weight, &mut out);
                    for (found, (wanted, size)) in out.iter().zip(&wanted) {
                        let off = (f64::from(*found) - wanted).abs();
                        assert!(off <= 2e-6 * (size + 1.0), "{level:?} {format:?}: {found}, not {wanted}");
                    }
                }
            }
        }
    }

    #[test]
    fn x_is_rounded_by_half_a_step_at_most() {
        let x = values(12 * BLOCK);
        for (x, seen) in x.chunks_exact(BLOCK).zip(seen(&x).chunks_exact(BLOCK)) {
            let step = x.iter().fold(0.0f32, |largest, x| largest.max(x.abs())) / 127.0;
            assert!(x.iter().zip(seen).all(|(x, seen)| (x - seen).abs() <= 0.501 * step));
        }
    }

    #[test]
    fn what_is_not_finite_comes_out() {
        let weight = matrix([3, BLOCK], BlockFormat::INT8);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for level in levels() {
                let mut x = values(BLOCK);
                x[5] = bad;
                let mut out = [0.0; 3];
                run(level, Matrix::new(&x, [1, BLOCK]), &weight, &mut out);
                assert!(out.iter().all(|out| !out.is_finite()), "{level:?} {bad}: {out:?}");
            }
        }
    }
}

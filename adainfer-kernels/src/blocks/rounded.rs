//! The other factor: rows of x in 8 bits.

use rayon::prelude::*;

use super::BLOCK;
use crate::Matrix;
use crate::simd::{sum as sum_of, vectorized};

/// Elements that a task is worth.
const TASK: usize = 16 * 1024;

/// Words of 4 numbers in a block.
pub(super) const WORDS: usize = BLOCK / 4;

/// Rows rounded to numbers from -127 to 127, with a scale for each 32.
pub(super) struct Rounded {
    blocks: usize,
    /// [rows, blocks], four numbers in a word, the first in its lowest byte.
    words: Vec<[i32; WORDS]>,
    /// [rows, blocks].
    scales: Vec<f32>,
    /// Sums of a block's numbers: [rows, blocks].
    sums: Vec<i32>,
}

/// One of its rows.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) words: &'a [[i32; WORDS]],
    pub(super) scales: &'a [f32],
    pub(super) sums: &'a [i32],
}

impl Rounded {
    /// Columns are a multiple of a block.
    pub(super) fn new(x: Matrix<'_>) -> Self {
        let blocks = x.columns() / BLOCK;
        let count = x.rows() * blocks;
        let (mut words, mut scales, mut sums) = (vec![[0; WORDS]; count], vec![0.0; count], vec![0; count]);
        let rows_a_task = (TASK / x.columns()).max(1);
        let places =
            words.par_chunks_mut(rows_a_task * blocks).zip(scales.par_chunks_mut(rows_a_task * blocks));
        places.zip(sums.par_chunks_mut(rows_a_task * blocks)).enumerate().for_each(
            |(task, ((words, scales), sums))| {
                vectorized(
                    #[inline(always)]
                    || {
                        let first = task * rows_a_task;
                        for place in 0..sums.len() {
                            let row = x.row(first + place / blocks).as_chunks::<BLOCK>().0;
                            (words[place], scales[place], sums[place]) = round(&row[place % blocks]);
                        }
                    },
                );
            },
        );
        Self { blocks, words, scales, sums }
    }

    pub(super) fn rows(&self) -> usize {
        self.sums.len() / self.blocks
    }

    #[inline(always)]
    pub(super) fn row(&self, index: usize) -> Row<'_> {
        let first = index * self.blocks;
        Row {
            words: &self.words[first..][..self.blocks],
            scales: &self.scales[first..][..self.blocks],
            sums: &self.sums[first..][..self.blocks],
        }
    }
}

#[inline(always)]
fn round(values: &[f32; BLOCK]) -> ([i32; WORDS], f32, i32) {
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let (mut largest, mut total) = (0.0f32, [0.0f32; 8]);
    for eight in values.as_chunks::<8>().0 {
        for i in 0..8 {
            largest = largest.max(eight[i].abs());
            total[i] += eight[i];
        }
    }
    let by = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let (mut numbers, mut sum) = ([0u8; BLOCK], 0);
    for (number, value) in numbers.iter_mut().zip(values) {
        *number = (value * by + ROUND).to_bits() as u8;
        sum += i32::from(number.cast_signed());
    }
    let mut words = [0; WORDS];
    for (word, numbers) in words.iter_mut().zip(numbers.as_chunks::<4>().0) {
        *word = i32::from_le_bytes(*numbers);
    }
    // What is not finite has no number, and stays in the scale.
    (words, largest / 127.0 + 0.0 * sum_of(&total), sum)
}

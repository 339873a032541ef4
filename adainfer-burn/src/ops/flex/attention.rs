//! Causal attention with grouped queries over a cache that lies in several blocks.
//!
//! Queries are taken a few positions at a time, so that what lies after the last of them is never
//! computed, and so that there is work for every thread.

use adainfer_kernels::{self as kernels, KeysValues, Matrix, exponentials};
use burn_flex::{Flex, FlexTensor};
use burn_tensor::Tensor;
use burn_tensor::ops::FloatTensorOps;
use rayon::prelude::*;

use super::super::{Heads, Past};
use super::{matrix_of, primitive, view};

/// Query positions taken at a time. Fixed, so that the sums do not depend on the number of threads.
const POSITIONS: usize = 64;

/// Positions up to which products are too small for matrices.
const FEW: usize = 4;

/// Keys and values of one block of the cache.
struct Stored {
    keys: FlexTensor,
    values: FlexTensor,
    /// Position of the first row.
    start: usize,
    length: usize,
}

impl Stored {
    /// The rows in use; `None` where they are not rows of f32.
    fn view(&self) -> Option<KeysValues<'_>> {
        let rows = |store| {
            let store: Matrix<'_> = view(store)?;
            Some(store.first_rows(self.length))
        };
        Some(KeysValues { keys: rows(&self.keys)?, values: rows(&self.values)? })
    }
}

/// Some query positions, and what they may see.
struct Window<'a> {
    query: &'a FlexTensor,
    past: &'a [Stored],
    heads: Heads,
    /// Rows of `query`.
    first: usize,
    rows: usize,
    /// The position of query row 0.
    start: usize,
}

pub(super) fn attend(query: Tensor<Flex, 2>, past: &[Past<'_, Flex>], heads: Heads) -> Tensor<Flex, 2> {
    let [positions, columns] = query.dims();
    let mut stored = Vec::with_capacity(past.len());
    let mut start = 0;
    for block in past {
        let [keys, values] = [block.keys, block.values].map(|store| primitive(store.clone()));
        stored.push(Stored { keys, values, start, length: block.length });
        start += block.length;
    }
    let (query, past, start) = (&primitive(query), &stored, start - positions);
    if positions <= FEW
        && let Some(rows) = view(query)
        && let Some(blocks) = past.iter().map(Stored::view).collect::<Option<Vec<_>>>()
    {
        return matrix_of([positions, columns], |out| kernels::attend(rows, &blocks, heads.width, out));
    }
    matrix_of([positions, columns], |out| {
        out.par_chunks_mut(POSITIONS * columns).enumerate().for_each(|(i, out)| {
            let (first, rows) = (i * POSITIONS, out.len() / columns);
            Window { query, past, heads, first, rows, start }.attend(out);
        });
    })
}

impl Window<'_> {
    fn attend(&self, out: &mut [f32]) {
        let width = self.heads.width;
        for head in 0..self.heads.query {
            let mixed = self.head(head);
            for (out, mixed) in out.chunks_exact_mut(self.heads.query * width).zip(mixed.chunks_exact(width))
            {
                out[head * width..][..width].copy_from_slice(mixed);
            }
        }
    }

    /// The values that one head's queries attend to, [rows, width].
    fn head(&self, head: usize) -> Vec<f32> {
        let (width, shared) = (self.heads.width, head / self.heads.group());
        let query = self.query.narrow(0, self.first, self.rows).narrow(1, head * width, width);
        // The last of these positions sees this many.
        let seen = self.start + self.first + self.rows;
        let blocks: Vec<_> = self.past.iter().filter(|block| block.start < seen).collect();
        let mut scores: Vec<FlexTensor> = blocks
            .iter()
            .map(|block| {
                let rows = block.length.min(seen - block.start);
                let keys = block.keys.narrow(0, 0, rows).narrow(1, shared * width, width);
                Flex::float_matmul(query.clone(), keys.transpose(0, 1))
            })
            .collect();
        let sums = self.exponentiate(&mut scores, &blocks);
        let mut mixed = vec![0.0; self.rows * width];
        for (weights, block) in scores.into_iter().zip(blocks) {
            let rows = block.length.min(seen - block.start);
            let values = block.values.narrow(0, 0, rows).narrow(1, shared * width, width);
            let part = Flex::float_matmul(weights, values);
            mixed.iter_mut().zip(part.storage::<f32>()).for_each(|(sum, part)| *sum += part);
        }
        for (row, sum) in mixed.chunks_exact_mut(width).zip(sums) {
            row.iter_mut().for_each(|value| *value /= sum);
        }
        mixed
    }

    /// Turns scores into the softmax's numerators, zero where the position may not look, and returns the
    /// denominators.
    fn exponentiate(&self, scores: &mut [FlexTensor], blocks: &[&Stored]) -> Vec<f32> {
        let scale = (self.heads.width as f32).sqrt().recip();
        let mut parts: Vec<(usize, usize, &mut [f32])> = scores
            .iter_mut()
            .zip(blocks)
            .map(|(scores, block)| {
                let columns = scores.layout().shape()[1];
                (columns, block.start, scores.storage_mut::<f32>())
            })
            .collect();
        let row_of = |row: usize| {
            let seen = self.start + self.first + row + 1;
            let mut highest = f32::NEG_INFINITY;
            for (columns, start, part) in &parts {
                let visible = seen.saturating_sub(*start).min(*columns);
                let row = &part[row * columns..][..visible];
                highest = row.iter().copied().fold(highest, f32::max);
            }
            (seen, highest)
        };
        let rows: Vec<_> = (0..self.rows).map(row_of).collect();
        let mut sums = vec![0.0; self.rows];
        for (columns, start, part) in &mut parts {
            for (row, sum) in sums.iter_mut().enumerate() {
                let (seen, highest) = rows[row];
                let visible = seen.saturating_sub(*start).min(*columns);
                let (shown, hidden) = part[row * *columns..][..*columns].split_at_mut(visible);
                *sum += exponentials(shown, scale, highest);
                hidden.fill(0.0);
            }
        }
        sums
    }
}

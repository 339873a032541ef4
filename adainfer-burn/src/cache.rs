//! Keys and values of a sequence, one layer's.

use std::sync::Arc;

use burn_tensor::Tensor;

use crate::ops::{Ops, Past};

/// Rows are allocated in multiples of this, so that a first token and a short answer fit beside a
/// prompt.
const BLOCK: usize = 64;

/// One layer's keys and values, in blocks of memory that grow and are written in place.
///
/// A clone shares every block. A cache that finds its newest block shared leaves it alone and opens
/// another one: so a fork costs no copy, and what it appends is its own.
#[derive(Debug, Clone)]
pub(crate) struct LayerCache<B: Ops> {
    blocks: Vec<Arc<Block<B>>>,
}

#[derive(Debug)]
struct Block<B: Ops> {
    keys: Tensor<B, 2>,
    values: Tensor<B, 2>,
    length: usize,
}

impl<B: Ops> Block<B> {
    /// An empty block for rows like those of `sample`.
    fn new(capacity: usize, sample: &Tensor<B, 2>) -> Self {
        let store = || Tensor::zeros([capacity, sample.dims()[1]], (&sample.device(), sample.dtype()));
        Self { keys: store(), values: store(), length: 0 }
    }

    fn capacity(&self) -> usize {
        self.keys.dims()[0]
    }

    /// Appends rows, in more memory if there is no room: at least twice as much, so that appending row
    /// by row stays linear.
    fn append(self, keys: Tensor<B, 2>, values: Tensor<B, 2>) -> Self {
        let needed = self.length + keys.dims()[0];
        let block = if needed > self.capacity() { self.grown(needed) } else { self };
        Self {
            // The stores move through, so that a backend finds them unshared and writes in place.
            keys: B::write_rows(block.keys, block.length, keys),
            values: B::write_rows(block.values, block.length, values),
            length: needed,
        }
    }

    fn grown(self, needed: usize) -> Self {
        let larger = Self::new(blocks_of(needed.max(2 * self.capacity())), &self.keys);
        larger.append(self.keys.narrow(0, 0, self.length), self.values.narrow(0, 0, self.length))
    }
}

fn blocks_of(rows: usize) -> usize {
    rows.next_multiple_of(BLOCK)
}

impl<B: Ops> LayerCache<B> {
    pub(crate) fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    /// Positions held.
    pub(crate) fn length(&self) -> usize {
        self.blocks.iter().map(|block| block.length).sum()
    }

    /// Appends the keys and values of new positions, [positions, width] each.
    pub(crate) fn append(&mut self, keys: Tensor<B, 2>, values: Tensor<B, 2>) {
        let newest = self.blocks.pop().map(Arc::try_unwrap);
        let block = match newest {
            Some(Ok(own)) => own,
            other => {
                self.blocks.extend(other.and_then(Result::err));
                Block::new(blocks_of(keys.dims()[0] + 1), &keys)
            }
        };
        self.blocks.push(Arc::new(block.append(keys, values)));
    }

    /// What attention reads, oldest first.
    pub(crate) fn past(&self) -> Vec<Past<'_, B>> {
        self.blocks
            .iter()
            .map(|block| Past { keys: &block.keys, values: &block.values, length: block.length })
            .collect()
    }
}

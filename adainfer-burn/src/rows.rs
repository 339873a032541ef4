//! A row for each token: the table of an embedding, or the matrix of an output head.

use std::sync::Arc;

use adainfer_kernels::BlockMatrix;
use burn_tensor::{Int, Tensor};

use crate::ops::{Ops, reference};

/// [vocab, width], as it is held; a clone shares it.
#[derive(Debug, Clone)]
pub(crate) enum TokenRows<B: Ops> {
    /// As the backend holds numbers.
    Floats(Tensor<B, 2>),
    /// In the host's memory.
    Blocks {
        /// The rows.
        matrix: Arc<BlockMatrix>,
        /// Where what comes of them goes.
        device: B::Device,
    },
}

impl<B: Ops> TokenRows<B> {
    /// The rows of these tokens, [tokens, width]; ids have been checked.
    pub(crate) fn select(&self, tokens: Tensor<B, 1, Int>) -> Tensor<B, 2> {
        match self {
            Self::Floats(table) => table.clone().select(0, tokens),
            Self::Blocks { matrix, device } => {
                let ids = tokens.into_data();
                reference::rows_of(matrix, ids.iter::<u32>().map(|id| id as usize), device)
            }
        }
    }

    /// The products of all rows with each of `x`: [positions, width] to [positions, vocab].
    pub(crate) fn score(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match self {
            Self::Floats(table) => B::score(x, table),
            Self::Blocks { matrix, .. } => B::project_blocks(x, matrix),
        }
    }
}

//! A row for each token: the table of an embedding, or the matrix of an output head.

use std::sync::Arc;

use adainfer_kernels::{BlockMatrix, Matrix};
use burn_tensor::{Int, Tensor};

use crate::ModelError;
use crate::layered::read;
use crate::ops::{Ops, reference};

/// [vocab, width], as it is held; a clone shares it.
#[derive(Debug, Clone)]
pub(crate) enum TokenRows<B: Ops> {
    /// As the backend holds numbers.
    Floats(Tensor<B, 2>),
    /// The same, and again in few bits for a first pass over all scores.
    Screened {
        /// The rows.
        table: Tensor<B, 2>,
        /// The rows in the host's memory.
        screen: Arc<BlockMatrix>,
    },
    /// In the host's memory.
    Blocks {
        /// The rows.
        matrix: Arc<BlockMatrix>,
        /// Where what comes of them goes.
        device: B::Device,
    },
}

impl<B: Ops> TokenRows<B> {
    /// With a screen, where the backend has a use for it and the rows can be rounded.
    pub(crate) fn screened(self) -> Result<Self, ModelError> {
        let Self::Floats(table) = self else { return Ok(self) };
        if !B::multiplies_blocks() {
            return Ok(Self::Floats(table));
        }
        let shape = table.dims();
        let values = read(table.clone())?;
        Ok(match BlockMatrix::rounded(Matrix::new(&values, shape)) {
            Some(screen) => Self::Screened { table, screen: Arc::new(screen) },
            None => Self::Floats(table),
        })
    }

    /// The rows of these tokens, [tokens, width]; ids have been checked.
    pub(crate) fn select(&self, tokens: Tensor<B, 1, Int>) -> Tensor<B, 2> {
        match self {
            Self::Floats(table) | Self::Screened { table, .. } => table.clone().select(0, tokens),
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
            Self::Screened { table, screen } => B::score_screened(x, table, screen),
            Self::Blocks { matrix, .. } => B::score_blocks(x, matrix),
        }
    }
}

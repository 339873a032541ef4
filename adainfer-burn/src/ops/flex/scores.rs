//! `x W^T`, for weights in the order of the checkpoint and few rows of x: the output head, which reads
//! every row of W once, at the speed of memory.

use burn_flex::Flex;
use burn_tensor::Tensor;
use rayon::prelude::*;

use super::matrix::Matrix;
use super::simd::Dot;
use super::{matrix_of, primitive};

/// Rows of W that one task takes.
const ROWS_A_TASK: usize = 256;

pub(super) fn score(x: Tensor<Flex, 2>, weight: &Tensor<Flex, 2>) -> Tensor<Flex, 2> {
    let (x, w) = (primitive(x), primitive(weight.clone()));
    let (Some(x_rows), Some(w_rows)) = (Matrix::view(&x), Matrix::view(&w)) else {
        return super::tensor::<2>(x).matmul(weight.clone().transpose());
    };
    matrix_of([x_rows.rows, w_rows.rows], |out| {
        for (i, out) in out.chunks_exact_mut(w_rows.rows).enumerate() {
            out.par_chunks_mut(ROWS_A_TASK).enumerate().for_each(|(task, out)| {
                for (j, out) in out.iter_mut().enumerate() {
                    *out = Dot(x_rows.row(i), w_rows.row(task * ROWS_A_TASK + j)).compute();
                }
            });
        }
    })
}

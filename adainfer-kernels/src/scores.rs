use rayon::prelude::*;

use crate::Matrix;
use crate::simd::Dot;

/// Rows of the weight that one task takes.
const ROWS_A_TASK: usize = 256;

/// `W x`, for a weight in the order of the checkpoint and one vector: the output head, which reads every
/// row of W once, at the speed of memory.
///
/// # Shapes
/// weight: `[outputs, inputs]`, x: `[inputs]`, out: `[outputs]`.
///
/// # Panics
/// Where `out` is longer than the weight has rows.
pub fn scores(weight: Matrix<'_>, x: &[f32], out: &mut [f32]) {
    out.par_chunks_mut(ROWS_A_TASK).enumerate().for_each(|(task, out)| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = Dot(x, weight.row(task * ROWS_A_TASK + i)).compute();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_multiplied() {
        let (outputs, inputs) = (ROWS_A_TASK + 3, 5);
        let values: Vec<f32> = (0..outputs * inputs).map(|i| (i % 13) as f32).collect();
        let (weight, x) = (Matrix::new(&values, [outputs, inputs]), [1.0, -2.0, 0.5, 3.0, -1.0]);
        let mut out = vec![0.0; outputs];
        scores(weight, &x, &mut out);
        for (row, found) in values.chunks(inputs).zip(out) {
            assert_eq!(found, row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>());
        }
    }
}

use rayon::prelude::*;

use crate::Matrix;
use crate::blocks::{BlockMatrix, project_blocks};
use crate::simd::{Dot, largest};

/// Rows of the weight that one task takes.
const ROWS_A_TASK: usize = 256;

/// `x W^T`, for a weight in the order of the checkpoint and a few rows x: the output head, which reads every
/// row of W once for all of them, at the speed of memory where x is one row.
///
/// # Shapes
/// weight: `[outputs, inputs]`, x: `[rows, inputs]`, out: `[rows, outputs]`.
///
/// # Panics
/// Where the shapes do not fit each other.
pub fn scores(weight: Matrix<'_>, x: Matrix<'_>, out: &mut [f32]) {
    let outputs = weight.rows();
    assert_eq!(out.len(), x.rows() * outputs, "room for {} rows of {outputs} scores", x.rows());
    let mut tasks: Vec<Vec<&mut [f32]>> = Vec::new();
    tasks.resize_with(outputs.div_ceil(ROWS_A_TASK), || Vec::with_capacity(x.rows()));
    for row in out.chunks_exact_mut(outputs.max(1)) {
        row.chunks_mut(ROWS_A_TASK).zip(&mut tasks).for_each(|(part, task)| task.push(part));
    }
    tasks.into_par_iter().enumerate().for_each(|(task, mut parts)| {
        for i in 0..ROWS_A_TASK.min(outputs - task * ROWS_A_TASK) {
            let weight = weight.row(task * ROWS_A_TASK + i);
            for (row, part) in parts.iter_mut().enumerate() {
                part[i] = Dot(x.row(row), weight).compute();
            }
        }
    });
}

/// Rows that a screen lets through.
const SCREENED: usize = 64;
/// Rows that are passed over at once where none of them is better than those.
const PASSED_OVER: usize = 128;

/// As [`scores`] for one vector, but exact for the 64 best rows alone: a first pass over the same weight in few bits, which reads a
/// quarter of the memory, finds them, and what it found for the others stays.
///
/// # Shapes
/// weight and screen: `[outputs, inputs]`, x: `[inputs]`, out: `[outputs]`.
///
/// # Panics
/// Where the shapes do not fit each other.
pub fn screened_scores(weight: Matrix<'_>, screen: &BlockMatrix, x: &[f32], out: &mut [f32]) {
    project_blocks(Matrix::new(x, [1, x.len()]), screen, out);
    for row in best(out) {
        out[row] = Dot(x, weight.row(row)).compute();
    }
}

/// As [`scores`], for a weight in blocks: the 64 best rows of each x are exact for what the blocks hold, the others are off by
/// the rounding of x in [`project_blocks`].
///
/// # Shapes
/// weight: `[outputs, inputs]`, x: `[rows, inputs]`, out: `[rows, outputs]`.
///
/// # Panics
/// Where the shapes do not fit each other.
pub fn block_scores(weight: &BlockMatrix, x: Matrix<'_>, out: &mut [f32]) {
    project_blocks(x, weight, out);
    out.par_chunks_exact_mut(weight.outputs()).enumerate().for_each(|(index, out)| {
        let (x, mut row) = (x.row(index), vec![0.0; weight.inputs()]);
        for output in best(out) {
            weight.row(output, &mut row);
            out[output] = Dot(x, &row).compute();
        }
    });
}

/// The places of the largest elements, as many as a screen lets through.
fn best(values: &[f32]) -> Vec<usize> {
    // In order, the largest first.
    let mut best: Vec<usize> = Vec::with_capacity(SCREENED + 1);
    for (index, part) in values.chunks(PASSED_OVER).enumerate() {
        let least = |best: &[usize]| best.get(SCREENED - 1).map_or(f32::NEG_INFINITY, |place| values[*place]);
        if best.len() == SCREENED && largest(part) <= least(&best) {
            continue;
        }
        for (i, value) in part.iter().enumerate() {
            if best.len() < SCREENED || *value > least(&best) {
                let place = best.partition_point(|other| values[*other] >= *value);
                best.insert(place, index * PASSED_OVER + i);
                best.truncate(SCREENED);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_a_screen_are_exact() {
        let (outputs, inputs) = (3 * PASSED_OVER + 5, 64);
        let values: Vec<f32> =
            (0..outputs * inputs).map(|i| ((i * 7919 % 1009) as f32 - 504.0) / 1009.0).collect();
        let x: Vec<f32> = (0..inputs).map(|i| (i * 31 % 17) as f32 / 17.0 - 0.5).collect();
        let weight = Matrix::new(&values, [outputs, inputs]);
        let screen = BlockMatrix::rounded(weight).unwrap();
        let (mut exact, mut screened) = (vec![0.0; outputs], vec![0.0; outputs]);
        scores(weight, Matrix::new(&x, [1, inputs]), &mut exact);
        screened_scores(weight, &screen, &x, &mut screened);
        let same = exact.iter().zip(&screened).filter(|(a, b)| a == b).count();
        assert!((SCREENED..2 * SCREENED).contains(&same), "{same} are exact");
        assert_eq!(best(&exact)[..8], best(&screened)[..8]);
        assert!(exact.iter().zip(&screened).all(|(a, b)| (a - b).abs() < 0.05));
    }

    #[test]
    fn the_best_rows_of_blocks_are_exact_for_what_they_hold() {
        let (outputs, inputs) = (3 * PASSED_OVER, 64);
        let values: Vec<f32> =
            (0..outputs * inputs).map(|i| (i * 7919 % 1009) as f32 / 504.0 - 1.0).collect();
        let weight = BlockMatrix::rounded(Matrix::new(&values, [outputs, inputs])).unwrap();
        let x: Vec<f32> = (0..2 * inputs).map(|i| (i * 31 % 17) as f32 / 17.0 - 0.5).collect();
        let mut held = vec![0.0; outputs * inputs];
        held.chunks_exact_mut(inputs).enumerate().for_each(|(output, row)| weight.row(output, row));
        let (mut exact, mut found) = (vec![0.0; 2 * outputs], vec![0.0; 2 * outputs]);
        scores(Matrix::new(&held, [outputs, inputs]), Matrix::new(&x, [2, inputs]), &mut exact);
        block_scores(&weight, Matrix::new(&x, [2, inputs]), &mut found);
        for (exact, found) in exact.chunks_exact(outputs).zip(found.chunks_exact(outputs)) {
            let same = exact.iter().zip(found).filter(|(a, b)| a == b).count();
            assert!((SCREENED..2 * SCREENED).contains(&same), "{same} are exact");
            assert_eq!(best(exact)[..8], best(found)[..8]);
        }
    }

    #[test]
    fn the_best_are_the_largest() {
        for count in [0, 1, SCREENED, PASSED_OVER + 3, 1000] {
            let values: Vec<f32> = (0..count).map(|i| (i * 7919 % 1009) as f32).collect();
            let mut wanted: Vec<usize> = (0..count).collect();
            wanted.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
            wanted.truncate(SCREENED);
            assert_eq!(best(&values), wanted);
        }
    }

    #[test]
    fn every_row_is_multiplied() {
        let (outputs, inputs) = (ROWS_A_TASK + 3, 5);
        let values: Vec<f32> = (0..outputs * inputs).map(|i| (i % 13) as f32).collect();
        let x = [1.0, -2.0, 0.5, 3.0, -1.0, 2.0, 0.0, -0.5, 4.0, 1.0];
        let mut out = vec![0.0; 2 * outputs];
        scores(Matrix::new(&values, [outputs, inputs]), Matrix::new(&x, [2, inputs]), &mut out);
        for (x, out) in x.chunks(inputs).zip(out.chunks(outputs)) {
            for (row, found) in values.chunks(inputs).zip(out) {
                assert_eq!(*found, row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>());
            }
        }
    }
}

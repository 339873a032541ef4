//! Weighted least squares, from sums alone.

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::SolveCore;
use faer::{Accum, Conj, Mat, Par, Side};

/// Rows that are added at a time: enough for a product of matrices, and small beside one of width squared.
const BATCH: usize = 64;

/// The normal equations of `y = x W + b`: `sum of w z z^T` and `sum of w z y^T` for z = (x, 1), in f64. Their size does not
/// depend on how many rows there are.
#[derive(Debug, Clone)]
pub(super) struct NormalEquations {
    /// [width + 1, width + 1].
    inputs: Mat<f64>,
    /// [width + 1, width].
    products: Mat<f64>,
    /// Sum of w |y|^2.
    squares: f64,
    /// Rows that are not in the sums yet, each times the root of its weight.
    waiting: Vec<(Vec<f64>, Vec<f64>)>,
}

/// W above b: [width + 1, width].
pub(super) type Solution = Mat<f64>;

impl NormalEquations {
    pub(super) fn new(width: usize) -> Self {
        Self {
            inputs: Mat::zeros(width + 1, width + 1),
            products: Mat::zeros(width + 1, width),
            squares: 0.0,
            waiting: Vec::new(),
        }
    }

    /// Adds a row; the weight is positive.
    pub(super) fn add(&mut self, x: impl Iterator<Item = f64>, y: &[f32], weight: f64) {
        let root = weight.sqrt();
        let x = x.chain([1.0]).map(|x| x * root).collect();
        let y: Vec<_> = y.iter().map(|y| f64::from(*y) * root).collect();
        self.squares += y.iter().map(|y| y * y).sum::<f64>();
        self.waiting.push((x, y));
        if self.waiting.len() == BATCH {
            self.take_in();
        }
    }

    /// Adds the rows that wait; to be called after the last.
    pub(super) fn take_in(&mut self) {
        let rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() {
            return;
        }
        let x = Mat::from_fn(rows.len(), self.inputs.nrows(), |i, j| rows[i].0[j]);
        let y = Mat::from_fn(rows.len(), self.products.ncols(), |i, j| rows[i].1[j]);
        matmul(&mut self.inputs, Accum::Add, x.transpose(), &x, 1.0, Par::Seq);
        matmul(&mut self.products, Accum::Add, x.transpose(), &y, 1.0, Par::Seq);
    }

    /// The W and b that make the squares of what is left, plus `ridge` times the inputs' mean square times the squares of W,
    /// least. `None` where that is not one.
    pub(super) fn solve(&self, ridge: f64) -> Option<Solution> {
        let width = self.products.ncols();
        let mean_square = (0..width).map(|i| self.inputs[(i, i)]).sum::<f64>() / width as f64;
        let mut inputs = self.inputs.clone();
        for i in 0..width {
            inputs[(i, i)] += ridge * mean_square;
        }
        let factors = inputs.llt(Side::Lower).ok()?;
        let mut solution = self.products.clone();
        factors.solve_in_place_with_conj(Conj::No, solution.as_mut());
        (0..width).all(|j| solution.col(j).iter().all(|x| x.is_finite())).then_some(solution)
    }

    /// Share of the variance of y in these rows that a solution explains; `None` where they do not vary.
    pub(super) fn explained(&self, solution: &Solution) -> Option<f64> {
        let (width, last) = (self.products.ncols(), self.products.ncols());
        let weight = self.inputs[(last, last)];
        let mean = (0..width).map(|j| self.products[(last, j)].powi(2)).sum::<f64>() / weight;
        let total = self.squares - mean;
        let mut through = Mat::zeros(width + 1, width);
        matmul(&mut through, Accum::Replace, &self.inputs, solution, 1.0, Par::Seq);
        let mut left = self.squares;
        for j in 0..width {
            for i in 0..=width {
                left += solution[(i, j)] * (through[(i, j)] - 2.0 * self.products[(i, j)]);
            }
        }
        // Less is what rounding leaves.
        (total > 1e-12 * self.squares).then(|| 1.0 - left / total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of which y is an affine map of x, exactly.
    fn rows() -> Vec<([f64; 2], [f32; 2])> {
        let x = |i: i32| [f64::from(i % 5) - 2.0, f64::from(i * i % 7) / 2.0];
        let y = |[a, b]: [f64; 2]| [(2.0 * a - b + 0.5) as f32, (0.25 * a + 3.0 * b - 1.0) as f32];
        (0..200).map(|i| (x(i), y(x(i)))).collect()
    }

    fn equations(rows: &[([f64; 2], [f32; 2])], weight: f64) -> NormalEquations {
        let mut equations = NormalEquations::new(2);
        rows.iter().for_each(|(x, y)| equations.add(x.iter().copied(), y, weight));
        equations.take_in();
        equations
    }

    #[test]
    fn an_affine_map_is_found() {
        let equations = equations(&rows(), 1.0);
        let found = equations.solve(1e-12).unwrap();
        let wanted = [[2.0, 0.25], [-1.0, 3.0], [0.5, -1.0]];
        for (i, row) in wanted.iter().enumerate() {
            for (j, wanted) in row.iter().enumerate() {
                assert!((found[(i, j)] - wanted).abs() < 1e-9, "{i} {j}");
            }
        }
        assert!((equations.explained(&found).unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_ridge_shrinks_the_map_and_not_the_shift() {
        let equations = equations(&rows(), 1.0);
        let found = equations.solve(1e9).unwrap();
        let mean = rows().iter().map(|(_, y)| f64::from(y[0])).sum::<f64>() / 200.0;
        assert!(found[(0, 0)].abs() < 1e-6 && (found[(2, 0)] - mean).abs() < 1e-6);
        assert!(equations.explained(&found).unwrap().abs() < 1e-6);
    }

    #[test]
    fn a_weight_is_as_many_rows() {
        let twice: Vec<_> = rows().into_iter().flat_map(|row| [row, row]).collect();
        let (one, other) = (equations(&rows(), 2.0), equations(&twice, 1.0));
        let (one, other) = (one.solve(0.1).unwrap(), other.solve(0.1).unwrap());
        for j in 0..2 {
            for i in 0..3 {
                assert!((one[(i, j)] - other[(i, j)]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_does_not_vary_is_not_explained() {
        let same = [([1.0, 1.0], [3.0f32, 3.0f32]); 4];
        let equations = equations(&same, 1.0);
        assert_eq!(equations.explained(&equations.solve(1.0).unwrap()), None);
    }
}

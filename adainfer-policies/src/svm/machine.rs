//! A fitted support vector machine as plain numbers.

use serde::{Deserialize, Serialize};

use super::exp::exp_of_negative;

/// Support vectors that are compared with at a time; enough for the widest registers several times over.
const BLOCK: usize = 32;

/// What is left of training, as files have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Machine {
    /// w x + b.
    Linear {
        /// A weight a feature.
        weights: Vec<f64>,
        bias: f64,
    },
    /// The sum of c_i exp(-gamma |x - v_i|^2), plus b.
    Rbf(Rbf),
}

impl Machine {
    /// Positive where an exit is right.
    pub(super) fn decision(&self, x: &[f64]) -> f64 {
        match self {
            Self::Linear { weights, bias } => {
                weights.iter().zip(x).map(|(weight, x)| weight * x).sum::<f64>() + bias
            }
            Self::Rbf(rbf) => rbf.decision(x),
        }
    }

    /// Features that it needs.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Linear { weights, .. } => weights.len(),
            Self::Rbf(rbf) => rbf.columns.len(),
        }
    }

    /// Support vectors that are kept; a linear machine needs none.
    pub(super) fn vectors(&self) -> usize {
        match self {
            Self::Linear { .. } => 0,
            Self::Rbf(rbf) => rbf.coefficients.len(),
        }
    }
}

/// Support vectors, and what they count for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Rows", try_from = "Rows")]
pub(super) struct Rbf {
    gamma: f64,
    /// The vectors, a column a feature: neighbours in memory are compared at a time.
    columns: Vec<Vec<f64>>,
    coefficients: Vec<f64>,
    bias: f64,
}

impl Rbf {
    fn decision(&self, x: &[f64]) -> f64 {
        // With the widest registers that the processor has.
        pulp::Arch::new().dispatch(|| self.sum(x)) + self.bias
    }

    #[inline(always)]
    fn sum(&self, x: &[f64]) -> f64 {
        let blocks = self.coefficients.chunks(BLOCK).enumerate();
        blocks.map(|(block, coefficients)| self.block(x, block * BLOCK, coefficients)).sum()
    }

    /// The share of the vectors from `first` on.
    #[inline(always)]
    fn block(&self, x: &[f64], first: usize, coefficients: &[f64]) -> f64 {
        let mut distances = [0.0; BLOCK];
        for (column, x) in self.columns.iter().zip(x) {
            for (distance, v) in distances.iter_mut().zip(&column[first..first + coefficients.len()]) {
                *distance += (x - v) * (x - v);
            }
        }
        for distance in &mut distances {
            *distance = exp_of_negative(-self.gamma * *distance);
        }
        distances.iter().zip(coefficients).map(|(kernel, coefficient)| kernel * coefficient).sum()
    }
}

/// The same with a row a vector.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rows {
    pub(super) gamma: f64,
    pub(super) vectors: Vec<Vec<f64>>,
    /// Dual coefficients with the sign of the class: positive where an exit was right.
    pub(super) coefficients: Vec<f64>,
    pub(super) bias: f64,
}

impl From<Rbf> for Rows {
    fn from(Rbf { gamma, columns, coefficients, bias }: Rbf) -> Self {
        let vectors = (0..coefficients.len()).map(|i| columns.iter().map(|column| column[i]).collect());
        Self { gamma, vectors: vectors.collect(), coefficients, bias }
    }
}

impl TryFrom<Rows> for Rbf {
    type Error = String;

    fn try_from(Rows { gamma, vectors, coefficients, bias }: Rows) -> Result<Self, String> {
        if gamma.is_nan() || gamma <= 0.0 {
            return Err(format!("gamma must be positive, not {gamma}"));
        }
        let Some(width) = vectors.first().map(Vec::len) else {
            return Err("there is no support vector".to_owned());
        };
        if vectors.len() != coefficients.len() {
            return Err(format!(
                "{} support vectors have {} coefficients",
                vectors.len(),
                coefficients.len()
            ));
        }
        if let Some(i) = vectors.iter().position(|vector| vector.len() != width) {
            let found = vectors[i].len();
            return Err(format!("support vector {i} has {found} numbers and the first has {width}"));
        }
        let columns = (0..width).map(|feature| vectors.iter().map(|vector| vector[feature]).collect());
        Ok(Self { gamma, columns: columns.collect(), coefficients, bias })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_the_sum_over_all_vectors() {
        // More than a block, and not a whole number of blocks.
        let vectors: Vec<Vec<f64>> =
            (0..75).map(|i| vec![f64::from(i) / 75.0, f64::from(i * i % 7) / 7.0]).collect();
        let coefficients: Vec<f64> = (0..75).map(|i| f64::from(i % 5) - 2.0).collect();
        let rows = Rows { gamma: 3.0, vectors, coefficients, bias: 0.25 };
        let machine = Machine::Rbf(rows.clone().try_into().unwrap());
        for x in [[0.0, 0.0], [0.3, 0.9], [1.0, 0.5]] {
            let kernel = |v: &Vec<f64>| (-3.0 * ((x[0] - v[0]).powi(2) + (x[1] - v[1]).powi(2))).exp();
            let terms = rows.vectors.iter().zip(&rows.coefficients).map(|(v, c)| c * kernel(v));
            let wanted = terms.sum::<f64>() + 0.25;
            assert!((machine.decision(&x) - wanted).abs() < 1e-12);
        }
        assert_eq!((machine.width(), machine.vectors()), (2, 75));
    }

    #[test]
    fn vectors_that_do_not_fit_are_no_machine() {
        let made = |gamma, vectors: &[&[f64]], coefficients: &[f64]| {
            let vectors = vectors.iter().map(|v| v.to_vec()).collect();
            Rbf::try_from(Rows { gamma, vectors, coefficients: coefficients.to_vec(), bias: 0.0 })
                .unwrap_err()
        };
        assert_eq!(made(-1.0, &[&[0.0]], &[1.0]), "gamma must be positive, not -1");
        assert_eq!(made(1.0, &[], &[]), "there is no support vector");
        assert_eq!(made(1.0, &[&[0.0]], &[1.0, 2.0]), "1 support vectors have 2 coefficients");
        let ragged = made(1.0, &[&[0.0, 1.0], &[0.0]], &[1.0, 2.0]);
        assert_eq!(ragged, "support vector 1 has 1 numbers and the first has 2");
    }
}

//! A fitted support vector machine as plain numbers.

use adainfer_core::Trace;
use serde::{Deserialize, Serialize};

use super::exp::exp_of_negative;
use crate::FeatureSet;

/// Support vectors that are compared with at a time; enough for the widest registers twice over.
const LANES: usize = 16;

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
    #[cfg(test)]
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
            Self::Rbf(rbf) => rbf.vectors,
        }
    }
}

/// Support vectors, and what they count for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Rows", try_from = "Rows")]
pub(super) struct Rbf {
    gamma: f64,
    vectors: usize,
    /// The vectors, a column a feature: neighbours in memory are compared at a time. Padded to whole multiples
    /// of [`LANES`] with vectors that count for nothing.
    columns: Vec<Vec<f64>>,
    coefficients: Vec<f64>,
    bias: f64,
}

impl Rbf {
    /// Not inlined, or linear machines, which need no room for features, would set it aside all the same.
    #[inline(never)]
    pub(super) fn decision_after(&self, trace: Trace<'_>, features: &FeatureSet) -> f64 {
        self.decision(features.values(trace, &mut Default::default()))
    }

    fn decision(&self, x: &[f64]) -> f64 {
        pulp::Arch::new().dispatch(Sum { rbf: self, x }) + self.bias
    }
}

/// The sum over all vectors, compiled for the widest registers that the processor has. A type and not a closure:
/// a closure is not inlined, and what is not inlined is compiled for the narrowest ones.
struct Sum<'a> {
    rbf: &'a Rbf,
    x: &'a [f64],
}

impl pulp::NullaryFnOnce for Sum<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let Rbf { gamma, columns, coefficients, .. } = self.rbf;
        let mut sums = [0.0; LANES];
        for (block, coefficients) in coefficients.as_chunks::<LANES>().0.iter().enumerate() {
            let mut distances = [0.0; LANES];
            for (column, x) in columns.iter().zip(self.x) {
                let Some(vectors) = column.as_chunks::<LANES>().0.get(block) else { continue };
                for (distance, v) in distances.iter_mut().zip(vectors) {
                    *distance += (x - v) * (x - v);
                }
            }
            for ((sum, distance), coefficient) in sums.iter_mut().zip(distances).zip(coefficients) {
                *sum += exp_of_negative(-gamma * distance) * coefficient;
            }
        }
        sums.iter().sum()
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
    fn from(Rbf { gamma, vectors, columns, mut coefficients, bias }: Rbf) -> Self {
        coefficients.truncate(vectors);
        let vectors = (0..vectors).map(|i| columns.iter().map(|column| column[i]).collect());
        Self { gamma, vectors: vectors.collect(), coefficients, bias }
    }
}

impl TryFrom<Rows> for Rbf {
    type Error = String;

    fn try_from(Rows { gamma, vectors, mut coefficients, bias }: Rows) -> Result<Self, String> {
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
        let padded = vectors.len().next_multiple_of(LANES);
        coefficients.resize(padded, 0.0);
        let column = |feature: usize| {
            let mut column: Vec<_> = vectors.iter().map(|vector| vector[feature]).collect();
            column.resize(padded, 0.0);
            column
        };
        let columns = (0..width).map(column).collect();
        Ok(Self { gamma, vectors: vectors.len(), columns, coefficients, bias })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_the_sum_over_all_vectors() {
        // Not a whole number of registers.
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

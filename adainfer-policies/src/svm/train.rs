//! Training by linfa; nothing of it is left in the policy.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_arrays::{Array1, ArrayView1, ArrayView2};
use linfa_svm::Svm;

use super::machine::{Machine, Rows};
use super::params::{Gamma, SvmKernel};
use crate::FitError;
use crate::fit::Table;

/// Slack in the optimality conditions: scikit-learn's `tol`.
const TOLERANCE: f64 = 1e-3;

/// What training gives.
pub(super) struct Solution {
    pub(super) machine: Machine,
    pub(super) support_vectors: usize,
    pub(super) iterations: usize,
    pub(super) converged: bool,
    pub(super) objective: f64,
}

/// Solves the dual problem of a support vector classifier. Time and memory are quadratic in the rows.
pub(super) fn train(table: &Table, kernel: SvmKernel, c: f64) -> Result<Solution, FitError> {
    let failed = |reason: String| FitError::Solver { reason };
    let table = &as_libsvm(table);
    let rows = table.labels.len();
    let x =
        ArrayView2::from_shape((rows, table.width), &table.features).map_err(|e| failed(e.to_string()))?;
    let labels = ArrayView1::from(&table.labels);
    // Shrinking gives wrong machines in this version of linfa.
    let params = Svm::<f64, bool>::params().pos_neg_weights(c, c).eps(TOLERANCE).shrinking(false);
    let gamma = match kernel {
        SvmKernel::Linear => None,
        SvmKernel::Rbf(Gamma::Value(gamma)) => Some(gamma),
        SvmKernel::Rbf(Gamma::Scale) => Some(1.0 / (table.width as f64 * variance(&table.features))),
    };
    let params = match gamma {
        None => params.linear_kernel(),
        // linfa divides the squared distance by its argument.
        Some(gamma) => params.gaussian_kernel(1.0 / gamma),
    };
    let solved = params.fit(&DatasetBase::new(x, labels)).map_err(|e| failed(e.to_string()))?;

    let kept: Vec<usize> = (0..rows).filter(|i| solved.alpha[*i] != 0.0).collect();
    let row = |i: usize| table.features[i * table.width..][..table.width].to_vec();
    let coefficients: Vec<f64> = kept.iter().map(|i| -solved.alpha[*i]).collect();
    let bias = solved.rho;
    let machine = match gamma {
        None => {
            let mut weights = Array1::zeros(table.width);
            kept.iter().for_each(|i| weights.scaled_add(-solved.alpha[*i], &x.row(*i)));
            Machine::Linear { weights: weights.to_vec(), bias }
        }
        Some(gamma) => {
            let vectors = kept.iter().copied().map(row).collect();
            Machine::Rbf(Rows { gamma, vectors, coefficients, bias }.try_into().map_err(failed)?)
        }
    };
    let said = Said::read(&solved.to_string())
        .ok_or_else(|| failed(format!("it ended with words that are not known: {solved}")))?;
    Ok(Solution {
        machine,
        support_vectors: kept.len(),
        iterations: said.iterations,
        converged: said.converged,
        objective: said.objective,
    })
}

/// The rows as libsvm takes them: those of the first class, where an exit is wrong, come first, and it is the
/// positive one. Many machines are within the tolerance, and which is found first depends on this.
fn as_libsvm(table: &Table) -> Table {
    let (wrong, right): (Vec<usize>, Vec<usize>) = (0..table.labels.len()).partition(|i| !table.labels[*i]);
    let row = |i: &usize| &table.features[i * table.width..][..table.width];
    Table {
        width: table.width,
        features: wrong.iter().chain(&right).flat_map(row).copied().collect(),
        labels: wrong.iter().map(|_| true).chain(right.iter().map(|_| false)).collect(),
    }
}

/// How the solver ended, which linfa keeps to itself except in words.
struct Said {
    converged: bool,
    iterations: usize,
    objective: f64,
}

impl Said {
    /// Of "Exited after 79 iterations with obj = -46.3 and 31 support vectors", or "Reached maximal iterations
    /// 10000000 with obj = ...".
    fn read(text: &str) -> Option<Self> {
        let objective = text.split_once("obj = ")?.1.split(' ').next()?.parse().ok()?;
        let converged = text.starts_with("Exited after ");
        let iterations = text.split(' ').find_map(|word| word.parse().ok())?;
        (converged || text.starts_with("Reached maximal iterations ")).then_some(Self {
            converged,
            iterations,
            objective,
        })
    }
}

/// Of all values, as numpy's `var`.
fn variance(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// What scikit-learn found: `make_classifier_goldens.py` of the reference.
    #[derive(Deserialize)]
    struct Golden {
        gamma_value: f64,
        #[serde(rename = "X")]
        x: Vec<Vec<f64>>,
        y: Vec<u8>,
        dual_coef: Vec<f64>,
        intercept: f64,
        #[serde(rename = "X_test")]
        x_test: Vec<Vec<f64>>,
        decision: Vec<f64>,
        predict: Vec<u8>,
    }

    fn goldens() -> [(Golden, Table); 3] {
        [
            include_str!("../../tests/fixtures/classifiers/svc_synthetic2.json"),
            include_str!("../../tests/fixtures/classifiers/svc_random6.json"),
            include_str!("../../tests/fixtures/classifiers/svc_smollm2_lin.json"),
        ]
        .map(|text| {
            let golden: Golden = serde_json::from_str(text).unwrap();
            let table = Table {
                width: golden.x[0].len(),
                features: golden.x.concat(),
                labels: golden.y.iter().map(|y| *y == 1).collect(),
            };
            (golden, table)
        })
    }

    #[test]
    fn decisions_are_those_of_scikit_learn() {
        for (golden, table) in goldens() {
            let found = train(&table, SvmKernel::Rbf(Gamma::Scale), 1.0).unwrap();
            assert!(found.converged && found.iterations > 10);
            let share = found.support_vectors as f64 / golden.dual_coef.len() as f64;
            assert!((0.95..1.05).contains(&share), "{} support vectors", found.support_vectors);
            for ((x, wanted), label) in golden.x_test.iter().zip(&golden.decision).zip(&golden.predict) {
                let decision = found.machine.decision(x);
                assert!((decision - wanted).abs() < 1e-3, "{decision} {wanted}");
                assert_eq!(decision > 0.0, *label == 1, "{decision} {wanted}");
            }
        }
    }

    #[test]
    fn gamma_and_the_objective_are_those_of_scikit_learn() {
        for (golden, table) in goldens() {
            let gamma = 1.0 / (table.width as f64 * variance(&table.features));
            assert!((gamma / golden.gamma_value - 1.0).abs() < 1e-4, "{gamma} {}", golden.gamma_value);
            // The dual objective 1/2 a Q a - sum a: at the optimum of both, the same within the tolerance.
            let found = train(&table, SvmKernel::Rbf(Gamma::Scale), 1.0).unwrap();
            let Machine::Rbf(rbf) = &found.machine else { panic!("asked for") };
            let rows = Rows::from(rbf.clone());
            let of = |i: usize| found.machine.decision(&rows.vectors[i]) - rows.bias;
            let quadratic: f64 = rows.coefficients.iter().enumerate().map(|(i, c)| c * of(i)).sum();
            let linear: f64 = rows.coefficients.iter().map(|c| c.abs()).sum();
            let wanted = quadratic / 2.0 - linear;
            assert!((found.objective / wanted - 1.0).abs() < 1e-9, "{} {wanted}", found.objective);
            assert!((rows.bias - golden.intercept).abs() < 1e-3);
        }
    }

    #[test]
    fn a_linear_machine_separates_by_a_plane() {
        // A square whose right-hand corners are right: the widest margin is between x = 0 and x = 1.
        let features = vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
        let table = Table { width: 2, features, labels: vec![false, true, false, true] };
        let found = train(&table, SvmKernel::Linear, 100.0).unwrap();
        let Machine::Linear { weights, bias } = &found.machine else { panic!("asked for") };
        for (found, wanted) in weights.iter().chain([bias]).zip([2.0, 0.0, -1.0]) {
            assert!((found - wanted).abs() < 1e-3, "{weights:?} {bias}");
        }
        assert!((found.machine.decision(&[0.75, 0.1]) - 0.5).abs() < 1e-3);
    }

    #[test]
    fn what_linfa_says_at_its_end_is_understood() {
        let said = Said::read("Reached maximal iterations 7 with obj = -1.5 and 3 support vectors").unwrap();
        assert_eq!((said.converged, said.iterations, said.objective), (false, 7, -1.5));
        assert!(Said::read("something else").is_none());
    }
}

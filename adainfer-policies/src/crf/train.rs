//! Training, with the objective of CRFsuite: minus the log-likelihood plus c2 times the squared weights.

use super::CrfPolicy;
use super::chain::Transitions;
use crate::fit::{Rows, rows_of_both};
use crate::lbfgs::{Limits, Minimum, minimise};
use crate::{FeatureSet, Fit, FitError, FitReport, Label, TraceSet, Training};

/// How a [`CrfPolicy`] is trained. The defaults are the paper's: gap and top prob, and sklearn-crfsuite's
/// L-BFGS with `c2 = 1`, features as they are, and no transition that the traces do not show.
#[derive(Debug, Clone, PartialEq)]
pub struct CrfParams {
    features: FeatureSet,
    label: Label,
    c2: f64,
    all_transitions: bool,
    iterations: usize,
}

impl Default for CrfParams {
    fn default() -> Self {
        Self {
            features: FeatureSet::base(),
            label: Label::Dense,
            c2: 1.0,
            all_transitions: false,
            iterations: 1000,
        }
    }
}

/// Slope, beside the size of the weights, at which training ends: tighter than CRFsuite's 1e-5.
const TOLERANCE: f64 = 1e-7;

impl CrfParams {
    /// What it looks at.
    pub fn features(mut self, features: FeatureSet) -> Self {
        self.features = features;
        self
    }

    /// Where an exit is held to be right.
    pub fn label(mut self, label: Label) -> Self {
        self.label = label;
        self
    }

    /// Weight of the squared parameters; 0 or more.
    pub fn c2(mut self, c2: f64) -> Self {
        self.c2 = c2;
        self
    }

    /// Gives transitions that the traces never show a weight too: CRFsuite's `all_possible_transitions`.
    pub fn all_transitions(mut self, all: bool) -> Self {
        self.all_transitions = all;
        self
    }

    /// Steps of the solver at most.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }
}

impl Fit for CrfParams {
    type Policy = CrfPolicy;

    fn fit(&self, traces: &TraceSet) -> Result<(CrfPolicy, FitReport), FitError> {
        // Written so that NaN is refused.
        if !(self.c2 >= 0.0 && self.c2.is_finite()) {
            return Err(FitError::Parameter { name: "c2", must: "finite and not negative", found: self.c2 });
        }
        let rows = rows_of_both(traces, &self.features, self.label)?;
        let objective = Objective::new(&rows, self.features.len(), self.c2, self.all_transitions);
        let Minimum { x, value, iterations, converged } = objective.minimise(self.iterations);
        if !converged {
            return Err(FitError::NotConverged { iterations, objective: value });
        }
        let (emission, transitions) = objective.parts(&x);
        let policy = CrfPolicy {
            training: Training::new(traces, &self.features)?,
            emission: emission.to_vec(),
            transitions,
            threshold: 0.0,
        };
        let labels = || rows.iter().flat_map(|rows| &rows.labels);
        let (count, right) = (labels().count(), labels().filter(|right| **right).count());
        let report = FitReport {
            rows: count,
            sampled_from: count,
            right,
            converged,
            iterations,
            objective: value,
            support_vectors: None,
        };
        Ok((policy, report))
    }
}

/// CRFsuite gives both labels a weight a feature, w1 and w0. At the optimum w0 = -w1, since only their
/// difference changes the likelihood; so we keep the difference u, and the penalty c2 (w0^2 + w1^2) is
/// c2 u^2 / 2.
struct Objective<'a> {
    rows: &'a [Rows],
    width: usize,
    c2: f64,
    /// Those that have a weight.
    transitions: Vec<(usize, usize)>,
    /// How often each of them is in the traces.
    counts: [[f64; 2]; 2],
}

impl<'a> Objective<'a> {
    fn new(rows: &'a [Rows], width: usize, c2: f64, all_transitions: bool) -> Self {
        let mut counts = [[0.0; 2]; 2];
        for pair in rows.iter().flat_map(|rows| rows.labels.windows(2)) {
            counts[usize::from(pair[0])][usize::from(pair[1])] += 1.0;
        }
        let transitions = [(0, 0), (0, 1), (1, 0), (1, 1)]
            .into_iter()
            .filter(|(from, to)| all_transitions || counts[*from][*to] > 0.0)
            .collect();
        Self { rows, width, c2, transitions, counts }
    }

    fn minimise(&self, iterations: usize) -> Minimum {
        let start = vec![0.0; self.width + self.transitions.len()];
        minimise(|x, slope| self.value(x, slope), start, Limits { iterations, tolerance: TOLERANCE })
    }

    /// The emission's weights, and the transitions'.
    fn parts<'x>(&self, x: &'x [f64]) -> (&'x [f64], Transitions) {
        let (emission, weights) = x.split_at(self.width);
        let mut transitions = Transitions::default();
        for ((from, to), weight) in self.transitions.iter().zip(weights) {
            transitions.0[*from][*to] = *weight;
        }
        (emission, transitions)
    }

    /// The objective at x, and its gradient.
    fn value(&self, x: &[f64], slope: &mut [f64]) -> f64 {
        let (emission, transitions) = self.parts(x);
        let mut expected = [[0.0; 2]; 2];
        let mut value = 0.0;
        slope.fill(0.0);
        for rows in self.rows {
            let items = || rows.features.chunks_exact(self.width);
            let score = |item: &[f64]| item.iter().zip(emission).map(|(x, w)| x * w).sum();
            let found = transitions.expectations(&items().map(score).collect::<Vec<f64>>(), &rows.labels);
            value -= found.log_probability;
            for ((item, label), settled) in items().zip(&rows.labels).zip(found.settled) {
                let surplus = settled - f64::from(u8::from(*label));
                slope.iter_mut().zip(item).for_each(|(slope, x)| *slope += surplus * x);
            }
            for (sum, more) in expected.as_flattened_mut().iter_mut().zip(found.transitions.as_flattened()) {
                *sum += more;
            }
        }
        for (i, (from, to)) in self.transitions.iter().enumerate() {
            slope[self.width + i] = expected[*from][*to] - self.counts[*from][*to];
        }
        for (i, (x, slope)) in x.iter().zip(slope).enumerate() {
            let share = if i < self.width { self.c2 / 2.0 } else { self.c2 };
            value += share * x * x;
            *slope += 2.0 * share * x;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// What CRFsuite found: `make_classifier_goldens.py` of the reference.
    #[derive(Deserialize)]
    struct Golden {
        #[serde(rename = "train_X")]
        train_x: Vec<Vec<Vec<f64>>>,
        train_y: Vec<Vec<String>>,
        state_features: Vec<(String, String, f64)>,
        transition_features: Vec<(String, String, f64)>,
        #[serde(rename = "test_X")]
        test_x: Vec<Vec<Vec<f64>>>,
        marginal_1: Vec<Vec<f64>>,
        prefix_last_label: Vec<Vec<String>>,
    }

    fn goldens() -> [(Golden, Vec<Rows>); 2] {
        [
            include_str!("../../tests/fixtures/classifiers/crf_synthetic2.json"),
            include_str!("../../tests/fixtures/classifiers/crf_smollm2_lin.json"),
        ]
        .map(|text| {
            let golden: Golden = serde_json::from_str(text).unwrap();
            let rows = golden.train_x.iter().zip(&golden.train_y).map(|(x, y)| Rows {
                features: x.concat(),
                labels: y.iter().map(|label| label == "1").collect(),
            });
            let rows = rows.collect();
            (golden, rows)
        })
    }

    /// CRFsuite's weights as ours.
    fn weights(golden: &Golden) -> Vec<f64> {
        let of = |attribute: &str, label: &str| {
            golden.state_features.iter().find(|(a, l, _)| a == attribute && l == label).unwrap().2
        };
        let emission = ["gap", "top_prob"].map(|name| of(name, "1") - of(name, "0"));
        emission.into_iter().chain(golden.transition_features.iter().map(|(_, _, w)| *w)).collect()
    }

    #[test]
    fn weights_and_loss_are_those_of_crfsuite() {
        for (golden, rows) in goldens() {
            let objective = Objective::new(&rows, 2, 1.0, false);
            let wanted = weights(&golden);
            assert_eq!(objective.transitions.len() + 2, wanted.len(), "transitions that the data show");
            let found = objective.minimise(1000);
            assert!(found.converged, "{found:?}");
            for (found, wanted) in found.x.iter().zip(&wanted) {
                assert!((found - wanted).abs() < 1e-2, "{found} {wanted}");
            }
            let theirs = objective.value(&wanted, &mut vec![0.0; wanted.len()]);
            assert!((found.value / theirs - 1.0).abs() < 1e-4, "{} {theirs}", found.value);
            assert!(found.value <= theirs * (1.0 + 1e-9), "ours is the minimum");
        }
    }

    #[test]
    fn marginals_and_prefixes_are_those_of_crfsuite() {
        for (golden, rows) in goldens() {
            let objective = Objective::new(&rows, 2, 1.0, false);
            let found = objective.minimise(1000).x;
            let (emission, transitions) = objective.parts(&found);
            for ((x, marginals), labels) in
                golden.test_x.iter().zip(&golden.marginal_1).zip(&golden.prefix_last_label)
            {
                let score = |item: &Vec<f64>| item.iter().zip(emission).map(|(x, w)| x * w).sum();
                let scores: Vec<f64> = x.iter().map(score).collect();
                let settled = transitions.expectations(&scores, &vec![false; scores.len()]).settled;
                for (found, wanted) in settled.iter().zip(marginals) {
                    assert!((found - wanted).abs() < 1e-3, "{found} {wanted}");
                }
                // CRFsuite labels a prefix by its best path: the same recursion, with the larger for the sum.
                let [[t00, t01], [t10, t11]] = transitions.0;
                let mut odds: Option<f64> = None;
                for (score, label) in scores.iter().zip(labels) {
                    let after = odds.map_or(*score, |r| score + t01.max(r + t11) - t00.max(r + t10));
                    odds = Some(after);
                    assert_eq!(after > 0.0, label == "1", "{after}");
                }
            }
        }
    }

    #[test]
    fn the_gradient_is_what_finite_differences_give() {
        let (_, rows) = &goldens()[0];
        for all in [false, true] {
            let objective = Objective::new(rows, 2, 0.7, all);
            let x: Vec<f64> =
                (0..objective.width + objective.transitions.len()).map(|i| 0.3 * i as f64 - 0.5).collect();
            let mut slope = vec![0.0; x.len()];
            objective.value(&x, &mut slope);
            for i in 0..x.len() {
                let at = |step: f64| {
                    let mut x = x.clone();
                    x[i] += step;
                    objective.value(&x, &mut vec![0.0; x.len()])
                };
                let wanted = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((slope[i] - wanted).abs() < 1e-5 * wanted.abs().max(1.0), "{} {wanted}", slope[i]);
            }
        }
    }
}

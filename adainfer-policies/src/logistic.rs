//! A logistic regression for each layer.

use adainfer_core::{ModelSpec, Trace};
use serde::{Deserialize, Serialize};

use crate::fit::{Rows, rows};
use crate::lbfgs::{Limits, minimise};
use crate::scoring::{finite, steps};
use crate::training::exits_above_its_threshold;
use crate::{
    FeatureSet, Fit, FitError, FitReport, Label, ScoringPolicy, TraceSet, Training, Transfer, TransferError,
};

/// How a [`LogisticPolicy`] is trained: for each layer by itself, with scikit-learn's objective
/// |w|^2 / 2 + C times the sum of the log-losses, where the intercept is not in w.
///
/// The default features are all eight: beside what a probe shows, whether it repeats the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticParams {
    features: FeatureSet,
    label: Label,
    c: f64,
    iterations: usize,
}

impl Default for LogisticParams {
    fn default() -> Self {
        Self { features: FeatureSet::eight(), label: Label::Dense, c: 1.0, iterations: 1000 }
    }
}

/// Slope, beside the size of the weights, at which training ends.
const TOLERANCE: f64 = 1e-7;

impl LogisticParams {
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

    /// Weight of the losses against the weights' size; above 0.
    pub fn c(mut self, c: f64) -> Self {
        self.c = c;
        self
    }

    /// Steps of the solver at most, a layer.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }
}

impl Fit for LogisticParams {
    type Policy = LogisticPolicy;

    fn fit(&self, traces: &TraceSet) -> Result<(LogisticPolicy, FitReport), FitError> {
        // Written so that NaN is refused.
        if !(self.c > 0.0 && self.c.is_finite()) {
            return Err(FitError::Parameter { name: "c", must: "finite and above 0", found: self.c });
        }
        let rows = rows(traces, &self.features, self.label)?;
        let training = Training::new(traces, &self.features)?;
        let labels = || rows.iter().flat_map(|rows| &rows.labels);
        let count = labels().count();
        let mut report = FitReport {
            rows: count,
            sampled_from: count,
            right: labels().filter(|right| **right).count(),
            converged: true,
            iterations: 0,
            objective: 0.0,
            support_vectors: None,
        };
        let fitted = |i| {
            let (weights, value, iterations) = Layer::new(&rows, i, self.features.len()).fit(self)?;
            report.iterations += iterations;
            report.objective += value;
            Ok(weights)
        };
        let layers = (0..training.layers.len()).map(fitted).collect::<Result<_, FitError>>()?;
        Ok((LogisticPolicy { training, layers, threshold: 0.0 }, report))
    }
}

/// What a layer's regression is trained on.
struct Layer<'a> {
    items: Vec<(&'a [f64], bool)>,
}

impl<'a> Layer<'a> {
    fn new(rows: &'a [Rows], index: usize, width: usize) -> Self {
        let item = |rows: &'a Rows| (&rows.features[index * width..][..width], rows.labels[index]);
        Self { items: rows.iter().map(item).collect() }
    }

    /// Weights, the objective there, and the steps to it.
    fn fit(&self, params: &LogisticParams) -> Result<(Weights, f64, usize), FitError> {
        let width = params.features.len();
        let right = self.items.iter().filter(|(_, right)| *right).count() as f64;
        let wrong = self.items.len() as f64 - right;
        if right == 0.0 || wrong == 0.0 {
            // No weights are the most likely ones; Laplace's rule of succession gives odds all the same.
            let intercept = ((right + 1.0) / (wrong + 1.0)).ln();
            return Ok((Weights { features: vec![0.0; width], intercept }, 0.0, 0));
        }
        let limits = Limits { iterations: params.iterations, tolerance: TOLERANCE };
        let found = minimise(|x, slope| self.value(params.c, x, slope), vec![0.0; width + 1], limits);
        if !found.converged {
            return Err(FitError::NotConverged { iterations: found.iterations, objective: found.value });
        }
        let (features, intercept) = found.x.split_at(width);
        let weights = Weights { features: features.to_vec(), intercept: intercept[0] };
        Ok((weights, found.value, found.iterations))
    }

    /// The objective and its gradient; the last of x is the intercept.
    fn value(&self, c: f64, x: &[f64], slope: &mut [f64]) -> f64 {
        let width = x.len() - 1;
        let mut loss = 0.0;
        slope.fill(0.0);
        for (item, right) in &self.items {
            let odds = dot(&x[..width], item) + x[width];
            // ln(1 + exp(-odds)) of a right one, ln(1 + exp(odds)) of a wrong one.
            loss += log_one_plus_exp(if *right { -odds } else { odds });
            let surplus = 1.0 / (1.0 + (-odds).exp()) - f64::from(u8::from(*right));
            slope.iter_mut().zip(item.iter().chain([&1.0])).for_each(|(slope, x)| *slope += c * surplus * x);
        }
        slope.iter_mut().zip(&x[..width]).for_each(|(slope, x)| *slope += x);
        dot(&x[..width], &x[..width]) / 2.0 + c * loss
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// ln(1 + exp(x)).
fn log_one_plus_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Exits where a logistic regression of its own for every layer holds the answer to be settled: where the log-odds
/// are above a threshold, 0 unless another is chosen.
///
/// Where its layer showed only right or only wrong tokens in training, the odds are the same whatever a probe
/// shows. A decision takes time linear in the features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct LogisticPolicy {
    training: Training,
    /// In the order of the layers that it looks after.
    layers: Vec<Weights>,
    threshold: f64,
}

/// A layer's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    features: Vec<f64>,
    intercept: f64,
}

impl ScoringPolicy for LogisticPolicy {
    /// Log-odds that the answer is settled; minus infinity after a layer that it does not look after.
    fn score(&self, trace: Trace<'_>) -> f64 {
        let layer = self.training.position(trace.at().layer);
        let Some(weights) = layer.and_then(|i| self.layers.get(i)) else { return f64::NEG_INFINITY };
        self.training.features.weighted(&weights.features, trace) + weights.intercept
    }

    fn threshold(&self) -> f64 {
        self.threshold
    }

    fn with_threshold(&self, threshold: f64) -> Self {
        Self { threshold: finite(threshold), ..self.clone() }
    }

    /// Log-odds from 8 to -4 in steps of 0.05: probabilities from 0.9997 to 0.018.
    fn grid(&self) -> Vec<f64> {
        steps(8.0, -4.0, 240)
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }
}

exits_above_its_threshold!(LogisticPolicy);

impl Transfer for LogisticPolicy {
    /// Only to a model of as many layers.
    fn transfer_to(&self, model: &ModelSpec) -> Result<Self, TransferError> {
        let layers = self.training.source.layers;
        if layers != model.layers {
            return Err(TransferError { policy: layers, model: model.layers });
        }
        Ok(Self { training: self.training.transferred_to(model), ..self.clone() })
    }
}

/// As a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    training: Training,
    layers: Vec<Weights>,
    threshold: f64,
}

impl TryFrom<Unchecked> for LogisticPolicy {
    type Error = String;

    fn try_from(Unchecked { training, layers, threshold }: Unchecked) -> Result<Self, String> {
        let (found, wanted) = (layers.len(), training.layers.len());
        if found != wanted {
            return Err(format!("there are weights for {found} layers and it looks after {wanted}"));
        }
        layers.iter().try_for_each(|weights| training.has_width(weights.features.len(), "a layer"))?;
        Ok(Self { training, layers, threshold })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forty items of two features, an exit right where they are large, with some noise.
    fn rows() -> Vec<Rows> {
        let item = |i: u32| {
            let (a, b) = (f64::from(i % 8) / 8.0, f64::from(i * 7 % 11) / 11.0);
            Rows { features: vec![a, b], labels: vec![a + b + f64::from(i * 5 % 7) / 14.0 > 1.1] }
        };
        (0..40).map(item).collect()
    }

    #[test]
    fn the_gradient_is_what_finite_differences_give() {
        let rows = rows();
        let layer = Layer::new(&rows, 0, 2);
        let x = [0.7, -1.3, 0.4];
        let mut slope = [0.0; 3];
        layer.value(2.5, &x, &mut slope);
        for i in 0..3 {
            let at = |step: f64| {
                let mut x = x;
                x[i] += step;
                layer.value(2.5, &x, &mut [0.0; 3])
            };
            let wanted = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((slope[i] - wanted).abs() < 1e-6, "{} {wanted}", slope[i]);
        }
    }

    #[test]
    fn the_weights_are_those_of_scikit_learn() {
        let params = LogisticParams::default().features(FeatureSet::base());
        let (weights, value, iterations) = Layer::new(&rows(), 0, 2).fit(&params).unwrap();
        // LogisticRegression(C=1.0, tol=1e-10) on the same rows.
        let wanted = [1.519_592_38, 1.966_515_31, -1.686_206_82];
        for (found, wanted) in weights.features.iter().chain([&weights.intercept]).zip(wanted) {
            assert!((found - wanted).abs() < 1e-5, "{weights:?}");
        }
        assert!(value > 0.0 && iterations > 2);
    }

    #[test]
    fn the_largest_odds_give_numbers() {
        for odds in [0.0, 1e3, -1e3, 1e300, -1e300] {
            let loss = log_one_plus_exp(odds);
            assert!(loss >= 0.0 && (loss - odds.max(0.0)).abs() <= 2f64.ln(), "{odds}: {loss}");
        }
    }
}

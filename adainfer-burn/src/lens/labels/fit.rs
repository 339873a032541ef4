//! Fitting label probes; the regressions are linfa's.

use std::collections::BTreeSet;

use adainfer_core::{Extras, TokenId};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_arrays::{Array1, Array2, ArrayView2, Axis, concatenate};
use linfa_logistic::MultiLogisticRegression;
use sha2::{Digest, Sha256};

use super::{LabelMap, LabelProbe, LabelProbeError, LabelQuality};
use crate::lens::{hex, level};
use crate::{LensModel, LensProgress, ModelError};

/// Slope of the objective at which a regression ends.
const TOLERANCE: f64 = 1e-3;
/// Steps of a regression at most: far more than a penalty leaves it in need of.
const ITERATIONS: u64 = 2000;
/// How far the logarithm of a temperature may be from 0.
const TEMPERATURES: f64 = 3.0;

/// A text, and the label that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledPrompt {
    /// Its name, one of its own.
    pub id: String,
    /// The text, whose last position is looked at.
    pub tokens: Vec<TokenId>,
    /// What stands for the label: the first token of its answer.
    pub label: TokenId,
}

/// How a [`LabelProbe`] is fitted: for each layer a multinomial logistic regression on the hidden state at the last position,
/// with a penalty on the squares of its weights.
///
/// The penalty, and the temperature that makes the probabilities honest, are those that give the likeliest labels in
/// cross-validation. The labels are those of the prompts.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelProbeParams {
    from: usize,
    penalties: Vec<f64>,
    folds: usize,
    seed: u64,
}

impl Default for LabelProbeParams {
    fn default() -> Self {
        Self { from: 1, penalties: vec![3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0], folds: 5, seed: 0 }
    }
}

/// What a label probe was fitted on, and how well it does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LabelProbeReport {
    /// Prompts that it was fitted on.
    pub prompts: usize,
    /// Each layer with its map's quality.
    pub layers: Vec<(usize, LabelQuality)>,
}

impl LabelProbeParams {
    /// Fits no map before this layer, counted from 1.
    pub fn from(mut self, layer: usize) -> Self {
        self.from = layer;
        self
    }

    /// The penalties that are tried, each finite and above 0: |W|^2 / 2 times this is added to the sum of the prompts' losses.
    pub fn penalties(mut self, penalties: impl IntoIterator<Item = f64>) -> Self {
        self.penalties = penalties.into_iter().collect();
        self
    }

    /// Parts of the prompts for cross-validation; at least 2.
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// Which prompts are in which part depends on this and on their names.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Runs the model over the prompts, once, and fits a map for each layer.
    ///
    /// `progress` is called before each prompt and each layer's regressions. Keeps `4 hidden` bytes for every prompt and
    /// layer. The same numbers on any number of threads.
    ///
    /// # Errors
    /// See [`LabelProbeError`]: above all, fewer than `folds` prompts with one of the labels.
    pub fn fit<M: LensModel>(
        &self,
        model: &M,
        prompts: &[LabelledPrompt],
        mut progress: impl FnMut(LensProgress),
    ) -> Result<(LabelProbe, LabelProbeReport), LabelProbeError> {
        let layers = model.spec().layers;
        let labels: BTreeSet<TokenId> = prompts.iter().map(|prompt| prompt.label).collect();
        let labels: Vec<TokenId> = labels.into_iter().collect();
        self.check(layers, prompts, &labels)?;
        let mut probe = LabelProbe::new(model.spec(), model.hidden_size(), &labels, hash(prompts))?;
        let total = (prompts.len() + layers + 1 - self.from) as u64;
        let mut done = 0;
        let mut tick = |layer| {
            progress(LensProgress { layer, done, total });
            done += 1;
        };

        let mut states = vec![Vec::new(); layers + 1 - self.from];
        for prompt in prompts {
            tick(None);
            self.add(model, prompt, &mut states)?;
        }
        let classes = prompts.iter().filter_map(|prompt| labels.binary_search(&prompt.label).ok()).collect();
        let task = Task { classes, labels: labels.len(), folds: self.split(prompts, &labels) };
        let mut report = LabelProbeReport { prompts: prompts.len(), layers: Vec::new() };
        for (layer, states) in (self.from..).zip(states) {
            tick(Some(layer));
            let failed = |reason| LabelProbeError::Solver { layer, reason };
            let rows = Array2::from_shape_vec((prompts.len(), model.hidden_size()), states)
                .map_err(|error| failed(error.to_string()))?;
            let map = task.fit(&rows.mapv(f64::from), &self.penalties).map_err(failed)?;
            report.layers.push((layer, map.quality));
            probe.set(layer, map)?;
        }
        Ok((probe, report))
    }

    fn check(
        &self,
        layers: usize,
        prompts: &[LabelledPrompt],
        labels: &[TokenId],
    ) -> Result<(), LabelProbeError> {
        if self.from == 0 || self.from > layers {
            return Err(LabelProbeError::Layer { layer: self.from, layers });
        }
        let parameter = |name, must, found| Err(LabelProbeError::Parameter { name, must, found });
        if self.folds < 2 {
            return parameter("folds", "2 or more", self.folds as f64);
        }
        let must = "finite and above 0, at least one of them";
        match self.penalties.iter().find(|penalty| !(penalty.is_finite() && **penalty > 0.0)) {
            Some(found) => return parameter("a penalty", must, *found),
            None if self.penalties.is_empty() => return parameter("a penalty", must, f64::NAN),
            None => {}
        }
        let mut ids = BTreeSet::new();
        for LabelledPrompt { id, tokens, .. } in prompts {
            if tokens.is_empty() {
                return Err(LabelProbeError::NoToken { prompt: id.clone() });
            }
            if !ids.insert(id) {
                return Err(LabelProbeError::Twice { prompt: id.clone() });
            }
        }
        for token in labels {
            let found = prompts.iter().filter(|prompt| prompt.label == *token).count();
            if found < self.folds {
                return Err(LabelProbeError::TooFewPrompts { token: *token, found, needed: self.folds });
            }
        }
        Ok(())
    }

    /// Runs a prompt, and adds its states, at a root mean square of 1.
    fn add<M: LensModel>(
        &self,
        model: &M,
        prompt: &LabelledPrompt,
        states: &mut [Vec<f32>],
    ) -> Result<(), LabelProbeError> {
        let spec = model.spec();
        if prompt.tokens.len() > spec.max_positions {
            let (needed, max) = (prompt.tokens.len(), spec.max_positions);
            return Err(ModelError::TooLong { needed, max }.into());
        }
        let mut state = model.start(Extras::NONE)?;
        let mut hidden = model.embed(&prompt.tokens, &mut state)?;
        for layer in 1..=spec.layers {
            hidden = model.layer(layer - 1, hidden, &mut state)?;
            let Some(states) = layer.checked_sub(self.from).and_then(|i| states.get_mut(i)) else { continue };
            let last = model.states(&hidden, &[prompt.tokens.len() - 1])?;
            if !last.iter().all(|x| x.is_finite()) {
                return Err(LabelProbeError::State { prompt: prompt.id.clone(), layer });
            }
            states.extend(level(&last).map(|x| x as f32));
        }
        Ok(())
    }

    /// A part for each prompt, with each label's prompts spread evenly.
    fn split(&self, prompts: &[LabelledPrompt], labels: &[TokenId]) -> Vec<usize> {
        let place = |id: &str| {
            let mut hash = Sha256::new();
            hash.update(self.seed.to_le_bytes());
            hash.update(id);
            hash.finalize()
        };
        let mut folds = vec![0; prompts.len()];
        for label in labels {
            let mut own: Vec<usize> = (0..prompts.len()).filter(|i| prompts[*i].label == *label).collect();
            own.sort_by_cached_key(|i| place(&prompts[*i].id));
            own.into_iter().enumerate().for_each(|(i, prompt)| folds[prompt] = i % self.folds);
        }
        folds
    }
}

/// SHA-256 of the prompts and their labels.
fn hash(prompts: &[LabelledPrompt]) -> String {
    let mut hash = Sha256::new();
    for LabelledPrompt { id, tokens, label } in prompts {
        hash.update((id.len() as u64).to_le_bytes());
        hash.update((tokens.len() as u64).to_le_bytes());
        hash.update(id);
        tokens.iter().chain([label]).for_each(|token| hash.update(token.to_le_bytes()));
    }
    hex(hash)
}

/// The labels of all prompts; each is a class, counted from 0.
struct Task {
    classes: Vec<usize>,
    labels: usize,
    /// The part of each prompt.
    folds: Vec<usize>,
}

impl Task {
    /// The map of a layer, from its rows of states, [prompts, hidden].
    fn fit(&self, rows: &Array2<f64>, penalties: &[f64]) -> Result<LabelMap, String> {
        let mut penalties = penalties.to_vec();
        penalties.sort_by(|a, b| b.total_cmp(a));
        let mut best: Option<LabelQuality> = None;
        for (penalty, scores) in self.cross_validate(rows, &penalties)? {
            let temperature = self.temperature(&scores);
            let log_loss = self.log_loss(&scores, temperature);
            if best.is_none_or(|best| log_loss < best.log_loss) {
                let accuracy = self.accuracy(&scores);
                best = Some(LabelQuality { penalty, temperature, accuracy, log_loss });
            }
        }
        let quality = best.ok_or("no penalty gave a finite loss")?;
        let found = self.regress(rows, |_| true, quality.penalty, None)?;
        let scaled = |x: f64| (x / quality.temperature) as f32;
        let (width, labels) = (rows.ncols(), 0..self.labels);
        Ok(LabelMap {
            weight: labels
                .clone()
                .flat_map(|c| (0..width).map(move |i| (i, c)))
                .map(|at| scaled(found[at]))
                .collect(),
            bias: labels.map(|c| scaled(found[(width, c)])).collect(),
            quality,
        })
    }

    /// The scores, [prompts, labels], that each penalty gives prompts which it was not fitted on.
    fn cross_validate(
        &self,
        rows: &Array2<f64>,
        penalties: &[f64],
    ) -> Result<Vec<(f64, Array2<f64>)>, String> {
        let mut scores = vec![Array2::zeros((rows.nrows(), self.labels)); penalties.len()];
        let parts = self.folds.iter().max().map_or(0, |last| last + 1);
        for part in 0..parts {
            // From the strongest penalty on, each begins where the one before ended.
            let mut start = None;
            for (penalty, scores) in penalties.iter().zip(&mut scores) {
                let found = self.regress(rows, |i| self.folds[i] != part, *penalty, start.take())?;
                let all = with_ones(rows.view()).dot(&found);
                for i in (0..rows.nrows()).filter(|i| self.folds[*i] == part) {
                    scores.row_mut(i).assign(&all.row(i));
                }
                start = Some(found);
            }
        }
        Ok(penalties.iter().copied().zip(scores).collect())
    }

    /// W above b, [hidden + 1, labels], of the prompts that are taken.
    fn regress(
        &self,
        rows: &Array2<f64>,
        taken: impl Fn(usize) -> bool,
        penalty: f64,
        start: Option<Array2<f64>>,
    ) -> Result<Array2<f64>, String> {
        let taken: Vec<usize> = (0..rows.nrows()).filter(|i| taken(*i)).collect();
        let classes: Array1<usize> = taken.iter().map(|i| self.classes[*i]).collect();
        let data = DatasetBase::new(rows.select(Axis(0), &taken), classes);
        let mut params = MultiLogisticRegression::default()
            .alpha(penalty)
            .gradient_tolerance(TOLERANCE)
            .max_iterations(ITERATIONS);
        if let Some(start) = start {
            params = params.initial_params(start);
        }
        let found = params.fit(&data).map_err(|error| error.to_string())?;
        let bias = found.intercept().view().insert_axis(Axis(0));
        concatenate(Axis(0), &[found.params().view(), bias]).map_err(|error| error.to_string())
    }

    fn accuracy(&self, scores: &Array2<f64>) -> f64 {
        let right = |(row, class): (linfa_arrays::ArrayView1<f64>, &usize)| {
            row.iter().enumerate().all(|(i, x)| i == *class || *x < row[*class])
        };
        let count = scores.rows().into_iter().zip(&self.classes).filter(|pair| right(*pair)).count();
        count as f64 / self.classes.len() as f64
    }

    /// Mean of -ln of the right label's probability.
    fn log_loss(&self, scores: &Array2<f64>, temperature: f64) -> f64 {
        let loss = |(row, class): (linfa_arrays::ArrayView1<f64>, &usize)| {
            let most = row.fold(f64::NEG_INFINITY, |most, x| most.max(*x));
            let total: f64 = row.iter().map(|x| ((x - most) / temperature).exp()).sum();
            total.ln() - (row[*class] - most) / temperature
        };
        let losses = scores.rows().into_iter().zip(&self.classes).map(loss);
        losses.sum::<f64>() / self.classes.len() as f64
    }

    /// The temperature with the least loss, by golden-section search: the loss is convex in its reciprocal.
    fn temperature(&self, scores: &Array2<f64>) -> f64 {
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        let loss = |log: f64| self.log_loss(scores, log.exp());
        let (mut low, mut high) = (-TEMPERATURES, TEMPERATURES);
        for _ in 0..40 {
            let step = golden * (high - low);
            if loss(high - step) < loss(low + step) { high = low + step } else { low = high - step }
        }
        ((low + high) / 2.0).exp()
    }
}

/// With a last column of ones.
fn with_ones(rows: ArrayView2<'_, f64>) -> Array2<f64> {
    let (height, width) = rows.dim();
    Array2::from_shape_fn((height, width + 1), |(i, j)| if j < width { rows[(i, j)] } else { 1.0 })
}

use std::time::Instant;

use adainfer_core::{EarlyExit, ExitPolicy, Extras, LayeredModel, Never, RunError, Session, TokenId};
use serde::{Deserialize, Serialize};

use super::PlanError;
use crate::StaticLayer;

/// What running a prompt takes: [`base`](Self::base), and so much for every layer and every look. In seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunCost {
    /// Tokens of the prompt.
    pub positions: usize,
    /// What is before the first layer.
    pub base: f64,
    /// A layer.
    pub layer: f64,
    /// A look: the head for one position, and its few numbers on the host.
    pub look: f64,
}

impl RunCost {
    /// Seconds for so many layers and looks, the answer's own among them.
    pub fn seconds(&self, layers: f64, looks: f64) -> f64 {
        self.base + layers * self.layer + looks * self.look
    }
}

/// What a model costs on a device at the prompt lengths in use, measured by [`CostParams`]: what a [`Plan`](super::Plan) is made from.
///
/// ```
/// use adainfer_core::testing::ScriptedModel;
/// use adainfer_policies::CostParams;
///
/// let model = ScriptedModel::with_gaps(&[0.1, 0.2, 0.9]);
/// let costs = CostParams::default().measure(&model, "this computer", &[vec![1, 2], vec![3; 5]])?;
/// assert_eq!(costs.runs().iter().map(|run| run.positions).collect::<Vec<_>>(), [2, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct CostModel {
    /// Fingerprint of the model and its lens.
    model: String,
    device: String,
    runs: Vec<RunCost>,
}

impl CostModel {
    /// Costs that were found in another way; `model` is a fingerprint.
    ///
    /// # Errors
    /// [`PlanError::NoCosts`] without a run, [`PlanError::Cost`] for a negative number or one that is not finite.
    pub fn new(
        model: impl Into<String>,
        device: impl Into<String>,
        runs: Vec<RunCost>,
    ) -> Result<Self, PlanError> {
        if runs.is_empty() {
            return Err(PlanError::NoCosts);
        }
        for run in &runs {
            for (name, found) in [("base", run.base), ("layer", run.layer), ("look", run.look)] {
                if !(found.is_finite() && found >= 0.0) {
                    return Err(PlanError::Cost { positions: run.positions, name, found });
                }
            }
        }
        Ok(Self { model: model.into(), device: device.into(), runs })
    }

    /// Fingerprint of the model and its lens.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What the device was called.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// One for each prompt that was measured.
    pub fn runs(&self) -> &[RunCost] {
        &self.runs
    }

    /// Mean seconds of those prompts, for so many layers and looks, the answer's own among them.
    pub fn seconds(&self, layers: f64, looks: f64) -> f64 {
        self.runs.iter().map(|run| run.seconds(layers, looks)).sum::<f64>() / self.runs.len() as f64
    }

    /// The same for the dense model.
    pub fn dense(&self, layers: usize) -> f64 {
        self.seconds(layers as f64, 1.0)
    }

    /// What a look costs, in layers.
    pub fn look_in_layers(&self) -> f64 {
        let base = self.seconds(0.0, 0.0);
        (self.seconds(0.0, 1.0) - base) / (self.seconds(1.0, 0.0) - base)
    }
}

/// Why costs could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError<E: std::error::Error + 'static> {
    /// A prompt could not be run.
    #[error(transparent)]
    Run(#[from] RunError<E>),
    /// What was measured is no cost.
    #[error(transparent)]
    Costs(#[from] PlanError),
}

/// How costs are measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostParams {
    prefix: Vec<TokenId>,
    extras: Extras,
    rounds: usize,
}

impl Default for CostParams {
    fn default() -> Self {
        Self { prefix: Vec::new(), extras: Extras::NONE, rounds: 7 }
    }
}

impl CostParams {
    /// What all prompts share, and is run once: the prompts go on from there.
    pub fn prefix(mut self, tokens: impl Into<Vec<TokenId>>) -> Self {
        self.prefix = tokens.into();
        self
    }

    /// What looks carry, where the policy will ask for more than the top two tokens.
    pub fn extras(mut self, extras: Extras) -> Self {
        self.extras = extras;
        self
    }

    /// How often each prompt is run; medians count. `0` is read as `1`.
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds.max(1);
        self
    }

    /// Measures prompts, which should be of the lengths in use.
    ///
    /// A round is two runs in turns, to the first layer where the lens can look and to the last, and then a look wherever
    /// the lens can, each timed by itself: a difference of whole runs could not tell a cheap look from noise. A difference
    /// below nothing is noise, and taken as nothing.
    ///
    /// # Errors
    /// As [`Session::feed`](adainfer_core::Session::feed); [`PlanError::NoCosts`] without a prompt.
    pub fn measure<M: LayeredModel>(
        &self,
        model: &M,
        device: impl Into<String>,
        prompts: &[Vec<TokenId>],
    ) -> Result<CostModel, MeasureError<M::Error>> {
        let layers = model.spec().layers;
        let first = (1..layers).find(|layer| model.looks_after(layer - 1));
        let shallow = EarlyExit::new(model, StaticLayer::new(first.unwrap_or(layers)))?;
        let dense = EarlyExit::new(model, Never)?;
        let (shallow, dense) = (self.open(&shallow)?, self.open(&dense)?);
        let mut runs = Vec::new();
        for prompt in prompts {
            dense.fork()?.feed(prompt)?; // warms up
            let mut times = [const { Vec::new() }; 3];
            for _ in 0..self.rounds {
                times[0].push(timed(|| shallow.fork()?.feed(prompt))?.1);
                times[1].push(timed(|| dense.fork()?.feed(prompt))?.1);
                times[2].push(self.look(model, prompt).map_err(RunError::Model)?);
            }
            let [shallow, dense, look] = times.map(median);
            let layer = match first {
                Some(first) => (dense - shallow).max(0.0) / (layers - first) as f64,
                None => dense / layers as f64,
            };
            let base = (dense - layers as f64 * layer - look).max(0.0);
            runs.push(RunCost { positions: prompt.len(), base, layer, look });
        }
        Ok(CostModel::new(&model.spec().fingerprint, device, runs)?)
    }

    /// Mean seconds of a look; no time where the lens cannot look. Each layer is looked at twice and the second counts: on a
    /// device that queues its work the first waits for the layer.
    fn look<M: LayeredModel>(&self, model: &M, prompt: &[TokenId]) -> Result<f64, M::Error> {
        let layers = model.spec().layers;
        let mut state = model.start(self.extras)?;
        let mut x = model.embed(prompt, &mut state)?;
        let (mut seconds, mut count, mut previous) = (0.0, 0, None);
        for layer in 1..layers {
            x = model.layer(layer - 1, x, &mut state)?;
            if !model.looks_after(layer - 1) {
                continue;
            }
            let look = || {
                let logits = model.head(layer - 1, &x)?;
                model.probe(&logits, previous.as_ref())?;
                Ok(logits)
            };
            look()?;
            let (logits, spent) = timed(look)?;
            (seconds, count) = (seconds + spent, count + 1);
            previous = self.extras.kl.then_some(logits);
        }
        Ok(seconds / f64::from(count.max(1)))
    }

    /// Where the prompts go on from.
    fn open<'e, M: LayeredModel, P: ExitPolicy>(
        &self,
        engine: &'e EarlyExit<M, P>,
    ) -> Result<Session<'e, M, P, ()>, RunError<M::Error>> {
        if self.prefix.is_empty() { engine.session() } else { engine.prefix(&self.prefix) }
    }
}

fn timed<T, E>(run: impl FnOnce() -> Result<T, E>) -> Result<(T, f64), E> {
    let start = Instant::now();
    let value = run()?;
    Ok((value, start.elapsed().as_secs_f64()))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// As a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    model: String,
    device: String,
    runs: Vec<RunCost>,
}

impl TryFrom<Unchecked> for CostModel {
    type Error = PlanError;

    fn try_from(Unchecked { model, device, runs }: Unchecked) -> Result<Self, PlanError> {
        Self::new(model, device, runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_add_up() {
        let run = |positions, look| RunCost { positions, base: 1.0, layer: 2.0, look };
        let costs = CostModel::new("m", "d", vec![run(10, 0.5), run(20, 1.5)]).unwrap();
        assert_eq!(costs.seconds(3.0, 2.0), 1.0 + 6.0 + 2.0);
        assert_eq!((costs.dense(4), costs.look_in_layers()), (10.0, 0.5));
    }

    #[test]
    fn what_is_no_cost_is_refused() {
        assert!(matches!(CostModel::new("m", "d", vec![]), Err(PlanError::NoCosts)));
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let run = RunCost { positions: 1, base: 0.0, layer: bad, look: 0.0 };
            assert!(matches!(CostModel::new("m", "d", vec![run]), Err(PlanError::Cost { .. })));
        }
    }
}

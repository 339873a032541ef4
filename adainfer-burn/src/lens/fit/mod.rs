//! Fitting linear lenses.

mod error;
mod normal;
mod prompts;

pub use error::LensFitError;
pub use prompts::LensPrompt;

use adainfer_core::Extras;

use super::{LayerMap, LensModel, LensQuality, LinearLens, level};
use normal::{NormalEquations, Solution};

/// Fewer prompts than this, and which ones are held out would decide what is fitted.
const FEWEST_PROMPTS: usize = 20;

/// How a [`LinearLens`] is fitted: by ridge regression in closed form, from each layer's states to the final normed ones.
///
/// Some prompts are held out: on them the weight of the ridge is chosen, layer by layer, and the quality measured. They are
/// not fitted on.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearLensParams {
    from: usize,
    ridges: Vec<f64>,
    held_out: f64,
    seed: u64,
    memory: u64,
}

impl Default for LinearLensParams {
    fn default() -> Self {
        Self {
            from: 1,
            ridges: vec![1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0],
            held_out: 0.2,
            seed: 0,
            memory: 1 << 30,
        }
    }
}

impl LinearLensParams {
    /// Fits no map before this layer, counted from 1.
    pub fn from(mut self, layer: usize) -> Self {
        self.from = layer;
        self
    }

    /// The weights of the ridge that are tried, as shares of the inputs' mean square; each finite and above 0.
    pub fn ridges(mut self, ridges: impl IntoIterator<Item = f64>) -> Self {
        self.ridges = ridges.into_iter().collect();
        self
    }

    /// The share of the prompts that is held out; above 0 and below 1.
    pub fn held_out(mut self, share: f64) -> Self {
        self.held_out = share;
        self
    }

    /// Which prompts those are depends on this and on their names.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Bytes that the sums may take, `32 (hidden + 1)^2` a layer. Layers for which there is no room wait for another run over the
    /// prompts; one layer is always taken.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Runs the model over the prompts and fits a map for each layer before the last.
    ///
    /// `progress` is called before each prompt and each layer's equations. Takes time linear in the prompts' tokens and,
    /// for each layer and ridge, cubic in the width; memory as [`memory`](Self::memory) says and 24 (hidden + 1)^2 bytes more. The
    /// same numbers on any number of threads.
    ///
    /// # Errors
    /// See [`LensFitError`].
    pub fn fit<M: LensModel>(
        &self,
        model: &M,
        prompts: &[LensPrompt],
        mut progress: impl FnMut(LensProgress),
    ) -> Result<(LinearLens, LensReport), LensFitError> {
        self.check(model, prompts)?;
        let (layers, width) = (model.spec().layers, model.hidden_size());
        let parts = prompts::split(prompts, self.held_out, self.seed);
        let all: Vec<usize> = (self.from..layers).collect();
        let room = self.memory / (32 * (width as u64 + 1).pow(2)).max(1);
        let group = usize::try_from(room).unwrap_or(usize::MAX).clamp(1, all.len().max(1));
        let total = (prompts.len() * all.len().div_ceil(group) + all.len()) as u64;
        let mut done = 0;
        let mut tick = |layer| {
            progress(LensProgress { layer, done, total });
            done += 1;
        };

        let mut lens = LinearLens::new(model.spec(), width, prompts::hash(prompts));
        let mut report = LensReport {
            prompts: parts.fitted(prompts).count(),
            held_out: parts.held_out(prompts).map(|prompt| prompt.id.clone()).collect(),
            positions: parts.fitted(prompts).map(|prompt| prompt.positions.len()).sum(),
            width,
            layers: Vec::new(),
        };
        for group in all.chunks(group) {
            let mut sums: Vec<Sums> = group.iter().map(|_| Sums::new(width)).collect();
            for (i, prompt) in prompts.iter().enumerate() {
                tick(None);
                add(model, prompt, group, &mut sums, parts.is_held_out(i))?;
            }
            for (layer, sums) in group.iter().zip(sums) {
                tick(Some(*layer));
                let (solution, quality) = self.best(*layer, sums)?;
                lens.set(*layer, map(&solution, width, quality))?;
                report.layers.push((*layer, quality));
            }
        }
        Ok((lens, report))
    }

    fn check<M: LensModel>(&self, model: &M, prompts: &[LensPrompt]) -> Result<(), LensFitError> {
        let layers = model.spec().layers;
        if self.from == 0 || self.from >= layers {
            return Err(LensFitError::From { layer: self.from, layers });
        }
        let good = |ridge: &&f64| ridge.is_finite() && **ridge > 0.0;
        if self.ridges.is_empty() || !self.ridges.iter().all(|ridge| good(&ridge)) {
            let found = self.ridges.iter().find(|ridge| !good(ridge)).copied();
            return Err(LensFitError::Ridge { found });
        }
        if !(self.held_out > 0.0 && self.held_out < 1.0) {
            return Err(LensFitError::HeldOut { found: self.held_out });
        }
        if prompts.len() < FEWEST_PROMPTS {
            return Err(LensFitError::TooFewPrompts { found: prompts.len(), needed: FEWEST_PROMPTS });
        }
        prompts::check(prompts)
    }

    /// The solution of the ridge that explains most of the held-out states; of equals the strongest.
    fn best(&self, layer: usize, mut sums: Sums) -> Result<(Solution, LensQuality), LensFitError> {
        sums.fitted.take_in();
        sums.held_out.take_in();
        let mut ridges = self.ridges.clone();
        ridges.sort_by(|a, b| b.total_cmp(a));
        let mut best: Option<(Solution, LensQuality)> = None;
        for ridge in ridges {
            let Some(solution) = sums.fitted.solve(ridge) else { continue };
            let r2 = sums.held_out.explained(&solution).ok_or(LensFitError::Constant { layer })?;
            if best.as_ref().is_none_or(|(_, quality)| r2 > quality.r2) {
                best = Some((solution, LensQuality { ridge, r2 }));
            }
        }
        best.ok_or(LensFitError::NoSolution { layer })
    }
}

/// Of one layer.
struct Sums {
    fitted: NormalEquations,
    held_out: NormalEquations,
}

impl Sums {
    fn new(width: usize) -> Self {
        Self { fitted: NormalEquations::new(width), held_out: NormalEquations::new(width) }
    }
}

/// Runs a prompt, and adds its states to the sums of each layer of the group.
fn add<M: LensModel>(
    model: &M,
    prompt: &LensPrompt,
    group: &[usize],
    sums: &mut [Sums],
    held_out: bool,
) -> Result<(), LensFitError> {
    let (layers, width) = (model.spec().layers, model.hidden_size());
    let positions: Vec<usize> = prompt.positions.iter().map(|(position, _)| *position).collect();
    let finite = |states: Vec<f32>, layer| match states.iter().all(|x| x.is_finite()) {
        true => Ok(states),
        false => Err(LensFitError::NotFinite { prompt: prompt.id.clone(), layer }),
    };
    let mut state = model.start(Extras::NONE)?;
    let mut hidden = model.embed(&prompt.tokens, &mut state)?;
    let mut inputs = Vec::with_capacity(group.len());
    for layer in 1..=layers {
        hidden = model.layer(layer - 1, hidden, &mut state)?;
        if group.contains(&layer) {
            inputs.push(finite(model.states(&hidden, &positions)?, layer)?);
        }
    }
    let targets = finite(model.normed_states(&hidden, &positions)?, layers)?;
    for (states, sums) in inputs.iter().zip(sums) {
        let sums = if held_out { &mut sums.held_out } else { &mut sums.fitted };
        let rows = states.chunks_exact(width).zip(targets.chunks_exact(width));
        for ((x, y), (_, weight)) in rows.zip(&prompt.positions) {
            sums.add(level(x), y, *weight);
        }
    }
    Ok(())
}

fn map(solution: &Solution, width: usize, quality: LensQuality) -> LayerMap {
    let row = |i: usize| (0..width).map(move |j| solution[(j, i)] as f32);
    LayerMap {
        weight: (0..width).flat_map(row).collect(),
        bias: (0..width).map(|i| solution[(width, i)] as f32).collect(),
        quality,
    }
}

/// How far a fit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LensProgress {
    /// The layer whose equations are solved; `None` while a prompt is run.
    pub layer: Option<usize>,
    /// Prompts and layers that are done.
    pub done: u64,
    /// Those there are; a prompt counts as often as it is run.
    pub total: u64,
}

/// What a lens was fitted on, and how well it does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LensReport {
    /// Prompts that it was fitted on.
    pub prompts: usize,
    /// Names of the prompts that were held out.
    pub held_out: Vec<String>,
    /// Positions that it was fitted on.
    pub positions: usize,
    /// Width of the hidden states.
    pub width: usize,
    /// Each layer with its map's quality.
    pub layers: Vec<(usize, LensQuality)>,
}

impl LensReport {
    /// Whether there were fewer positions than a map has inputs: then it is the ridge that makes it one, and more prompts would
    /// help.
    pub fn is_underdetermined(&self) -> bool {
        self.positions <= self.width
    }
}

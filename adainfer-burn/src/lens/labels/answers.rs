use adainfer_core::{Candidate, Extras, LayeredModel, ModelSpec, Probe, TokenId, entropy, kl_divergence};

use super::{LabelProbe, LabelProbeError};
use crate::lens::level;
use crate::{LensModel, ModelError};

/// A model of which a label probe reads the answer, after any layer that the probe has a map for.
///
/// *Its answers are the probe's, and its probabilities over the labels alone*: run to the last layer, it is the probe's map
/// there that answers. (For the model's own answer among the labels, ask [`Candidates`](crate::Candidates).) Only the hidden
/// state of the last position goes to the host. Probes carry no cosines. The fingerprint is another than the model's, so that
/// policies for either refuse the other.
///
/// ```no_run
/// use adainfer_burn::{AnyModel, LabelProbe, Labelled};
/// use adainfer_core::{Decision, EarlyExit, policy_fn};
///
/// let model = AnyModel::open("SmolLM2-135M-Instruct.Q4_1.gguf", &"cpu".parse()?)?;
/// let model = Labelled::new(model, LabelProbe::load("sentiment.safetensors")?)?;
/// let sure = policy_fn(|trace| Decision::exit_if(trace.last().top_prob() > 0.9));
/// let step = EarlyExit::new(&model, sure)?.session()?.feed(&[504, 3575, 282])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Labelled<M> {
    model: M,
    probe: LabelProbe,
    spec: ModelSpec,
}

/// A state, and what its probes carry.
#[derive(Debug, Clone)]
pub struct LabelledState<S> {
    state: S,
    extras: Extras,
}

/// Hidden states, and what their probes carry.
#[derive(Debug, Clone)]
pub struct LabelledHidden<H> {
    hidden: H,
    extras: Extras,
}

/// The labels' scores.
#[derive(Debug, Clone)]
pub struct LabelledLogits {
    scores: Vec<f32>,
    extras: Extras,
}

impl<M: LensModel> Labelled<M> {
    /// Reads this model's answers by this probe.
    ///
    /// # Errors
    /// [`LabelProbeError::OtherModel`] and [`LabelProbeError::Width`] for another model's probe,
    /// [`LabelProbeError::NoLast`] for one that could not answer after the last layer.
    pub fn new(model: M, probe: LabelProbe) -> Result<Self, LabelProbeError> {
        probe.check(model.spec(), model.hidden_size())?;
        let mut spec = model.spec().clone();
        spec.fingerprint = format!("{} answered by {}", spec.fingerprint, probe.hash());
        Ok(Self { model, probe, spec })
    }

    /// The model whose states are read.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// What reads them.
    pub fn label_probe(&self) -> &LabelProbe {
        &self.probe
    }

    fn token(&self, candidate: Candidate) -> Result<Candidate, ModelError> {
        let token = self.probe.tokens().get(candidate.token as usize).copied();
        Ok(Candidate { token: token.ok_or(ModelError::OtherBackend)?, ..candidate })
    }
}

impl<M: LensModel> LayeredModel for Labelled<M> {
    type State = LabelledState<M::State>;
    type Hidden = LabelledHidden<M::Hidden>;
    type Logits = LabelledLogits;
    type Error = ModelError;

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn start(&self, extras: Extras) -> Result<Self::State, ModelError> {
        Ok(LabelledState { state: self.model.start(Extras::NONE)?, extras })
    }

    fn embed(&self, tokens: &[TokenId], state: &mut Self::State) -> Result<Self::Hidden, ModelError> {
        let hidden = self.model.embed(tokens, &mut state.state)?;
        Ok(LabelledHidden { hidden, extras: state.extras })
    }

    fn layer(
        &self,
        index: usize,
        hidden: Self::Hidden,
        state: &mut Self::State,
    ) -> Result<Self::Hidden, ModelError> {
        let LabelledHidden { hidden, extras } = hidden;
        Ok(LabelledHidden { hidden: self.model.layer(index, hidden, &mut state.state)?, extras })
    }

    fn layer_at_last(
        &self,
        index: usize,
        hidden: Self::Hidden,
        state: &mut Self::State,
    ) -> Result<Self::Hidden, ModelError> {
        let LabelledHidden { hidden, extras } = hidden;
        Ok(LabelledHidden { hidden: self.model.layer_at_last(index, hidden, &mut state.state)?, extras })
    }

    fn layer_each(
        &self,
        index: usize,
        batch: Vec<(Self::Hidden, &mut Self::State)>,
    ) -> Result<Vec<Self::Hidden>, ModelError> {
        let extras: Vec<_> = batch.iter().map(|(hidden, _)| hidden.extras).collect();
        let batch = batch.into_iter().map(|(labelled, state)| (labelled.hidden, &mut state.state)).collect();
        let after = self.model.layer_each(index, batch)?.into_iter().zip(extras);
        Ok(after.map(|(hidden, extras)| LabelledHidden { hidden, extras }).collect())
    }

    fn join(&self, earlier: Self::Hidden, later: Self::Hidden) -> Result<Self::Hidden, ModelError> {
        let extras = later.extras;
        Ok(LabelledHidden { hidden: self.model.join(earlier.hidden, later.hidden)?, extras })
    }

    fn looks_after(&self, index: usize) -> bool {
        self.probe.map(index + 1).is_some()
    }

    fn head(&self, index: usize, hidden: &Self::Hidden) -> Result<LabelledLogits, ModelError> {
        let map = self.probe.map(index + 1).ok_or(ModelError::NoLook { layer: index + 1 })?;
        let last = self.model.positions(&hidden.hidden).saturating_sub(1);
        let state: Vec<f64> = level(&self.model.states(&hidden.hidden, &[last])?).collect();
        let score = |(row, bias): (&[f32], &f32)| {
            let product: f64 = row.iter().zip(&state).map(|(w, x)| f64::from(*w) * x).sum();
            (product + f64::from(*bias)) as f32
        };
        let rows = map.weight.chunks_exact(state.len().max(1));
        Ok(LabelledLogits { scores: rows.zip(&map.bias).map(score).collect(), extras: hidden.extras })
    }

    fn probe(&self, logits: &LabelledLogits, previous: Option<&LabelledLogits>) -> Result<Probe, ModelError> {
        let mut probe = Probe::from_logits(&logits.scores).ok_or(ModelError::OtherBackend)?;
        (probe.top, probe.second) = (self.token(probe.top)?, self.token(probe.second)?);
        probe.entropy = logits.extras.entropy.then(|| entropy(&logits.scores));
        probe.kl = previous.and_then(|previous| kl_divergence(&logits.scores, &previous.scores));
        Ok(probe)
    }

    /// Minus infinity for all tokens but the labels.
    fn values(&self, logits: &LabelledLogits) -> Result<Vec<f32>, ModelError> {
        let mut all = vec![f32::NEG_INFINITY; self.spec.vocab];
        for (token, score) in self.probe.tokens().iter().zip(&logits.scores) {
            all[*token as usize] = *score;
        }
        Ok(all)
    }
}

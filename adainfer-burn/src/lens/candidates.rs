use std::fmt::Debug;

use adainfer_core::{Candidate, Extras, LayeredModel, ModelSpec, Probe, TokenId};

use super::CandidateError;
use crate::ModelError;

/// A model whose head can be restricted to the rows of some tokens.
pub trait CandidateHead: LayeredModel<Error = ModelError> {
    /// Those rows, where the model is.
    type Rows: Debug + Send + Sync;

    /// The rows of these tokens, which are in the vocabulary, for every layer that the lens looks after. Where there is a
    /// linear lens, its maps are folded into them once: a look then costs `hidden x tokens` and not
    /// `hidden x hidden + hidden x vocab`.
    ///
    /// # Errors
    /// [`ModelError::Device`] where the device failed.
    fn rows(&self, tokens: &[TokenId]) -> Result<Self::Rows, ModelError>;

    /// As [`head`](LayeredModel::head), with logits for those tokens alone, in their order.
    ///
    /// # Errors
    /// As [`head`](LayeredModel::head).
    fn head_of(
        &self,
        rows: &Self::Rows,
        index: usize,
        hidden: &Self::Hidden,
    ) -> Result<Self::Logits, ModelError>;
}

impl<M: CandidateHead + ?Sized> CandidateHead for &M {
    type Rows = M::Rows;

    fn rows(&self, tokens: &[TokenId]) -> Result<Self::Rows, ModelError> {
        (**self).rows(tokens)
    }
    fn head_of(
        &self,
        rows: &Self::Rows,
        index: usize,
        hidden: &Self::Hidden,
    ) -> Result<Self::Logits, ModelError> {
        (**self).head_of(rows, index, hidden)
    }
}

/// A model that is asked for some tokens alone: an answer is one of them.
///
/// *Probabilities are over the candidates*, in probes too: 0.9 says that the token is nine times as likely as all other
/// candidates together, and nothing about the rest of the vocabulary. So the answers are those of the whole model where that
/// says a candidate, and the likeliest candidate where it says something else. The fingerprint is another than the
/// model's, so that policies for either refuse the other.
///
/// ```
/// use adainfer_burn::{AnyModel, Candidates, LoadOptions};
/// use adainfer_core::{EarlyExit, Never};
///
/// # let config = r#"{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
/// #     "intermediate_size": 64, "vocab_size": 100, "max_position_embeddings": 64, "rms_norm_eps": 1e-5}"#;
/// # let model = AnyModel::with_random_weights(config, 1, &"cpu".parse()?, LoadOptions::new())?;
/// let model = Candidates::new(model, &[17, 42])?;
/// let step = EarlyExit::new(&model, Never)?.session()?.feed(&[5, 6, 7])?;
/// assert!([17, 42].contains(&step.token));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Candidates<M: CandidateHead> {
    model: M,
    /// In order: of equally likely ones, the lower id is first, as everywhere.
    tokens: Vec<TokenId>,
    rows: M::Rows,
    spec: ModelSpec,
}

impl<M: CandidateHead> Candidates<M> {
    /// Asks for these tokens alone, in any order.
    ///
    /// # Errors
    /// Fewer than two tokens, one twice, one outside the vocabulary; a device that failed.
    pub fn new(model: M, tokens: &[TokenId]) -> Result<Self, CandidateError> {
        let mut spec = model.spec().clone();
        let tokens = checked(tokens, spec.vocab)?;
        let rows = model.rows(&tokens)?;
        let names: Vec<_> = tokens.iter().map(TokenId::to_string).collect();
        spec.fingerprint = format!("{} among {}", spec.fingerprint, names.join(","));
        Ok(Self { model, tokens, rows, spec })
    }

    /// The candidates, by id.
    pub fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// The model that is asked.
    pub fn model(&self) -> &M {
        &self.model
    }

    fn named(&self, candidate: Candidate) -> Result<Candidate, ModelError> {
        let token = self.tokens.get(candidate.token as usize).copied();
        let token = token.ok_or_else(|| {
            ModelError::Device(format!("candidate {} of {} came back", candidate.token, self.tokens.len()))
        })?;
        Ok(Candidate { token, ..candidate })
    }
}

/// The tokens in order, if they are two or more different ones of the vocabulary.
pub(super) fn checked(tokens: &[TokenId], vocab: usize) -> Result<Vec<TokenId>, CandidateError> {
    if tokens.len() < 2 {
        return Err(CandidateError::TooFew { found: tokens.len() });
    }
    let mut tokens = tokens.to_vec();
    tokens.sort_unstable();
    if let Some(pair) = tokens.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CandidateError::Twice { token: pair[0] });
    }
    match tokens.last().copied().filter(|token| *token as usize >= vocab) {
        Some(token) => Err(CandidateError::OutOfRange { token, vocab }),
        None => Ok(tokens),
    }
}

impl<M: CandidateHead> LayeredModel for Candidates<M> {
    type State = M::State;
    type Hidden = M::Hidden;
    type Logits = M::Logits;
    type Error = ModelError;

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn start(&self, extras: Extras) -> Result<M::State, ModelError> {
        self.model.start(extras)
    }

    fn embed(&self, tokens: &[TokenId], state: &mut M::State) -> Result<M::Hidden, ModelError> {
        self.model.embed(tokens, state)
    }

    fn layer(&self, index: usize, hidden: M::Hidden, state: &mut M::State) -> Result<M::Hidden, ModelError> {
        self.model.layer(index, hidden, state)
    }

    fn layer_at_last(
        &self,
        index: usize,
        hidden: M::Hidden,
        state: &mut M::State,
    ) -> Result<M::Hidden, ModelError> {
        self.model.layer_at_last(index, hidden, state)
    }

    fn layer_each(
        &self,
        index: usize,
        batch: Vec<(M::Hidden, &mut M::State)>,
    ) -> Result<Vec<M::Hidden>, ModelError> {
        self.model.layer_each(index, batch)
    }

    fn join(&self, earlier: M::Hidden, later: M::Hidden) -> Result<M::Hidden, ModelError> {
        self.model.join(earlier, later)
    }

    fn looks_after(&self, index: usize) -> bool {
        self.model.looks_after(index)
    }

    fn head(&self, index: usize, hidden: &M::Hidden) -> Result<M::Logits, ModelError> {
        self.model.head_of(&self.rows, index, hidden)
    }

    fn probe(&self, logits: &M::Logits, previous: Option<&M::Logits>) -> Result<Probe, ModelError> {
        let mut probe = self.model.probe(logits, previous)?;
        (probe.top, probe.second) = (self.named(probe.top)?, self.named(probe.second)?);
        Ok(probe)
    }

    /// Minus infinity for all tokens but the candidates.
    fn values(&self, logits: &M::Logits) -> Result<Vec<f32>, ModelError> {
        let mut all = vec![f32::NEG_INFINITY; self.spec.vocab];
        for (token, value) in self.tokens.iter().zip(self.model.values(logits)?) {
            all[*token as usize] = value;
        }
        Ok(all)
    }
}

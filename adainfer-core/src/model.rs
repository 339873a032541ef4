use std::error::Error;

use crate::{Extras, Probe};

/// A vocabulary index.
pub type TokenId = u32;

/// What the rest of the library must know of a model before running it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelSpec {
    /// Number of decoder layers; at least one.
    pub layers: usize,
    /// Number of rows of the output head; at least two.
    pub vocab: usize,
    /// Longest sequence that the model's positions cover.
    pub max_positions: usize,
    /// Identity of the weights and the lens, compared with the one that a policy was made for.
    pub fingerprint: String,
}

impl ModelSpec {
    /// Describes a model.
    pub fn new(layers: usize, vocab: usize, max_positions: usize, fingerprint: impl Into<String>) -> Self {
        Self { layers, vocab, max_positions, fingerprint: fingerprint.into() }
    }
}

/// A decoder-only language model that is run one layer at a time, and asked after any layer what it
/// would answer.
///
/// The model never changes. What one sequence changes (key/value caches) is its
/// [`State`](Self::State), so one model serves many threads and no sequence leaks into another.
/// Layers are indexed from 0 here and counted from 1 everywhere else (`index` is run as layer
/// `index + 1`).
///
/// A [`Session`](crate::Session) has checked what it passes on: there is at least one token, ids are
/// below [`ModelSpec::vocab`], and the sequence stays within [`ModelSpec::max_positions`].
pub trait LayeredModel {
    /// What one sequence changes. A clone is a fork: it must be cheap (share what has been computed)
    /// and independent (what one of the two appends, the other does not see).
    type State: Clone;
    /// Activations of a run of consecutive positions, between two layers.
    type Hidden: Clone;
    /// The head's output for the last position, wherever it lives.
    type Logits;
    /// Why the model could not go on.
    type Error: Error + Send + Sync + 'static;

    /// The model's dimensions and identity.
    fn spec(&self) -> &ModelSpec;

    /// State of a new, empty sequence whose probes will carry `extras`.
    fn start(&self, extras: Extras) -> Result<Self::State, Self::Error>;

    /// Activations before the first layer of `tokens`, which follow all that was embedded before.
    fn embed(&self, tokens: &[TokenId], state: &mut Self::State) -> Result<Self::Hidden, Self::Error>;

    /// Runs one layer over `hidden`, whose positions follow those that this layer has seen so far.
    fn layer(
        &self,
        index: usize,
        hidden: Self::Hidden,
        state: &mut Self::State,
    ) -> Result<Self::Hidden, Self::Error>;

    /// As [`layer`](Self::layer), where of its output only the last position is wanted: a session runs the last layer so. A
    /// model that can leave out the others overrides it.
    fn layer_at_last(
        &self,
        index: usize,
        hidden: Self::Hidden,
        state: &mut Self::State,
    ) -> Result<Self::Hidden, Self::Error> {
        self.layer(index, hidden, state)
    }

    /// Runs one layer over positions of several sequences, and gives what [`layer`](Self::layer) gives for each, in
    /// order; after the last layer, what [`layer_at_last`](Self::layer_at_last) gives. A model that reads its weights
    /// once for all of them overrides it.
    fn layer_each(
        &self,
        index: usize,
        batch: Vec<(Self::Hidden, &mut Self::State)>,
    ) -> Result<Vec<Self::Hidden>, Self::Error> {
        batch.into_iter().map(|(hidden, state)| self.layer(index, hidden, state)).collect()
    }

    /// Puts two runs of positions, the later right after the earlier, into one. A session uses it to
    /// catch up layers that an earlier token skipped.
    fn join(&self, earlier: Self::Hidden, later: Self::Hidden) -> Result<Self::Hidden, Self::Error>;

    /// Whether the lens can look after layer `index`; it always can after the last. A session asks neither the
    /// policy nor the lens where it cannot.
    fn looks_after(&self, index: usize) -> bool {
        let _ = index;
        true
    }

    /// The lens: what the model would answer at the last position, were layer `index` its last. Where
    /// the backend is asynchronous this only queues the work.
    fn head(&self, index: usize, hidden: &Self::Hidden) -> Result<Self::Logits, Self::Error>;

    /// What [`head`](Self::head) gives for each of several sequences, in order. A model that reads the head once for all
    /// of them overrides it.
    fn head_each(&self, index: usize, hidden: &[&Self::Hidden]) -> Result<Vec<Self::Logits>, Self::Error> {
        hidden.iter().map(|hidden| self.head(index, hidden)).collect()
    }

    /// Reads the few numbers that policies look at. `previous` is the head's output at the probe
    /// before this one, and is given where [`Extras::kl`] was asked for.
    fn probe(&self, logits: &Self::Logits, previous: Option<&Self::Logits>) -> Result<Probe, Self::Error>;

    /// All logits, `vocab` of them, for sampling.
    fn values(&self, logits: &Self::Logits) -> Result<Vec<f32>, Self::Error>;
}

impl<M: LayeredModel + ?Sized> LayeredModel for &M {
    type State = M::State;
    type Hidden = M::Hidden;
    type Logits = M::Logits;
    type Error = M::Error;

    fn spec(&self) -> &ModelSpec {
        (**self).spec()
    }
    fn start(&self, extras: Extras) -> Result<Self::State, Self::Error> {
        (**self).start(extras)
    }
    fn embed(&self, tokens: &[TokenId], state: &mut Self::State) -> Result<Self::Hidden, Self::Error> {
        (**self).embed(tokens, state)
    }
    fn layer(
        &self,
        index: usize,
        hidden: Self::Hidden,
        state: &mut Self::State,
    ) -> Result<Self::Hidden, Self::Error> {
        (**self).layer(index, hidden, state)
    }
    fn layer_at_last(
        &self,
        index: usize,
        hidden: Self::Hidden,
        state: &mut Self::State,
    ) -> Result<Self::Hidden, Self::Error> {
        (**self).layer_at_last(index, hidden, state)
    }
    fn layer_each(
        &self,
        index: usize,
        batch: Vec<(Self::Hidden, &mut Self::State)>,
    ) -> Result<Vec<Self::Hidden>, Self::Error> {
        (**self).layer_each(index, batch)
    }
    fn join(&self, earlier: Self::Hidden, later: Self::Hidden) -> Result<Self::Hidden, Self::Error> {
        (**self).join(earlier, later)
    }
    fn looks_after(&self, index: usize) -> bool {
        (**self).looks_after(index)
    }
    fn head(&self, index: usize, hidden: &Self::Hidden) -> Result<Self::Logits, Self::Error> {
        (**self).head(index, hidden)
    }
    fn head_each(&self, index: usize, hidden: &[&Self::Hidden]) -> Result<Vec<Self::Logits>, Self::Error> {
        (**self).head_each(index, hidden)
    }
    fn probe(&self, logits: &Self::Logits, previous: Option<&Self::Logits>) -> Result<Probe, Self::Error> {
        (**self).probe(logits, previous)
    }
    fn values(&self, logits: &Self::Logits) -> Result<Vec<f32>, Self::Error> {
        (**self).values(logits)
    }
}

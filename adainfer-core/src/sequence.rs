use crate::{LayeredModel, ModelSpec, RunError, TokenId};

/// What one sequence has computed: the model's state, and the positions that stopped early.
pub(crate) struct Sequence<M: LayeredModel> {
    state: M::State,
    /// Positions that skipped layers, oldest first. A later token that needs those layers runs the
    /// positions with it; if none comes, they are never run. Later entries stopped no deeper than
    /// earlier ones, since a token picks up all that it passes.
    owed: Vec<Owed<M::Hidden>>,
    length: usize,
}

#[derive(Clone)]
struct Owed<H> {
    /// The first layer that these positions have not run.
    layer: usize,
    hidden: H,
}

impl<M: LayeredModel> Clone for Sequence<M> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), owed: self.owed.clone(), length: self.length }
    }
}

impl<M: LayeredModel> Sequence<M> {
    pub(crate) fn new(state: M::State) -> Self {
        Self { state, owed: Vec::new(), length: 0 }
    }

    /// Positions so far.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Refuses tokens that cannot follow: none, one that is outside the vocabulary, more than there are positions.
    pub(crate) fn validate(&self, spec: &ModelSpec, tokens: &[TokenId]) -> Result<(), RunError<M::Error>> {
        if tokens.is_empty() {
            return Err(RunError::EmptyPrompt);
        }
        let vocab = spec.vocab;
        if let Some((position, &token)) = tokens.iter().enumerate().find(|&(_, &t)| t as usize >= vocab) {
            return Err(RunError::TokenOutOfRange { token, position, vocab });
        }
        let needed = self.length.saturating_add(tokens.len());
        if needed > spec.max_positions {
            return Err(RunError::TooLong { needed, max: spec.max_positions });
        }
        Ok(())
    }

    pub(crate) fn embed(&mut self, model: &M, tokens: &[TokenId]) -> Result<M::Hidden, M::Error> {
        let hidden = model.embed(tokens, &mut self.state)?;
        self.length += tokens.len();
        Ok(hidden)
    }

    /// Runs layer `index` over `hidden`, after the positions that stopped right before it. Nobody goes on from the last
    /// layer, so there the last position is enough.
    pub(crate) fn layer(
        &mut self,
        model: &M,
        index: usize,
        hidden: M::Hidden,
    ) -> Result<M::Hidden, M::Error> {
        let hidden = self.caught_up(model, index, hidden)?;
        match index + 1 == model.spec().layers {
            true => model.layer_at_last(index, hidden, &mut self.state),
            false => model.layer(index, hidden, &mut self.state),
        }
    }

    /// As [`layer`](Self::layer), for several sequences at once.
    pub(crate) fn layer_each<'s>(
        model: &M,
        index: usize,
        rows: impl Iterator<Item = (&'s mut Self, M::Hidden)>,
    ) -> Result<Vec<M::Hidden>, M::Error>
    where
        M: 's,
    {
        let mut batch = Vec::new();
        for (sequence, hidden) in rows {
            let hidden = sequence.caught_up(model, index, hidden)?;
            batch.push((hidden, &mut sequence.state));
        }
        model.layer_each(index, batch)
    }

    /// `hidden`, after the positions that stopped right before layer `index`.
    fn caught_up(&mut self, model: &M, index: usize, mut hidden: M::Hidden) -> Result<M::Hidden, M::Error> {
        while let Some(owed) = self.owed.pop_if(|owed| owed.layer == index) {
            hidden = model.join(owed.hidden, hidden)?;
        }
        Ok(hidden)
    }

    /// Keeps positions that go no further than `layer` layers for now.
    pub(crate) fn stop(&mut self, layer: usize, hidden: M::Hidden) {
        self.owed.push(Owed { layer, hidden });
    }
}

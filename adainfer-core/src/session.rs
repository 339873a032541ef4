use crate::batch;
use crate::looks::{Looks, wanted};
use crate::sequence::Sequence;
use crate::{
    At, EarlyExit, ExitPolicy, Generation, LayeredModel, Observer, Probe, RunError, Sampler, TokenId,
};

/// One decided token.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The token: the probe's top token, or what the sampler drew.
    pub token: TokenId,
    /// What the lens saw where the run stopped.
    pub probe: Probe,
    /// Layers that were run.
    pub layers_run: usize,
    /// Layers there are.
    pub layers: usize,
    /// How often the head was computed.
    pub heads_run: usize,
}

/// A decided token, or why there is none.
pub type StepResult<E> = Result<Step, RunError<E>>;

/// One sequence under way. Dropping it cancels the run; [`fork`](Self::fork) continues it twice.
pub struct Session<'e, M: LayeredModel, P, O> {
    engine: &'e EarlyExit<M, P>,
    /// Taken while a call is under way: a call that fails or unwinds leaves `None`, and that is
    /// `Poisoned`.
    sequence: Option<Sequence<M>>,
    produced: usize,
    observer: O,
}

impl<'e, M: LayeredModel, P: ExitPolicy, O: Observer> Session<'e, M, P, O> {
    pub(crate) fn open(engine: &'e EarlyExit<M, P>, observer: O) -> Result<Self, RunError<M::Error>> {
        let state = engine.model().start(engine.policy().extras()).map_err(RunError::Model)?;
        Ok(Self { engine, sequence: Some(Sequence::new(state)), produced: 0, observer })
    }

    /// Appends `tokens` and decides the next one, greedily.
    ///
    /// The decided token is not part of the sequence until it is fed.
    ///
    /// # Errors
    /// Refuses no token, a token outside the vocabulary and a sequence longer than the model's
    /// positions; the session stays usable. An error of the model, or a last layer whose output is
    /// not finite, poisons the session.
    pub fn feed(&mut self, tokens: &[TokenId]) -> Result<Step, RunError<M::Error>> {
        self.step(tokens, None)
    }

    /// Appends `tokens` and draws the next one from the distribution where the run stopped.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn sample(&mut self, tokens: &[TokenId], sampler: &mut Sampler) -> Result<Step, RunError<M::Error>> {
        self.step(tokens, Some(sampler))
    }

    /// Appends `tokens`, all layers run, and decides nothing.
    ///
    /// # Errors
    /// As [`feed`](Self::feed), but for the output, which is not computed.
    pub fn prefill(&mut self, tokens: &[TokenId]) -> Result<(), RunError<M::Error>> {
        self.validate(tokens)?;
        let model = self.engine.model();
        let mut sequence = self.sequence.take().ok_or(RunError::Poisoned)?;
        let mut hidden = sequence.embed(model, tokens).map_err(RunError::Model)?;
        for index in 0..model.spec().layers {
            hidden = sequence.layer(model, index, hidden).map_err(RunError::Model)?;
        }
        self.sequence = Some(sequence);
        Ok(())
    }

    /// Decides tokens one by one after `prompt`; see [`Generation`].
    pub fn generate(&mut self, prompt: &[TokenId]) -> Generation<'_, 'e, M, P, O> {
        Generation::new(self, prompt)
    }

    /// A second session that goes on from here, unwatched. What is computed so far is shared.
    ///
    /// # Errors
    /// [`RunError::Poisoned`] after an earlier failure.
    pub fn fork(&self) -> Result<Session<'e, M, P, ()>, RunError<M::Error>> {
        self.fork_watched(())
    }

    /// As [`fork`](Self::fork), watched by `observer`.
    ///
    /// # Errors
    /// As [`fork`](Self::fork).
    pub fn fork_watched<W: Observer>(&self, observer: W) -> Result<Session<'e, M, P, W>, RunError<M::Error>> {
        let sequence = self.sequence.clone().ok_or(RunError::Poisoned)?;
        Ok(Session { engine: self.engine, sequence: Some(sequence), produced: self.produced, observer })
    }

    /// What each query's [`fork`](Self::fork) would answer to it, in order: the first tokens after many prompts that go on
    /// from here, run together. A query that has its answer leaves the batch; nothing is kept of any.
    ///
    /// The answers are those of the queries one by one. A model that can reads its weights once for all that are still
    /// under way (see [`LayeredModel::layer_each`]); memory is that of all their states. No layer is run ahead of a look.
    ///
    /// # Errors
    /// For one query, as [`feed`](Self::feed). For all of them, [`RunError::Poisoned`] after an earlier failure, and an error of the
    /// model.
    ///
    /// ```
    /// use adainfer_core::{Decision, EarlyExit, policy_fn, testing::ScriptedModel};
    ///
    /// let model = ScriptedModel::with_gaps(&[0.1, 0.3, 0.9, 0.95]);
    /// let engine = EarlyExit::new(model, policy_fn(|t| Decision::exit_if(t.last().gap() > 0.8)))?;
    /// let prefix = engine.prefix(&[1, 2])?;
    /// for step in prefix.answer_each(&[vec![3], vec![4, 0]])? {
    ///     assert_eq!(step?.layers_run, 3);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answer_each<T: AsRef<[TokenId]>>(
        &self,
        queries: &[T],
    ) -> Result<Vec<StepResult<M::Error>>, RunError<M::Error>> {
        let sequence = self.sequence.as_ref().ok_or(RunError::Poisoned)?;
        batch::answer_each(self.engine, sequence, self.produced, queries)
    }

    /// Positions so far; `None` after a failure.
    pub fn length(&self) -> Option<usize> {
        self.sequence.as_ref().map(Sequence::length)
    }

    /// Ends the session and hands out the observer.
    pub fn into_observer(self) -> O {
        self.observer
    }

    fn validate(&self, tokens: &[TokenId]) -> Result<(), RunError<M::Error>> {
        let sequence = self.sequence.as_ref().ok_or(RunError::Poisoned)?;
        sequence.validate(self.engine.model().spec(), tokens)
    }

    fn step(
        &mut self,
        tokens: &[TokenId],
        sampler: Option<&mut Sampler>,
    ) -> Result<Step, RunError<M::Error>> {
        self.validate(tokens)?;
        let mut sequence = self.sequence.take().ok_or(RunError::Poisoned)?;
        self.observer.started(self.produced);
        let step = self.run(tokens, &mut sequence, sampler)?;
        self.sequence = Some(sequence);
        self.produced += 1;
        self.observer.stepped(&step);
        Ok(step)
    }

    /// The loop that the library is about: run a layer, look, decide.
    fn run(
        &mut self,
        tokens: &[TokenId],
        sequence: &mut Sequence<M>,
        sampler: Option<&mut Sampler>,
    ) -> Result<Step, RunError<M::Error>> {
        let (model, policy) = (self.engine.model(), self.engine.policy());
        let layers = model.spec().layers;
        let mut looks = Looks::new(policy.extras().kl);

        let mut hidden = sequence.embed(model, tokens).map_err(RunError::Model)?;
        let mut queued = None;
        for layer in 1..=layers {
            hidden = match queued.take() {
                Some(hidden) => hidden,
                None => sequence.layer(model, layer - 1, hidden).map_err(RunError::Model)?,
            };

            let at = At::new(layer, layers, self.produced);
            let last = layer == layers;
            if !wanted(model, policy, at) {
                continue;
            }
            let logits = model.head(layer - 1, &hidden).map_err(RunError::Model)?;
            if self.engine.runs_ahead() && !last {
                queued = Some(sequence.layer(model, layer, hidden.clone()).map_err(RunError::Model)?);
            }
            let probe = looks.read(model, layer, &logits).map_err(RunError::Model)?;
            self.observer.probed(at, &probe);
            if looks.settles(policy, at, probe) {
                let token = match sampler {
                    Some(sampler) => sampler.draw(&model.values(&logits).map_err(RunError::Model)?),
                    None => probe.top.token,
                };
                match queued {
                    // The layer that ran ahead is done, and it may have been the last.
                    Some(next) if layer + 1 < layers => sequence.stop(layer + 1, next),
                    None if !last => sequence.stop(layer, hidden),
                    _ => {}
                }
                return Ok(Step { token, probe, layers_run: layer, layers, heads_run: looks.count });
            }
            if probe.is_finite() {
                looks.keep(logits);
            }
        }
        Err(RunError::NotFinite { layer: layers })
    }
}

impl<M: LayeredModel, P, O> std::fmt::Debug for Session<'_, M, P, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("length", &self.sequence.as_ref().map(Sequence::length))
            .field("produced", &self.produced)
            .finish_non_exhaustive()
    }
}

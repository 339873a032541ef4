use crate::{ExitPolicy, LayeredModel, Observer, RunError, Session, TokenId};

/// A model and the policy that says where it may stop.
///
/// ```
/// use adainfer_core::{Decision, EarlyExit, policy_fn, testing::ScriptedModel};
///
/// let model = ScriptedModel::with_gaps(&[0.1, 0.3, 0.9, 0.95]);
/// let engine = EarlyExit::new(model, policy_fn(|t| Decision::exit_if(t.last().gap() > 0.8)))?;
/// let step = engine.session()?.feed(&[3])?;
/// assert_eq!((step.layers_run, step.layers), (3, 4));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct EarlyExit<M, P> {
    model: M,
    policy: P,
    ahead: bool,
}

impl<M: LayeredModel, P: ExitPolicy> EarlyExit<M, P> {
    /// Pairs a model with a policy that was made for it.
    ///
    /// # Errors
    /// [`RunError::Policy`] where the policy refuses the model.
    pub fn new(model: M, policy: P) -> Result<Self, RunError<M::Error>> {
        policy.check(model.spec())?;
        Ok(Self { model, policy, ahead: false })
    }

    /// Queues each next layer before the look at the one before is read.
    ///
    /// For backends that work while the program waits: the device never runs dry while a few numbers
    /// travel to the host. Answers and layers reported are the same; an exit wastes at most the one layer
    /// that was queued, and not even that if a later token needs it.
    #[must_use]
    pub fn running_ahead(mut self) -> Self {
        self.ahead = true;
        self
    }

    pub(crate) fn runs_ahead(&self) -> bool {
        self.ahead
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The policy.
    pub fn policy(&self) -> &P {
        &self.policy
    }

    /// Opens a sequence that nobody watches.
    ///
    /// # Errors
    /// [`RunError::Model`] where the model has no room for another state.
    pub fn session(&self) -> Result<Session<'_, M, P, ()>, RunError<M::Error>> {
        self.watched(())
    }

    /// Opens a sequence that `observer` watches.
    ///
    /// # Errors
    /// As [`session`](Self::session).
    pub fn watched<O: Observer>(&self, observer: O) -> Result<Session<'_, M, P, O>, RunError<M::Error>> {
        Session::open(self, observer)
    }

    /// Opens a sequence and runs `tokens` through all layers: what many queries share, such as the
    /// demonstrations of a few-shot prompt. Each query then [forks](Session::fork) it.
    ///
    /// # Errors
    /// As [`Session::prefill`].
    pub fn prefix(&self, tokens: &[TokenId]) -> Result<Session<'_, M, P, ()>, RunError<M::Error>> {
        let mut session = self.session()?;
        session.prefill(tokens)?;
        Ok(session)
    }
}

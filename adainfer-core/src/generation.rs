use crate::{ExitPolicy, LayeredModel, Observer, RunError, Sampler, Session, Step, TokenId};

/// Tokens decided one after the other: an iterator over [`Step`]s, made by [`Session::generate`].
///
/// Greedy unless [`sampler`](Self::sampler) is given; endless unless [`max_tokens`](Self::max_tokens)
/// or [`stop_at`](Self::stop_at) end it, and then the token that ended it is the last item. An error
/// is the last item too: [`RunError::TooLong`] where the model's positions are used up.
///
/// Every layer of a token that exited is completed before a later token reads it, so what is
/// generated depends on where tokens exit, but never on keys and values that were left out.
pub struct Generation<'s, 'e, M: LayeredModel, P, O> {
    session: &'s mut Session<'e, M, P, O>,
    next: Vec<TokenId>,
    left: Option<usize>,
    stop: Vec<TokenId>,
    sampler: Option<Sampler>,
    done: bool,
}

impl<'s, 'e, M: LayeredModel, P: ExitPolicy, O: Observer> Generation<'s, 'e, M, P, O> {
    pub(crate) fn new(session: &'s mut Session<'e, M, P, O>, prompt: &[TokenId]) -> Self {
        Self { session, next: prompt.to_vec(), left: None, stop: Vec::new(), sampler: None, done: false }
    }

    /// Decides at most `count` tokens.
    pub fn max_tokens(mut self, count: usize) -> Self {
        self.left = Some(count);
        self
    }

    /// Ends after any of these tokens, such as the model's end-of-sequence tokens.
    pub fn stop_at(mut self, tokens: &[TokenId]) -> Self {
        self.stop = tokens.to_vec();
        self
    }

    /// Draws tokens instead of taking the likeliest.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Some(sampler);
        self
    }
}

impl<M: LayeredModel, P: ExitPolicy, O: Observer> Iterator for Generation<'_, '_, M, P, O> {
    type Item = Result<Step, RunError<M::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.left == Some(0) {
            return None;
        }
        let step = match &mut self.sampler {
            Some(sampler) => self.session.sample(&self.next, sampler),
            None => self.session.feed(&self.next),
        };
        self.left = self.left.map(|left| left - 1);
        match &step {
            Ok(step) => {
                self.next.clear();
                self.next.push(step.token);
                self.done = self.stop.contains(&step.token);
            }
            Err(_) => self.done = true,
        }
        Some(step)
    }
}

impl<M: LayeredModel, P, O> std::fmt::Debug for Generation<'_, '_, M, P, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation")
            .field("left", &self.left)
            .field("stop", &self.stop)
            .field("sampler", &self.sampler)
            .finish_non_exhaustive()
    }
}

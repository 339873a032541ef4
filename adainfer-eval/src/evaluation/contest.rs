use std::time::Instant;

use adainfer_core::{EarlyExit, ExitPolicy, LayeredModel, Never, RunError, Session, Step, TokenId};

use super::{Answer, Question};

/// Answers questions with early exit and without.
///
/// ```
/// use adainfer_core::testing::ScriptedModel;
/// use adainfer_core::{EarlyExit, Never};
/// use adainfer_eval::{Contest, PolicySpec, Question};
///
/// let model = ScriptedModel::with_gaps(&[0.1, 0.5, 0.9, 0.95]);
/// let dense = EarlyExit::new(&model, Never)?;
/// let early = EarlyExit::new(&model, "gap:0.8".parse::<PolicySpec>()?.policy(4)?)?;
/// let question = Question { id: "one".to_owned(), tokens: vec![1, 2, 3], gold: vec![1] };
/// let answer = Contest::new(&dense, &early, &[])?.answer(&question, true)?;
/// assert_eq!((answer.layers_run, answer.heads_run), (3, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Contest<'e, D: LayeredModel, M: LayeredModel, P> {
    shared: usize,
    dense: Session<'e, D, Never, ()>,
    early: Session<'e, M, P, ()>,
}

impl<'e, D, M, P> Contest<'e, D, M, P>
where
    D: LayeredModel,
    M: LayeredModel<Error = D::Error>,
    P: ExitPolicy,
{
    /// `shared` is what all questions begin with; each engine runs it once, here.
    ///
    /// # Errors
    /// As [`EarlyExit::prefix`].
    pub fn new(
        dense: &'e EarlyExit<D, Never>,
        early: &'e EarlyExit<M, P>,
        shared: &[TokenId],
    ) -> Result<Self, RunError<D::Error>> {
        Ok(match shared.len() {
            0 => Self { shared: 0, dense: dense.session()?, early: early.session()? },
            length => Self { shared: length, dense: dense.prefix(shared)?, early: early.prefix(shared)? },
        })
    }

    /// Runs a question both ways, one after the other; who goes first should take turns. Tokens of the question that are
    /// shared are passed over, whatever they are.
    ///
    /// # Errors
    /// As [`Session::feed`].
    pub fn answer(&self, question: &Question, dense_first: bool) -> Result<Answer, RunError<D::Error>> {
        let own = question.tokens.get(self.shared..).unwrap_or_default();
        let dense = || timed(|| self.dense.fork()?.feed(own));
        let early = || timed(|| self.early.fork()?.feed(own));
        let ((dense, wall_dense_s), (early, wall_s)) = if dense_first {
            let dense = dense()?;
            (dense, early()?)
        } else {
            let early = early()?;
            (dense()?, early)
        };
        let is_right = |step: &Step| question.gold.contains(&step.token);
        Ok(Answer {
            id: question.id.clone(),
            question: question.hash(),
            positions: question.tokens.len(),
            dense_token: dense.token,
            token: early.token,
            layers_run: early.layers_run,
            heads_run: early.heads_run,
            correct: is_right(&early),
            dense_correct: is_right(&dense),
            wall_dense_s,
            wall_s,
        })
    }
}

fn timed<E>(run: impl FnOnce() -> Result<Step, E>) -> Result<(Step, f64), E> {
    let start = Instant::now();
    let step = run()?;
    Ok((step, start.elapsed().as_secs_f64()))
}

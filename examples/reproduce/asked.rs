//! What models are asked: the questions of a task, with their demonstrations, for one model.

use std::path::Path;

use adainfer::burn::AnyModel;
use adainfer::core::{LayeredModel, TokenId};
use adainfer::eval::{Draw, Item, PromptParams, Question, Task};
use anyhow::{Context, Result};

use super::plan::{PlannedTask, Shots};
use super::question::question;
use super::support;

/// What questions are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    /// To fit the lens.
    Lens,
    /// To train and certify policies.
    Train,
    /// To evaluate.
    Eval,
}

impl Split {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lens => "lens",
            Self::Train => "train",
            Self::Eval => "eval",
        }
    }
}

/// A task of the plan: one, or several small ones that are one together.
pub(crate) struct Tasks {
    sets: Vec<Task>,
    longest: usize,
    /// What tells questions of one set from another's.
    prefixed: bool,
}

/// Questions with the same demonstrations before them, if there are any.
pub(crate) struct Asked {
    pub(crate) questions: Vec<Question>,
    /// The answers to each, in words.
    pub(crate) answers: Vec<Vec<String>>,
    /// What all begin with and is run once.
    pub(crate) shared: Vec<TokenId>,
    /// Prompts that were longer than the model's positions.
    pub(crate) skipped: usize,
}

impl Tasks {
    pub(crate) fn open(planned: &PlannedTask, data: Option<&Path>) -> Result<Self> {
        let place = || format!("task {:?}", planned.name);
        let rule = |name: &String| {
            Task::rule(name).with_context(|| format!("no rule set {name:?} comes with the library"))
        };
        let sets = match (planned.sets.as_slice(), planned.data.as_deref().or(data)) {
            ([], Some(data)) => vec![Task::open(&planned.name, data).with_context(place)?],
            ([], None) => vec![
                Task::rule(&planned.name)
                    .context("say where its files are: with --data, or `data` in the plan")
                    .with_context(place)?,
            ],
            (names, _) => names.iter().map(rule).collect::<Result<_>>().with_context(place)?,
        };
        let longest = planned.longest.unwrap_or(usize::MAX);
        Ok(Self { prefixed: sets.len() > 1, sets, longest })
    }

    /// At most `limit` questions of a split, as many of each set; a lens's, from others than the first `skip` of the pool.
    pub(crate) fn ask(
        &self,
        model: &AnyModel,
        shots: Shots,
        split: Split,
        skip: usize,
        limit: usize,
        seed: u64,
    ) -> Result<Vec<Asked>> {
        let each = |count: usize| count.div_ceil(self.sets.len());
        let params = PromptParams::default()
            .shots(shots.k)
            .longest(self.longest)
            .draw(if shots.share { Draw::Once } else { Draw::EachPrompt })
            .seed(seed);
        let ask = |task: &Task| {
            let (skip, limit) = (each(skip), each(limit));
            let items: Vec<Item> = match split {
                Split::Eval => task.eval.iter().take(limit).cloned().collect(),
                Split::Train => task.pool.iter().take(limit).cloned().collect(),
                // From the end, so that it is the same whatever is trained on.
                Split::Lens => task.pool.iter().skip(skip).rev().take(limit).cloned().collect(),
            };
            let mut asked = Vec::new();
            for prompt in params.prompts(&items, &task.pool)? {
                let mut question = question(&prompt, model)?;
                if self.prefixed {
                    question.id = format!("{} {}", task.name, question.id);
                }
                asked.push((question, prompt.answers));
            }
            Ok(Asked::new(asked, shots.share, model.spec().max_positions))
        };
        self.sets.iter().map(ask).collect()
    }
}

impl Asked {
    fn new(asked: Vec<(Question, Vec<String>)>, share: bool, max: usize) -> Self {
        let all = asked.len();
        let fits = |(question, _): &(Question, _)| question.tokens.len() <= max;
        let (questions, answers): (Vec<Question>, Vec<_>) = asked.into_iter().filter(fits).unzip();
        let shared = match share {
            true => support::shared_prefix(questions.iter().map(|q| q.tokens.as_slice())),
            false => Vec::new(),
        };
        Self { skipped: all - questions.len(), questions, answers, shared }
    }

    /// Tokens that a model runs.
    pub(crate) fn tokens(&self) -> u64 {
        self.questions.iter().map(|question| (question.tokens.len() - self.shared.len()) as u64).sum()
    }
}

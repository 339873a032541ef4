//! Tasks and prompts, for the examples that know them.

use std::path::PathBuf;

use adainfer::eval::{ChatTemplate, Draw, Item, PromptParams, RenderedPrompt, Task, Template};
use anyhow::{Context, Result};

/// The arguments that say how questions become prompts.
#[derive(Debug, clap::Args)]
pub(crate) struct RenderArgs {
    /// The folder of the task, or of tasks
    #[arg(long, value_name = "DIR", requires = "task")]
    data: Option<PathBuf>,
    /// Demonstrations [default: 5]
    #[arg(long, value_name = "K")]
    shots: Option<usize>,
    /// As many demonstrations of each label
    #[arg(long)]
    balanced: bool,
    /// Draw demonstrations once for all prompts; what all prompts begin with is run once, and not timed
    #[arg(long)]
    pub(crate) share: bool,
    /// No demonstration whose question has more characters; the questions that are asked may
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    longest: usize,
    /// A Jinja template for a question, instead of the paper's "Q: {{ input }}\nA:"
    #[arg(long, value_name = "TEMPLATE", requires = "answer")]
    query: Option<String>,
    /// One for its answer, instead of the paper's " {{ label }}"
    #[arg(long, value_name = "TEMPLATE", requires = "query")]
    answer: Option<String>,
    /// At most so many questions
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// What draws the demonstrations [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl RenderArgs {
    /// What draws the demonstrations.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }

    /// An argument that was given and says how a task is rendered, if there is one.
    pub(crate) fn of_tasks(&self) -> Option<&'static str> {
        let given = [
            ("--data", self.data.is_some()),
            ("--shots", self.shots.is_some()),
            ("--balanced", self.balanced),
            ("--longest", self.longest < usize::MAX),
            ("--query", self.query.is_some()),
            ("--seed", self.seed.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// The task of that name: from its files, or else of those that come with the library.
    ///
    /// # Errors
    ///
    /// If there is none, or its files are not as they should be.
    pub(crate) fn task(&self, name: &str) -> Result<Task> {
        match &self.data {
            Some(folder) => Ok(Task::open(name, folder)?),
            None => Task::rule(name).with_context(|| {
                format!("{name:?} does not come with the library: say with --data where it is")
            }),
        }
    }

    /// The prompts of the first questions, up to the limit, with demonstrations from the pool.
    ///
    /// # Errors
    ///
    /// A template that fails, too few demonstrations.
    pub(crate) fn prompts(
        &self,
        questions: &[Item],
        pool: &[Item],
        chat: Option<ChatTemplate>,
    ) -> Result<Vec<RenderedPrompt>> {
        let mut params = PromptParams::default()
            .shots(self.shots.unwrap_or(5))
            .balanced(self.balanced)
            .draw(if self.share { Draw::Once } else { Draw::EachPrompt })
            .longest(self.longest)
            .seed(self.seed());
        if let (Some(query), Some(answer)) = (&self.query, &self.answer) {
            params = params.template(Template::new(query, answer, "\n\n")?);
        }
        if let Some(chat) = chat {
            params = params.chat(chat);
        }
        let limit = self.limit.unwrap_or(usize::MAX).min(questions.len());
        Ok(params.prompts(&questions[..limit], pool)?)
    }
}

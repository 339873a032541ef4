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
    /// Demonstrations
    #[arg(long, value_name = "K", default_value_t = 5)]
    shots: usize,
    /// As many demonstrations of each label
    #[arg(long)]
    balanced: bool,
    /// Draw demonstrations once for all prompts, so that they need to be run only once
    #[arg(long)]
    pub(crate) share: bool,
    /// No demonstration whose question has more characters
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    longest: usize,
    /// A Jinja template for a question; the paper's is "Q: {{ input }}\nA:"
    #[arg(long, value_name = "TEMPLATE", requires = "answer")]
    query: Option<String>,
    /// One for its answer; the paper's is " {{ label }}"
    #[arg(long, value_name = "TEMPLATE", requires = "query")]
    answer: Option<String>,
    /// At most so many questions
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// What draws the demonstrations
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

impl RenderArgs {
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
            .shots(self.shots)
            .balanced(self.balanced)
            .draw(if self.share { Draw::Once } else { Draw::EachPrompt })
            .longest(self.longest)
            .seed(self.seed);
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

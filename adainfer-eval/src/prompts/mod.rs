//! Questions as texts for a model.

mod chat;
mod demonstrations;
mod error;
mod template;

pub use chat::{ChatTemplate, Message};
pub use demonstrations::Draw;
pub use error::PromptError;
pub use template::Template;

use crate::Item;
use demonstrations::Demonstrations;

/// How questions become prompts: demonstrations, each with its answer, and then the question.
///
/// ```
/// use adainfer_eval::{PromptParams, Task};
///
/// let task = Task::rule("plurals").ok_or("it comes with the library")?;
/// let prompts = PromptParams::default().shots(2).prompts(&task.eval, &task.pool)?;
/// assert_eq!(prompts[0].text.matches("\nA: ").count(), 2);
/// assert!(prompts[0].text.ends_with("Q: child\nA:"));
/// assert_eq!(prompts[0].answers, [" children"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PromptParams {
    template: Template,
    chat: Option<ChatTemplate>,
    demonstrations: Demonstrations,
}

impl Default for PromptParams {
    /// The paper's template (section 5.1), with five demonstrations drawn anew for every prompt.
    fn default() -> Self {
        Self { template: Template::default(), chat: None, demonstrations: Demonstrations::default() }
    }
}

impl PromptParams {
    /// How many demonstrations there are.
    pub fn shots(mut self, count: usize) -> Self {
        self.demonstrations.shots = count;
        self
    }

    /// Another template than the paper's.
    pub fn template(mut self, template: Template) -> Self {
        self.template = template;
        self
    }

    /// Each demonstration is what a user says and what the assistant answers: the template's query and answer without the
    /// spaces around them. Its separator has no place then.
    pub fn chat(mut self, template: ChatTemplate) -> Self {
        self.chat = Some(template);
        self
    }

    /// For all prompts once, or anew for every prompt.
    pub fn draw(mut self, draw: Draw) -> Self {
        self.demonstrations.draw = draw;
        self
    }

    /// As many demonstrations of each choice as of any other, but for a rest.
    pub fn balanced(mut self, balanced: bool) -> Self {
        self.demonstrations.balanced = balanced;
        self
    }

    /// No demonstration whose question has more characters.
    pub fn longest(mut self, characters: usize) -> Self {
        self.demonstrations.longest = characters;
        self
    }

    /// What is drawn depends on this and on the items' names: not on their order, nor on the number of threads.
    pub fn seed(mut self, seed: u64) -> Self {
        self.demonstrations.seed = seed;
        self
    }

    /// A prompt for each item, with demonstrations from the pool.
    ///
    /// No item is demonstrated to itself, nor by one of its own article unless drawn once for all. Those that are
    /// demonstrated to all get no prompt. Each prompt takes time in proportion to the pool.
    ///
    /// # Errors
    /// Too few demonstrations, or no choices to balance; a template that fails.
    pub fn prompts(&self, items: &[Item], pool: &[Item]) -> Result<Vec<RenderedPrompt>, PromptError> {
        let shared = match self.demonstrations.draw {
            Draw::Once => Some(self.demonstrations.for_all(pool)?),
            Draw::EachPrompt => None,
        };
        let mut prompts = Vec::with_capacity(items.len());
        for item in items {
            match &shared {
                Some(shown) if shown.iter().any(|demonstration| demonstration.id == item.id) => {}
                Some(shown) => prompts.push(self.render(item, shown, true)?),
                None => prompts.push(self.render(item, &self.demonstrations.for_one(item, pool)?, false)?),
            }
        }
        Ok(prompts)
    }

    fn render(&self, item: &Item, shown: &[&Item], share: bool) -> Result<RenderedPrompt, PromptError> {
        let (before, query) = match &self.chat {
            None => self.template.parts(item, shown)?,
            Some(chat) => chat.parts(&self.template, item, shown)?,
        };
        let answer = |label: &String| {
            let answer = self.template.answer(item, label)?;
            Ok(if self.chat.is_some() { answer.trim().to_owned() } else { answer })
        };
        let answers = item.answers.iter().map(answer).collect::<Result<_, PromptError>>()?;
        let choices = item.choices.iter().map(answer).collect::<Result<_, PromptError>>()?;
        let shared = if share { before.len() } else { 0 };
        let text = before + &query;
        let special = self.chat.is_none();
        Ok(RenderedPrompt {
            id: item.id.clone(),
            text,
            shared,
            special,
            answers,
            choices,
            subject: item.subject.clone(),
        })
    }
}

/// A text for a model, and what it should go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedPrompt {
    /// The item's name.
    pub id: String,
    /// All of it.
    pub text: String,
    /// Bytes that all prompts begin with: the demonstrations, where they are drawn once. A model that runs them once must find
    /// the tokens of the whole text to begin with theirs.
    pub shared: usize,
    /// Whether the tokenizer is to add its special tokens; a chat template has them in its text.
    pub special: bool,
    /// What it should go on with, any of them, as a tokenizer should see it: the paper's answers begin with a space.
    pub answers: Vec<String>,
    /// All that could be answered, where the item has choices.
    pub choices: Vec<String>,
    /// What the item is about.
    pub subject: Option<String>,
}

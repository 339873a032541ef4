/// An answer that is none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the label {label:?} is none of {}", choices.join(", "))]
pub struct NotAChoice {
    /// The answer.
    pub label: String,
    /// The choices.
    pub choices: Vec<String>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name, which should be its own.
    pub id: String,
    /// What is asked.
    pub input: String,
    /// The right answers, any of which will do; the first stands in demonstrations. At least one.
    pub answers: Vec<String>,
    /// What the answer is one of; nothing where it is any text.
    pub choices: Vec<String>,
    /// What it is about: MMLU's subjects.
    pub subject: Option<String>,
    /// The text that it asks about: SQuAD's articles. It is not demonstrated by others of its article.
    pub article: Option<String>,
}

impl Item {
    /// With any text as its answer.
    pub fn new(id: impl Into<String>, input: impl Into<String>, answers: Vec<String>) -> Self {
        Self {
            id: id.into(),
            input: input.into(),
            answers,
            choices: Vec::new(),
            subject: None,
            article: None,
        }
    }

    /// With an answer that is one of these.
    ///
    /// # Errors
    /// [`NotAChoice`].
    pub fn of_choices(mut self, choices: Vec<String>) -> Result<Self, NotAChoice> {
        match self.answers.iter().find(|answer| !choices.contains(answer)) {
            Some(answer) => Err(NotAChoice { label: answer.clone(), choices }),
            None => {
                self.choices = choices;
                Ok(self)
            }
        }
    }

    /// The answer that a demonstration gives.
    pub fn answer(&self) -> &str {
        self.answers.first().map_or("", String::as_str)
    }
}

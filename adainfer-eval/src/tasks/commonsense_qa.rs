use std::path::Path;

use serde::Deserialize;

use super::{Item, Items, TaskError, lines};

#[derive(Deserialize)]
struct Line {
    id: String,
    question: Question,
    #[serde(rename = "answerKey")]
    answer_key: String,
}

#[derive(Deserialize)]
struct Question {
    stem: String,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    label: String,
    text: String,
}

pub(super) fn read(path: &Path) -> Result<Items, TaskError> {
    lines::items(path, |text, _| {
        let Line { id, question, answer_key } =
            serde_json::from_str(text).map_err(|error| lines::column(&error))?;
        let labels = question.choices.iter().map(|choice| choice.label.clone()).collect();
        let options = question.choices.iter().map(|choice| (choice.label.as_str(), choice.text.as_str()));
        Item::new(id, with_options(&question.stem, options), vec![answer_key])
            .of_choices(labels)
            .map_err(|error| error.to_string())
    })
}

/// A question with its options, one a line.
pub(super) fn with_options<'a>(question: &str, options: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    options.fold(question.to_owned(), |text, (label, option)| format!("{text}\n{label}. {option}"))
}

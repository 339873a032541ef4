use std::path::Path;

use serde::Deserialize;

use super::{Item, Items, TaskError, lines};

#[derive(Deserialize)]
struct Line {
    id: Option<Id>,
    input: String,
    label: Label,
    #[serde(default)]
    choices: Vec<String>,
    subject: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "the label is neither a text nor a list of texts")]
enum Label {
    One(String),
    Any(Vec<String>),
}

pub(super) fn read(path: &Path) -> Result<Items, TaskError> {
    lines::items(path, parse)
}

fn parse(text: &str, line: u64) -> Result<Item, String> {
    let Line { id, input, label, choices, subject, title } =
        serde_json::from_str(text).map_err(|error| lines::column(&error))?;
    let answers = match label {
        Label::One(answer) => vec![answer],
        Label::Any(answers) => answers,
    };
    if answers.is_empty() {
        return Err("the list of labels is empty".to_owned());
    }
    let id = match id {
        Some(Id::Text(id)) => id,
        Some(Id::Number(id)) => id.to_string(),
        None => format!("line {line}"),
    };
    let item = Item { subject, article: title, ..Item::new(id, input, answers) };
    if choices.is_empty() { Ok(item) } else { item.of_choices(choices).map_err(|error| error.to_string()) }
}

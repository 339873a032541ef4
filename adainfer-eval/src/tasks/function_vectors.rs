use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::{Item, Items, TaskError, lines};

#[derive(Deserialize)]
struct Pair {
    input: Text,
    output: Text,
}

/// Some sets ask about numbers.
#[derive(Deserialize)]
#[serde(untagged, expecting = "neither a text nor a number")]
enum Text {
    Words(String),
    Number(i64),
}

impl Text {
    fn into_words(self) -> String {
        match self {
            Self::Words(words) => words.trim().to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
}

pub(super) fn read(path: &Path) -> Result<Items, TaskError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    items(&name, path, lines::open(path)?)
}

/// Of a set called so; `path` is for errors.
pub(super) fn items(name: &str, path: &Path, text: impl Read) -> Result<Items, TaskError> {
    let pairs: Vec<Pair> = serde_json::from_reader(text).map_err(|error| TaskError::json(path, &error))?;
    let name = name.to_owned();
    Ok(Box::new(pairs.into_iter().zip(1..).map(move |(Pair { input, output }, i): (_, usize)| {
        Ok(Item::new(format!("{name} {i}"), input.into_words(), vec![output.into_words()]))
    })))
}

use std::path::Path;

use serde::Deserialize;

use super::{Item, Items, TaskError, lines};

#[derive(Deserialize)]
struct Document {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    title: String,
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    id: String,
    question: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
}

pub(super) fn read(path: &Path) -> Result<Items, TaskError> {
    let document: Document =
        serde_json::from_reader(lines::open(path)?).map_err(|error| TaskError::json(path, &error))?;
    Ok(Box::new(document.data.into_iter().flat_map(items).map(Ok)))
}

fn items(article: Article) -> impl Iterator<Item = Item> {
    let Article { title, paragraphs } = article;
    paragraphs.into_iter().flat_map(move |paragraph| {
        let (title, context) = (title.clone(), paragraph.context);
        paragraph.qas.into_iter().filter_map(move |question| item(&title, &context, question))
    })
}

/// `None` where there is no answer.
fn item(title: &str, context: &str, question: Question) -> Option<Item> {
    let Question { id, question, answers } = question;
    let mut texts: Vec<String> = Vec::new();
    for Answer { text } in answers {
        // Annotators often agree.
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let input = format!("Context: {}\nQuestion: {}", context.trim(), question.trim());
    (!texts.is_empty()).then(|| Item { article: Some(title.to_owned()), ..Item::new(id, input, texts) })
}

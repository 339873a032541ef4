use std::path::Path;

use csv::ReaderBuilder;

use super::{Item, Items, TaskError, table};

const LABELS: [&str; 2] = ["negative", "positive"];

pub(super) fn read(path: &Path) -> Result<Items, TaskError> {
    // Quotes are part of the sentences.
    table::items(path, ReaderBuilder::new().delimiter(b'\t').quoting(false), |row| {
        let sentence = row.named("sentence")?.trim();
        let label = match row.named("label")?.trim() {
            "0" => LABELS[0],
            "1" => LABELS[1],
            other => return Err(format!("the label {other:?} is neither 0 nor 1")),
        };
        let id = format!("line {}", row.line);
        Item::new(id, sentence, vec![label.to_owned()])
            .of_choices(LABELS.map(str::to_owned).to_vec())
            .map_err(|error| error.to_string())
    })
}

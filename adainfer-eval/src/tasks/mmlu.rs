use std::path::{Path, PathBuf};

use csv::ReaderBuilder;

use super::commonsense_qa::with_options;
use super::{Item, Items, TaskError, table};

const LETTERS: [&str; 4] = ["A", "B", "C", "D"];

/// A subject's file, or all of a folder in the order of their names.
pub(super) fn read(path: &Path) -> Result<Items, TaskError> {
    if !path.is_dir() {
        return subject(path);
    }
    let entries = std::fs::read_dir(path).map_err(|source| TaskError::io(path, source))?;
    let files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<PathBuf>, _>>();
    let mut files = files.map_err(|source| TaskError::io(path, source))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    Ok(Box::new(files.into_iter().flat_map(|file| match subject(&file) {
        Ok(items) => items,
        Err(error) => Box::new(std::iter::once(Err(error))),
    })))
}

fn subject(path: &Path) -> Result<Items, TaskError> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    // Files are called after the subject and the split.
    let subject = ["_dev", "_val", "_test"].iter().find_map(|split| stem.strip_suffix(split));
    let subject = subject.unwrap_or(&stem).to_owned();
    table::items(path, ReaderBuilder::new().has_headers(false), move |row| {
        let mut options = Vec::new();
        for (i, letter) in LETTERS.into_iter().enumerate() {
            options.push((letter, row.at(i + 1)?.trim()));
        }
        let input = with_options(row.at(0)?.trim(), options.into_iter());
        let answer = row.at(5)?.trim().to_owned();
        let item = Item::new(format!("{stem} {}", row.line), input, vec![answer]);
        let item = Item { subject: Some(subject.clone()), ..item };
        item.of_choices(LETTERS.map(str::to_owned).to_vec()).map_err(|error| error.to_string())
    })
}

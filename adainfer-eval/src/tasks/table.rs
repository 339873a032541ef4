//! Files of columns.

use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord};

use super::{Item, Items, TaskError, lines};

/// What `parse` makes of each row.
pub(super) fn items(
    path: &Path,
    builder: &ReaderBuilder,
    parse: impl Fn(&Row<'_>) -> Result<Item, String> + Send + 'static,
) -> Result<Items, TaskError> {
    let mut reader = builder.from_reader(lines::open(path)?);
    let headers = match reader.has_headers() {
        true => reader.headers().map_err(|error| wrong(path, &error))?.clone(),
        false => StringRecord::new(),
    };
    let path = path.to_owned();
    let mut is_over = false;
    Ok(Box::new(std::iter::from_fn(move || {
        let item = if is_over { None } else { next(&mut reader, &headers, &path, &parse).transpose() };
        is_over = item.as_ref().is_none_or(Result::is_err);
        item
    })))
}

fn next<R: std::io::Read>(
    reader: &mut Reader<R>,
    headers: &StringRecord,
    path: &Path,
    parse: &impl Fn(&Row<'_>) -> Result<Item, String>,
) -> Result<Option<Item>, TaskError> {
    let mut fields = StringRecord::new();
    if !reader.read_record(&mut fields).map_err(|error| wrong(path, &error))? {
        return Ok(None);
    }
    let line = fields.position().map_or(0, csv::Position::line);
    let row = Row { headers, fields: &fields, line };
    parse(&row).map(Some).map_err(|reason| TaskError::line(path, line, reason))
}

fn wrong(path: &Path, error: &csv::Error) -> TaskError {
    match error.kind() {
        csv::ErrorKind::Io(source) => TaskError::io(path, source.kind().into()),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let reason = format!("it has {len} columns where the first line has {expected_len}");
            TaskError::line(path, error.position().map_or(0, csv::Position::line), reason)
        }
        csv::ErrorKind::Utf8 { .. } => {
            TaskError::line(path, error.position().map_or(0, csv::Position::line), "it is not UTF-8")
        }
        _ => TaskError::line(path, error.position().map_or(1, csv::Position::line), error.to_string()),
    }
}

/// A row, and what its columns are called where the file says so.
pub(super) struct Row<'r> {
    headers: &'r StringRecord,
    fields: &'r StringRecord,
    /// Counted from 1.
    pub(super) line: u64,
}

impl Row<'_> {
    /// A column by its place, counted from 0.
    pub(super) fn at(&self, place: usize) -> Result<&str, String> {
        let columns = self.fields.len();
        self.fields.get(place).ok_or_else(|| format!("column {} is missing: it has {columns}", place + 1))
    }

    /// A column by its name.
    pub(super) fn named(&self, name: &str) -> Result<&str, String> {
        match self.headers.iter().position(|header| header.trim() == name) {
            Some(place) => self.at(place),
            None => Err(format!("the file has no column {name:?}")),
        }
    }
}

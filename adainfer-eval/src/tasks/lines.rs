//! Files of lines.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::{Item, Items, TaskError};

/// Lines longer than this are no questions: 1 MiB.
const LONGEST: u64 = 1 << 20;

/// What `parse` makes of each line that is not blank; it is given the line's number, counted from 1.
pub(super) fn items(
    path: &Path,
    parse: impl Fn(&str, u64) -> Result<Item, String> + Send + 'static,
) -> Result<Items, TaskError> {
    let path = path.to_owned();
    let mut lines = Lines { file: open(&path)?, line: 0 };
    let mut is_over = false;
    Ok(Box::new(std::iter::from_fn(move || {
        let found = if is_over { None } else { lines.next(&path) }?;
        let item = found.and_then(|text| {
            parse(&text, lines.line).map_err(|reason| TaskError::line(&path, lines.line, reason))
        });
        is_over = item.is_err();
        Some(item)
    })))
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>, TaskError> {
    Ok(BufReader::new(File::open(path).map_err(|source| TaskError::io(path, source))?))
}

struct Lines {
    file: BufReader<File>,
    line: u64,
}

impl Lines {
    /// The next line that is not blank.
    fn next(&mut self, path: &Path) -> Option<Result<String, TaskError>> {
        loop {
            self.line += 1;
            let mut bytes = Vec::new();
            let limited = &mut std::io::Read::take(&mut self.file, LONGEST + 1);
            match limited.read_until(b'\n', &mut bytes) {
                Err(source) => return Some(Err(TaskError::io(path, source))),
                Ok(0) => return None,
                Ok(length) if length as u64 > LONGEST => {
                    let reason = format!("it is longer than {LONGEST} bytes");
                    return Some(Err(TaskError::line(path, self.line, reason)));
                }
                Ok(_) => {}
            }
            // A byte order mark is no part of the text.
            let mark = usize::from(self.line == 1 && bytes.starts_with(b"\xef\xbb\xbf")) * 3;
            match std::str::from_utf8(&bytes[mark..]) {
                Err(_) => return Some(Err(TaskError::line(path, self.line, "it is not UTF-8"))),
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => return Some(Ok(text.trim_end_matches(['\n', '\r']).to_owned())),
            }
        }
    }
}

/// What is wrong with a line of JSON, and in which column.
pub(super) fn column(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("{reason} (column {})", error.column())
}

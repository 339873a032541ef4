//! Files of JSON: what policies and plans share.

use std::fs::File;
use std::io::{BufWriter, Error, Read};
use std::path::Path;

/// Reads at most so many bytes; `None` where there are more.
pub(crate) fn read_up_to(limit: u64, input: impl Read) -> Result<Option<Vec<u8>>, Error> {
    let mut text = Vec::new();
    input.take(limit.saturating_add(1)).read_to_end(&mut text)?;
    Ok((text.len() as u64 <= limit).then_some(text))
}

/// Writes a file that takes the place of an older one in one step, so that none is left half written.
pub(crate) fn replace<E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = BufWriter::new(File::create(&part)?);
    let written = write(&mut file).and_then(|()| {
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        Ok(std::fs::rename(&part, path)?)
    });
    if written.is_err() {
        // The error that matters is the one that there is.
        let _ = std::fs::remove_file(&part);
    }
    written
}

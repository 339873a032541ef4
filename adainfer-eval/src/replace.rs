use std::fs::File;
use std::io::{BufWriter, Error, IntoInnerError};
use std::path::Path;

/// Writes a file that takes the place of an older one in one step, so that none is left half written.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Error>,
) -> Result<(), Error> {
    let beside = path.with_added_extension("part");
    let written = File::create(&beside).map(BufWriter::new).and_then(|mut file| {
        write(&mut file)?;
        file.into_inner().map_err(IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // Nobody needs half a file; the error that matters is the one that there is.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

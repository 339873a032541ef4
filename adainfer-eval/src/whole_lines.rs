use std::fs::File;
use std::io::{Error, ErrorKind, Read};

/// No file of lines is longer: 1 GiB.
const LONGEST: u64 = 1 << 30;

/// The lines of a file that is written a line at a time. A last one without its end was torn by an interruption: it
/// is cut off the file. (They are bytes, as it may be torn within a character.)
///
/// # Errors
/// Those of the system, and a file that is longer than a GiB.
pub(crate) fn whole_lines(file: &mut File) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    (&mut *file).take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Error::new(ErrorKind::InvalidData, format!("the file is longer than {LONGEST} bytes")));
    }
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < bytes.len() {
        file.set_len(whole as u64)?;
        bytes.truncate(whole);
    }
    Ok(bytes)
}

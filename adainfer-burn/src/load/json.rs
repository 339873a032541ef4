//! JSON files, read within limits, whose errors name the file and the field.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::LoadError;

/// No configuration or shard index of a real model comes near this.
const MAX_BYTES: u64 = 64 << 20;

/// The whole of a text file.
fn read_text(path: &Path) -> Result<String, LoadError> {
    let io = |source| LoadError::Io { path: path.to_path_buf(), source };
    let mut text = String::new();
    File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_BYTES {
        let reason = format!("the file is larger than {MAX_BYTES} bytes");
        return Err(LoadError::Field { path: path.to_path_buf(), field: ".".into(), reason });
    }
    Ok(text)
}

/// Reads `T` from a file that holds one JSON object.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let text = read_text(path)?;
    let wrong = |field: String, reason: String| LoadError::Field { path: path.to_path_buf(), field, reason };
    // A struct would be read from a list too, by the order of its fields.
    if !text.trim_start().starts_with('{') {
        return Err(wrong(".".into(), "not a JSON object".into()));
    }
    let mut json = serde_json::Deserializer::from_str(&text);
    let read = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| wrong(error.path().to_string(), error.inner().to_string()))?;
    json.end().map_err(|error| wrong(".".into(), error.to_string()))?;
    Ok(read)
}

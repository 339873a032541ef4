//! What every configuration is held to, and how it says no.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Dimensions;
use crate::LoadError;

/// No model has more positions; a table of angles for them would still be allocated.
const MAX_POSITIONS: usize = 1 << 24;

/// Heads are 64 to 256 wide; the first table of angles is 8 KiB for each element of that.
const MAX_WIDTH: usize = 1 << 12;

/// What a family calls its sizes in config.json.
pub(super) struct Fields {
    pub(super) layers: &'static str,
    pub(super) hidden: &'static str,
    pub(super) positions: &'static str,
    pub(super) heads: &'static str,
    pub(super) key_value_heads: &'static str,
    pub(super) width: &'static str,
}

/// Reads config.json; errors name the field.
pub(super) fn fields<T: DeserializeOwned>(path: &Path, value: &Value) -> Result<T, LoadError> {
    serde_path_to_error::deserialize(value).map_err(|error| LoadError::Field {
        path: path.to_path_buf(),
        field: error.path().to_string(),
        reason: error.inner().to_string(),
    })
}

/// Every size alone, then those that belong together.
pub(super) fn dimensions(path: &Path, found: &Dimensions, fields: &Fields) -> Result<(), LoadError> {
    let Dimensions { layers, hidden, vocab, max_positions, heads } = found;
    let sizes = [
        (fields.layers, *layers, usize::MAX),
        (fields.hidden, *hidden, usize::MAX),
        (fields.heads, heads.query, usize::MAX),
        (fields.key_value_heads, heads.key_value, usize::MAX),
        (fields.width, heads.width, MAX_WIDTH),
        (fields.positions, *max_positions, MAX_POSITIONS),
    ];
    for (field, found, most) in sizes {
        size(path, field, found, most)?;
    }
    if *vocab < 2 || *vocab > u32::MAX as usize {
        return Err(refuse(path, "vocab_size", vocab, "from 2 to 4294967295"));
    }
    if !heads.query.is_multiple_of(heads.key_value) {
        let must = format!("a divisor of {}, {}", fields.heads, heads.query);
        return Err(refuse(path, fields.key_value_heads, heads.key_value, must));
    }
    // A product that overflows could not be the shape of a tensor.
    if heads.query.checked_mul(heads.width).is_none() {
        return Err(refuse(path, fields.heads, heads.query, "a size that fits memory"));
    }
    Ok(())
}

/// A size from 1 to `most`.
pub(super) fn size(path: &Path, field: &'static str, found: usize, most: usize) -> Result<(), LoadError> {
    if found == 0 {
        return Err(refuse(path, field, found, "at least 1"));
    }
    if found > most { Err(refuse(path, field, found, format!("at most {most}"))) } else { Ok(()) }
}

/// A configuration asks for no more layers than there can be tensors for; held against each other before
/// the list of expected tensors is made, which would be as long.
pub(crate) fn layers(
    path: &Path,
    field: &'static str,
    layers: usize,
    tensors: usize,
    tensors_a_layer: usize,
) -> Result<(), LoadError> {
    let most = tensors / tensors_a_layer + 1;
    if layers > most {
        return Err(refuse(path, field, layers, format!("at most {most}: there are {tensors} tensors")));
    }
    Ok(())
}

/// The width of a head, where it is not said.
pub(super) fn width(
    path: &Path,
    hidden: usize,
    hidden_field: &'static str,
    heads: usize,
    heads_field: &'static str,
) -> Result<usize, LoadError> {
    if heads == 0 || !hidden.is_multiple_of(heads) {
        return Err(refuse(path, heads_field, heads, format!("a divisor of {hidden_field}, {hidden}")));
    }
    Ok(hidden / heads)
}

/// One of the words that a field may hold.
pub(super) fn word(
    path: &Path,
    field: &'static str,
    found: Option<&str>,
    only: &str,
) -> Result<(), LoadError> {
    match found.filter(|found| *found != only) {
        Some(found) => Err(refuse(path, field, found, format!("{only:?}"))),
        None => Ok(()),
    }
}

/// Above 0 and finite.
pub(super) fn positive(path: &Path, field: &'static str, found: f64) -> Result<(), LoadError> {
    if is_positive(found) { Ok(()) } else { Err(refuse(path, field, found, "above 0 and finite")) }
}

/// Above 0 and finite, as an f32 too.
pub(super) fn is_positive(value: f64) -> bool {
    value as f32 > 0.0 && (value as f32).is_finite()
}

pub(super) fn refuse(
    path: &Path,
    field: &'static str,
    found: impl ToString,
    must: impl Into<String>,
) -> LoadError {
    LoadError::Config { path: path.to_path_buf(), field, found: found.to_string(), must: must.into() }
}

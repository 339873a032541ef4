//! Reading models from files.

mod blocks;
mod checkpoint;
mod gguf;
mod hugging_face;
mod json;
mod options;
mod random;
mod safetensors;
mod weights;

pub(crate) use checkpoint::Checkpoint;
use gguf::GgufSource;
use hugging_face::{end_tokens, open_folder};
use json::read_json;
pub use options::LoadOptions;
use random::RandomSource;
pub(crate) use safetensors::SafetensorsFile;
pub(crate) use weights::{Digests, Expected, Source, Weights, fingerprint, tensor};

use std::path::Path;

use adainfer_core::TokenId;

use crate::LoadError;

/// A token that ends a text, if it is one that the model can say: another would be waited for in vain.
pub(crate) fn end_token(
    path: &Path,
    field: &'static str,
    found: u64,
    vocab: usize,
) -> Result<TokenId, LoadError> {
    TokenId::try_from(found).ok().filter(|token| (*token as usize) < vocab).ok_or_else(|| LoadError::Config {
        path: path.to_path_buf(),
        field,
        found: found.to_string(),
        must: format!("below the vocabulary size {vocab}"),
    })
}

/// How far loading has come; passed to the callback of [`LoadOptions::progress`] before each tensor and
/// once at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The tensor that is read next; empty at the end.
    pub tensor: &'a str,
    /// Weights read so far.
    pub done: u64,
    /// Weights there are.
    pub total: u64,
}

//! Reading models from files.

mod gguf;
mod hugging_face;
mod json;
mod safetensors;
mod weights;

pub(crate) use gguf::GgufSource;
pub(crate) use hugging_face::{end_tokens, open_folder};
pub(crate) use json::read_json;
pub(crate) use weights::{Expected, Source, Weights};

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

/// How far loading has come; passed to the callback of
/// [`Model::open_with`](crate::Model::open_with) before each tensor and once at the end.
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

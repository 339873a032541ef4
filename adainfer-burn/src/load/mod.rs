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

//! Families of models. A family is one file here and one line in [`families`].

mod llama;
mod llama_config;

use std::path::Path;

use burn_tensor::Tensor;
use serde_json::Value;

use crate::LoadError;
use crate::cache::LayerCache;
use crate::gguf::Metadata;
use crate::load::Weights;
use crate::ops::{Heads, Ops};
use crate::rope::RopeTable;

/// A decoder whose layers can be run one at a time.
pub(crate) trait Decoder<B: Ops>: Send + Sync + std::fmt::Debug {
    /// Embeddings of these tokens, [positions, hidden]; ids have been checked.
    fn embed(&self, tokens: Tensor<B, 1, burn_tensor::Int>) -> Tensor<B, 2>;

    /// Runs one layer over positions that follow those in `cache`; `parts` asks for its parts.
    fn layer(
        &self,
        index: usize,
        x: Tensor<B, 2>,
        cache: &mut LayerCache<B>,
        rope: &RopeTable<B>,
        parts: bool,
    ) -> LayerOutput<B>;

    /// Final norm and output head: [rows, hidden] to [rows, vocab].
    fn head(&self, x: Tensor<B, 2>) -> Tensor<B, 2>;
}

/// What a layer gives.
pub(crate) struct LayerOutput<B: Ops> {
    /// The next hidden states, [positions, hidden].
    pub(crate) hidden: Tensor<B, 2>,
    /// Where asked for, what attention and MLP added at the last position, [1, hidden] each.
    pub(crate) parts: Option<(Tensor<B, 2>, Tensor<B, 2>)>,
}

/// What all families' configurations say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dimensions {
    pub(crate) layers: usize,
    pub(crate) hidden: usize,
    pub(crate) vocab: usize,
    pub(crate) max_positions: usize,
    pub(crate) heads: Heads,
}

/// A configuration that knows how to become a decoder.
pub(crate) trait Config<B: Ops> {
    /// The dimensions, checked against each other.
    fn dimensions(&self) -> &Dimensions;

    /// Frequencies of the rotary embedding. May read the weights, as some files keep them there.
    fn frequencies(&self, weights: &mut Weights<'_>) -> Result<Vec<f32>, LoadError>;

    /// Checks the tensors and reads them.
    fn load(&self, weights: &mut Weights<'_>, device: &B::Device) -> Result<Box<dyn Decoder<B>>, LoadError>;
}

/// Where a configuration is read from.
pub(crate) enum ConfigSource<'a> {
    /// config.json of a folder.
    Json(&'a Path, &'a Value),
    /// The metadata of a GGUF file, which also says whether a tensor of some name is there.
    Gguf(&'a Path, &'a Metadata, &'a dyn Fn(&str) -> bool),
}

type ReadConfig<B> = fn(&ConfigSource<'_>) -> Result<Box<dyn Config<B>>, LoadError>;

/// The registry: `model_type` in config.json, `general.architecture` in GGUF.
fn families<B: Ops>() -> [(&'static str, ReadConfig<B>); 1] {
    [("llama", |source| Ok(Box::new(llama_config::LlamaConfig::read(source)?)))]
}

/// Reads the configuration of the family that `found` names.
pub(crate) fn read_config<B: Ops>(
    field: &'static str,
    found: &str,
    source: &ConfigSource<'_>,
) -> Result<Box<dyn Config<B>>, LoadError> {
    let known = families::<B>();
    if let Some((_, read)) = known.iter().find(|(name, _)| *name == found) {
        return read(source);
    }
    let (ConfigSource::Json(path, _) | ConfigSource::Gguf(path, ..)) = source;
    let supported = known.map(|(name, _)| name).join(", ");
    Err(LoadError::UnknownModel { path: path.to_path_buf(), field, found: found.to_owned(), supported })
}

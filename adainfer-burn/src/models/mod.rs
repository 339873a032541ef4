//! Families of models. A family is one file here and one line in [`families`].

pub(crate) mod checks;
mod gptj;
mod llama;
mod llama_config;
mod opt;

use std::fmt::Debug;
use std::path::Path;

use burn_tensor::{Int, Tensor};
use serde_json::Value;

use crate::LoadError;
use crate::cache::LayerCache;
use crate::gguf::Metadata;
use crate::load::{Expected, Weights};
use crate::ops::{Heads, Ops};
use crate::rope::RopeTable;
use crate::rows::TokenRows;

/// What turns tokens into the first layer's input.
pub(crate) trait Embedding<B: Ops>: Send + Sync + Debug {
    /// Embeddings of these tokens, [positions, hidden], the first of which is at position `start`; ids
    /// and positions have been checked.
    fn forward(&self, tokens: Tensor<B, 1, Int>, start: usize) -> Tensor<B, 2>;

    /// The rows of all tokens, which a tied head scores with: [vocab, width].
    fn table(&self) -> &TokenRows<B>;
}

/// One layer of a decoder.
pub(crate) trait Layer<B: Ops>: Send + Sync + Debug {
    /// Runs it over positions of some sequences, one sequence after the other, and gives those that are wanted; `parts`
    /// asks for its parts, and then there is one sequence.
    fn forward(&self, x: Tensor<B, 2>, rows: &mut [Rows<'_, B>], parts: bool) -> LayerOutput<B>;
}

/// Rows of a batch: new positions of one sequence.
#[derive(Debug)]
pub(crate) struct Rows<'a, B: Ops> {
    /// How many.
    pub(crate) count: usize,
    /// How many of them, the last ones, are wanted after the layer: all or one.
    pub(crate) wanted: usize,
    /// The positions before them, and they themselves once the layer has run.
    pub(crate) cache: &'a mut LayerCache<B>,
    pub(crate) rope: &'a RopeTable<B>,
}

/// What follows the last layer: its norm, where the model has one, and the scores of all tokens.
pub(crate) trait Head<B: Ops>: Send + Sync + Debug {
    /// The final norm, [rows, hidden] to the same: what linear lenses aim at.
    fn norm(&self, x: Tensor<B, 2>) -> Tensor<B, 2>;

    /// Scores of normed states: [rows, hidden] to [rows, vocab].
    fn score(&self, normed: Tensor<B, 2>) -> Tensor<B, 2>;

    /// What scores these tokens alone: a row of [tokens, hidden] for each, and what is added, [tokens].
    fn rows(&self, tokens: Tensor<B, 1, Int>) -> (Tensor<B, 2>, Option<Tensor<B, 1>>);
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

/// A configuration that knows how to become a decoder, piece by piece: what runs on several devices is
/// loaded from several places.
pub(crate) trait Config<B: Ops> {
    /// The dimensions, checked against each other.
    fn dimensions(&self) -> &Dimensions;

    /// What the configuration calls its number of layers, and how many tensors each has at least.
    fn layer_bound(&self) -> (&'static str, usize);

    /// Every tensor that a checkpoint of this configuration holds.
    fn tensors(&self) -> Vec<Expected>;

    /// Whether a checkpoint may hold this tensor too, which is not read.
    fn surplus(&self, name: &str) -> bool;

    /// Frequencies of the rotary embedding. May read the weights, as some files keep them there.
    fn frequencies(&self, weights: &mut Weights<'_, B>) -> Result<Vec<f32>, LoadError>;

    /// Reads the embedding.
    fn embedding(&self, weights: &mut Weights<'_, B>) -> Result<Box<dyn Embedding<B>>, LoadError>;

    /// Reads a layer, counted from 0.
    fn layer(&self, index: usize, weights: &mut Weights<'_, B>) -> Result<Box<dyn Layer<B>>, LoadError>;

    /// Reads the head. `table` is that of the embedding, for a head that is tied to it, unless it is on
    /// another device.
    fn head(
        &self,
        table: Option<&TokenRows<B>>,
        weights: &mut Weights<'_, B>,
    ) -> Result<Box<dyn Head<B>>, LoadError>;
}

/// The matrix that a head scores with: one of its own, or the embedding's, called `embedding`.
fn head_matrix<B: Ops>(
    embedding: &str,
    tied: bool,
    table: Option<&TokenRows<B>>,
    weights: &mut Weights<'_, B>,
) -> Result<TokenRows<B>, LoadError> {
    let rows = match table.filter(|_| tied) {
        Some(table) => table.clone(),
        None if tied => weights.token_rows(embedding)?,
        None => weights.token_rows(LM_HEAD)?,
    };
    weights.head(rows)
}

/// What every family calls the matrix of a head of its own.
const LM_HEAD: &str = "lm_head.weight";

type Read<B> = Result<Box<dyn Config<B>>, LoadError>;
type ReadJson<B> = fn(&Path, &Value) -> Read<B>;
type ReadGguf<B> = fn(&Path, &Metadata, &HasTensor<'_>) -> Read<B>;

/// A family of models.
struct Family<B: Ops> {
    /// `model_type` in config.json, `general.architecture` in GGUF.
    name: &'static str,
    /// Reads config.json.
    json: ReadJson<B>,
    /// Reads a GGUF file's metadata, where such files are supported.
    gguf: Option<ReadGguf<B>>,
}

/// Whether a file has a tensor of some name.
pub(crate) type HasTensor<'a> = dyn Fn(&str) -> bool + 'a;

/// The registry: one line a family.
#[rustfmt::skip]
fn families<B: Ops>() -> [Family<B>; 5] {
    use {gptj::GptJConfig, llama_config::LlamaConfig, opt::OptConfig};
    [
        Family { name: "llama", json: |p, v| boxed(LlamaConfig::llama(p, v)), gguf: Some(|p, m, t| boxed(LlamaConfig::from_gguf(p, m, t, "llama"))) },
        Family { name: "mistral", json: |p, v| boxed(LlamaConfig::mistral(p, v)), gguf: None },
        Family { name: "qwen2", json: |p, v| boxed(LlamaConfig::qwen2(p, v)), gguf: Some(|p, m, t| boxed(LlamaConfig::from_gguf(p, m, t, "qwen2"))) },
        Family { name: "opt", json: |p, v| boxed(OptConfig::read(p, v)), gguf: None },
        Family { name: "gptj", json: |p, v| boxed(GptJConfig::read(p, v)), gguf: None },
    ]
}

fn boxed<B: Ops>(config: Result<impl Config<B> + 'static, LoadError>) -> Read<B> {
    Ok(Box::new(config?))
}

/// Reads a folder's config.json as the family that it names.
pub(crate) fn read_json_config<B: Ops>(path: &Path, family: &str, value: &Value) -> Read<B> {
    let known = families::<B>();
    match known.iter().find(|known| known.name == family) {
        Some(found) => (found.json)(path, value),
        None => Err(unknown(path, "model_type", family, known.iter())),
    }
}

/// Reads a GGUF file's metadata as the family that it names.
pub(crate) fn read_gguf_config<B: Ops>(
    path: &Path,
    family: &str,
    metadata: &Metadata,
    has: &HasTensor<'_>,
) -> Read<B> {
    let known = families::<B>();
    let found = known.iter().find(|known| known.name == family).and_then(|found| found.gguf);
    match found {
        Some(read) => read(path, metadata, has),
        None => {
            let readable = known.iter().filter(|known| known.gguf.is_some());
            Err(unknown(path, "general.architecture", family, readable))
        }
    }
}

fn unknown<'a, B: Ops>(
    path: &Path,
    field: &'static str,
    found: &str,
    known: impl Iterator<Item = &'a Family<B>>,
) -> LoadError {
    let supported = known.map(|family| family.name).collect::<Vec<_>>().join(", ");
    LoadError::UnknownModel { path: path.to_path_buf(), field, found: found.to_owned(), supported }
}

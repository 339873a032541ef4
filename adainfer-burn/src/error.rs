use std::path::PathBuf;

use adainfer_core::TokenId;
use burn_tensor::backend::ExecutionError;

use crate::DeviceError;
use crate::gguf::GgufError;

/// Why a model could not be opened.
///
/// Every variant names the file; those about a tensor or a field name that too, and the numbers that
/// disagree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Neither a Hugging Face folder nor a GGUF file.
    #[error("{} is not a model: {reason}", path.display())]
    NotAModel {
        /// What was given.
        path: PathBuf,
        /// What was expected.
        reason: &'static str,
    },
    /// The header of a safetensors file is damaged.
    #[error("{} is not a valid safetensors file: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The list of shards is damaged.
    #[error("{} is not a valid shard index: {reason}", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A GGUF file is damaged.
    #[error("{} is not a valid GGUF file", path.display())]
    Gguf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: GgufError,
    },
    /// A family of models that is not supported.
    #[error("{}: unknown {field} {found:?}; supported: {supported}", path.display())]
    UnknownModel {
        /// The file that names it.
        path: PathBuf,
        /// The field that names it.
        field: &'static str,
        /// Its value.
        found: String,
        /// Those there are.
        supported: String,
    },
    /// The configuration is not valid JSON of the expected form.
    #[error("{}: field {field}: {reason}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value of the configuration is out of range or contradicts another.
    #[error("{}: {field} is {found}, but must be {must}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        must: String,
    },
    /// Tensors are missing or left over.
    #[error("{}: {}", path.display(), name_tensors(missing, unexpected))]
    Tensors {
        /// The file or folder.
        path: PathBuf,
        /// Tensors that the configuration asks for and the files lack.
        missing: Vec<String>,
        /// Tensors that the files hold and the configuration does not explain.
        unexpected: Vec<String>,
    },
    /// A tensor's shape contradicts the configuration.
    #[error("{}: tensor {tensor} has shape {found:?}, but the configuration asks for {wanted:?}", path.display())]
    Shape {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        wanted: Vec<usize>,
    },
    /// A tensor is stored in a type that is not a supported float.
    #[error("{}: tensor {tensor} is stored as {found}, but must be F32, F16 or BF16", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its type.
        found: String,
    },
    /// A weight is NaN or infinite.
    #[error("{}: tensor {tensor} holds {value} at element {element}", path.display())]
    NotFinite {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Index of the element, row by row.
        element: usize,
        /// Its value.
        value: f32,
    },
    /// A device map places no layer.
    #[error("{}: the device map is empty", path.display())]
    EmptyDeviceMap {
        /// The file or folder.
        path: PathBuf,
    },
    /// A device map places more layers than there are, or fewer.
    #[error("{}: the device map places {mapped} layers, and the model has {layers}", path.display())]
    DeviceMap {
        /// The file or folder.
        path: PathBuf,
        /// Layers in the map.
        mapped: usize,
        /// Layers of the model.
        layers: usize,
    },
    /// There is no such device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// There is no tokenizer, or it does not fit the model.
    #[cfg(feature = "text")]
    #[error("{}: {reason}", path.display())]
    Tokenizer {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// Why, where another error says.
        #[source]
        source: Option<crate::text::TokenizerError>,
    },
}

fn name_tensors(missing: &[String], unexpected: &[String]) -> String {
    let list = |label: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("{} tensors {label}: {}", names.len(), names.join(", ")))
    };
    [list("missing", missing), list("unexpected", unexpected)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

/// Why a model could not run.
///
/// A [`Session`](adainfer_core::Session) checks its arguments itself, so only [`Device`](Self::Device)
/// comes through it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No token was given.
    #[error("there is no token to embed")]
    Empty,
    /// A token is not in the vocabulary.
    #[error("token {token} is not below the vocabulary size {vocab}")]
    TokenOutOfRange {
        /// The token.
        token: TokenId,
        /// The vocabulary size.
        vocab: usize,
    },
    /// The sequence is longer than the model's positions, or a layer was given more than was embedded.
    #[error("{needed} positions are needed and there are {max}")]
    TooLong {
        /// Positions needed.
        needed: usize,
        /// Positions there are.
        max: usize,
    },
    /// A layer that the model does not have.
    #[error("there is no layer of index {index}: the model has {layers}")]
    NoSuchLayer {
        /// The index, counted from 0.
        index: usize,
        /// The number of layers.
        layers: usize,
    },
    /// A look after a layer for which the lens has no map.
    #[error("the lens cannot look after layer {layer}")]
    NoLook {
        /// The layer, counted from 1.
        layer: usize,
    },
    /// A position that is not among these hidden states.
    #[error("there is no position {position}: there are {positions}")]
    NoSuchPosition {
        /// The position, counted from 0.
        position: usize,
        /// Positions there are.
        positions: usize,
    },
    /// State, hidden states or logits of a model on another backend, or split in another way.
    #[error("what was passed belongs to a model on another backend")]
    OtherBackend,
    /// The device failed, or its result could not be read.
    #[error("the device failed: {0}")]
    Device(String),
}

impl From<ExecutionError> for ModelError {
    fn from(error: ExecutionError) -> Self {
        Self::Device(error.to_string())
    }
}

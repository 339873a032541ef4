//! What a path leads to: a configuration, and where its weights are.

use std::ops::Range;
use std::path::{Path, PathBuf};

use adainfer_core::TokenId;
use serde_json::Value;

use super::{GgufSource, RandomSource, Source, end_token, end_tokens, open_folder, read_json};
use crate::LoadError;
use crate::gguf::{GgufError, GgufFile};
use crate::models::{Config, read_gguf_config, read_json_config};
use crate::ops::Ops;

/// A model whose configuration has been read and whose weights have not.
pub(crate) struct Checkpoint<B: Ops> {
    /// The folder or GGUF file; `None` where no file holds the weights.
    pub(crate) path: Option<PathBuf>,
    pub(crate) family: String,
    pub(crate) config: Box<dyn Config<B>>,
    pub(crate) source: Box<dyn Source>,
    pub(crate) end_tokens: Vec<TokenId>,
}

impl<B: Ops> Checkpoint<B> {
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let kind = std::fs::metadata(path).map_err(|source| LoadError::Io { path: path.into(), source })?;
        if kind.is_dir() { Self::open_folder(path) } else { Self::open_gguf(path) }
    }

    fn open_folder(folder: &Path) -> Result<Self, LoadError> {
        let path = folder.join("config.json");
        let json: Value = read_json(&path)?;
        let family = family(&path, &json)?.to_owned();
        let config = read_json_config(&path, &family, &json)?;
        let end_tokens = end_tokens(folder, config.dimensions().vocab)?;
        let source = Box::new(open_folder(folder)?);
        Ok(Self { path: Some(folder.to_path_buf()), family, config, source, end_tokens })
    }

    fn open_gguf(path: &Path) -> Result<Self, LoadError> {
        let wrong = |source| LoadError::Gguf { path: path.to_path_buf(), source };
        let file = GgufFile::open(path).map_err(|error| match error {
            GgufError::Io(source) => LoadError::Io { path: path.to_path_buf(), source },
            GgufError::BadMagic { .. } => LoadError::NotAModel {
                path: path.to_path_buf(),
                reason: "expected a folder with config.json, or a GGUF file",
            },
            other => wrong(other),
        })?;
        let metadata = file.metadata();
        let family = metadata.string("general.architecture").map_err(wrong)?.unwrap_or_default().to_owned();
        let has = |name: &str| file.tensor(name).is_some();
        let config = read_gguf_config(path, &family, metadata, &has)?;
        let size = config.dimensions();
        let end = metadata.u64("tokenizer.ggml.eos_token_id").map_err(wrong)?;
        let checked = |token| end_token(path, "tokenizer.ggml.eos_token_id", token, size.vocab);
        let end_tokens = end.into_iter().map(checked).collect::<Result<_, _>>()?;
        let source = Box::new(GgufSource::new(path, file, size.heads, family == "llama")?);
        Ok(Self { path: Some(path.to_path_buf()), family, config, source, end_tokens })
    }

    /// A model of this config.json whose weights nobody trained.
    pub(crate) fn random(config: &str, seed: u64) -> Result<Self, LoadError> {
        let path = Path::new("config.json");
        let json: Value = serde_json::from_str(config).map_err(|error| LoadError::Field {
            path: path.to_path_buf(),
            field: ".".to_owned(),
            reason: error.to_string(),
        })?;
        let family = family(path, &json)?.to_owned();
        let config = read_json_config::<B>(path, &family, &json)?;
        let source = Box::new(RandomSource::new(config.tensors(), seed));
        Ok(Self { path: None, family, config, source, end_tokens: Vec::new() })
    }

    /// All layers.
    pub(crate) fn layers(&self) -> Range<usize> {
        0..self.config.dimensions().layers
    }
}

fn family<'a>(path: &Path, json: &'a Value) -> Result<&'a str, LoadError> {
    json.get("model_type").and_then(Value::as_str).ok_or_else(|| LoadError::Field {
        path: path.to_path_buf(),
        field: "model_type".to_owned(),
        reason: "missing, or not a string".to_owned(),
    })
}

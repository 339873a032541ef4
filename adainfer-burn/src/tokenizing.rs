//! The tokenizer of a model, read when text is first needed.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::LoadError;
use crate::gguf::{GgufError, GgufFile};
use crate::text::{GgufVocab, Tokenizer, TokenizerError};

#[derive(Debug)]
pub(crate) struct LazyTokenizer {
    /// The model's folder or GGUF file, if it comes from one.
    path: Option<PathBuf>,
    /// The model's vocabulary, which must hold the tokenizer's.
    vocab: usize,
    read: OnceLock<Tokenizer>,
}

impl LazyTokenizer {
    pub(crate) fn new(path: Option<PathBuf>, vocab: usize) -> Self {
        Self { path, vocab, read: OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Result<&Tokenizer, LoadError> {
        if let Some(tokenizer) = self.read.get() {
            return Ok(tokenizer);
        }
        let (path, read) = match &self.path {
            None => (PathBuf::from("random weights"), Err(None)),
            Some(folder) if folder.is_dir() => {
                let path = folder.join("tokenizer.json");
                let read = if path.exists() { Tokenizer::from_file(&path).map_err(Some) } else { Err(None) };
                (path, read)
            }
            Some(file) => (file.clone(), from_gguf(file)?.map_err(Some)),
        };
        let tokenizer = read.map_err(|source| {
            let reason =
                if source.is_some() { "the tokenizer cannot be used" } else { "there is no tokenizer" };
            LoadError::Tokenizer { path: path.clone(), reason: reason.to_owned(), source }
        })?;
        let size = tokenizer.vocab_size();
        if size > self.vocab {
            let reason = format!("the tokenizer has {size} tokens and the model {}", self.vocab);
            return Err(LoadError::Tokenizer { path, reason, source: None });
        }
        Ok(self.read.get_or_init(|| tokenizer))
    }
}

/// The vocabulary in a GGUF file's metadata; the outer error is about the file.
fn from_gguf(path: &Path) -> Result<Result<Tokenizer, TokenizerError>, LoadError> {
    let vocab = read_vocab(path).map_err(|source| LoadError::Gguf { path: path.to_path_buf(), source })?;
    Ok(Tokenizer::from_gguf(vocab))
}

fn read_vocab(path: &Path) -> Result<GgufVocab, GgufError> {
    let mut file = GgufFile::open(path)?;
    let tokens = file.metadata_mut().take_strings("tokenizer.ggml.tokens")?.unwrap_or_default();
    let merges = file.metadata_mut().take_strings("tokenizer.ggml.merges")?;
    let metadata = file.metadata();
    let string = |key: &str| metadata.string(key).map(|s| s.map(str::to_owned));
    let token = |key: &str| {
        let (wanted, found) = ("a token", "an integer too large for one");
        let wrong = |_| GgufError::WrongType { key: key.to_owned(), wanted, found };
        metadata.u64(key)?.map(u32::try_from).transpose().map_err(wrong)
    };
    Ok(GgufVocab {
        model: string("tokenizer.ggml.model")?.unwrap_or_default(),
        pre: string("tokenizer.ggml.pre")?,
        tokens,
        scores: metadata.f32s("tokenizer.ggml.scores")?.map(<[f32]>::to_vec),
        token_types: metadata.i32s("tokenizer.ggml.token_type")?.map(|types| types.to_vec()),
        merges,
        bos: token("tokenizer.ggml.bos_token_id")?,
        eos: token("tokenizer.ggml.eos_token_id")?,
        unknown: token("tokenizer.ggml.unknown_token_id")?,
        add_bos: metadata.bool("tokenizer.ggml.add_bos_token")?,
        add_eos: metadata.bool("tokenizer.ggml.add_eos_token")?,
        add_space_prefix: metadata.bool("tokenizer.ggml.add_space_prefix")?,
    })
}

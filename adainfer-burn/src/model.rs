use std::path::Path;

use adainfer_core::{ModelSpec, TokenId};
use serde_json::Value;

use crate::gguf::{GgufError, GgufFile};
use crate::load::{GgufSource, Source, Weights, end_token, end_tokens, open_folder, read_json};
use crate::models::{Config, Decoder, read_gguf_config, read_json_config};
use crate::ops::Ops;
use crate::rope::RopeTable;
use crate::{LoadError, Progress};

/// A language model on a device, opened from a Hugging Face folder or a GGUF file.
///
/// It never changes; what a sequence computes is its own [`State`](crate::State). Weights are f32
/// whatever they were stored as.
#[derive(Debug)]
pub struct Model<B: Ops> {
    pub(crate) decoder: Box<dyn Decoder<B>>,
    pub(crate) spec: ModelSpec,
    pub(crate) frequencies: Vec<f32>,
    /// Angles of the first positions; a sequence that outgrows them makes its own.
    pub(crate) rope: RopeTable<B>,
    pub(crate) device: B::Device,
    end_tokens: Vec<TokenId>,
    #[cfg(feature = "text")]
    text: crate::tokenizing::LazyTokenizer,
}

impl<B: Ops> Model<B> {
    /// Opens a model.
    ///
    /// `path` is a folder with config.json and model.safetensors or its shards (tokenizer.json and
    /// generation_config.json are used if there), or a GGUF file.
    ///
    /// # Errors
    /// [`LoadError`] names the file, and the field or tensor that is wrong in it. Nothing is allocated
    /// beyond what the file's size justifies.
    pub fn open(path: impl AsRef<Path>, device: &B::Device) -> Result<Self, LoadError> {
        Self::open_with(path, device, &mut |_| {})
    }

    /// As [`open`](Self::open), reporting before each tensor how much has been read.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        path: impl AsRef<Path>,
        device: &B::Device,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let _span = tracing::info_span!("open", path = %path.display()).entered();
        let kind = std::fs::metadata(path).map_err(|source| LoadError::Io { path: path.into(), source })?;
        if kind.is_dir() {
            Self::open_folder(path, device, progress)
        } else {
            Self::open_gguf(path, device, progress)
        }
    }

    fn open_folder(
        folder: &Path,
        device: &B::Device,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, LoadError> {
        let path = folder.join("config.json");
        let json: Value = read_json(&path)?;
        let Some(family) = json.get("model_type").and_then(Value::as_str) else {
            let reason = "missing, or not a string".to_owned();
            return Err(LoadError::Field { path, field: "model_type".to_owned(), reason });
        };
        let config = read_json_config(&path, family, &json)?;
        let end_tokens = end_tokens(folder, config.dimensions().vocab)?;
        let source = Box::new(open_folder(folder)?);
        Self::load(folder, family, config.as_ref(), source, end_tokens, device, progress)
    }

    fn open_gguf(
        path: &Path,
        device: &B::Device,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, LoadError> {
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
        Self::load(path, &family, config.as_ref(), source, end_tokens, device, progress)
    }

    fn load(
        path: &Path,
        family: &str,
        config: &dyn Config<B>,
        source: Box<dyn Source>,
        end_tokens: Vec<TokenId>,
        device: &B::Device,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, LoadError> {
        B::prepare();
        let mut weights = Weights::new(source, progress);
        let decoder = config.load(&mut weights, device)?;
        let frequencies = config.frequencies(&mut weights)?;
        let size = config.dimensions();
        check_angles(path, &frequencies, size.max_positions)?;
        let fingerprint = weights.fingerprint(&format!("{family} {size:?} {frequencies:?}"));
        tracing::debug!(layers = size.layers, %fingerprint, "model loaded");
        Ok(Self {
            decoder,
            spec: ModelSpec::new(size.layers, size.vocab, size.max_positions, fingerprint),
            rope: RopeTable::new(&frequencies, 0, device),
            frequencies,
            device: device.clone(),
            end_tokens,
            #[cfg(feature = "text")]
            text: crate::tokenizing::LazyTokenizer::new(path, size.vocab),
        })
    }

    /// The tokens that end a text: of generation_config.json, config.json or the GGUF metadata.
    pub fn end_tokens(&self) -> &[TokenId] {
        &self.end_tokens
    }

    /// Where the model's tensors are.
    pub fn device(&self) -> &B::Device {
        &self.device
    }

    /// Text in and out.
    ///
    /// Read at the first call, and kept; a model without a tokenizer opens, and fails here.
    ///
    /// # Errors
    /// [`LoadError::Tokenizer`] where there is none, it is damaged, or it has more tokens than the
    /// model.
    #[cfg(feature = "text")]
    pub fn tokenizer(&self) -> Result<&crate::text::Tokenizer, LoadError> {
        self.text.get()
    }
}

/// The rotary embedding is the cosine of a frequency times a position: infinity has none.
fn check_angles(path: &Path, frequencies: &[f32], positions: usize) -> Result<(), LoadError> {
    let good = |f: &f32| *f >= 0.0 && (f * positions as f32).is_finite();
    let Some((i, found)) = frequencies.iter().enumerate().find(|(_, f)| !good(f)) else { return Ok(()) };
    Err(LoadError::Config {
        path: path.to_path_buf(),
        field: "the scaling of the rotary frequencies",
        found: format!("{found} at frequency {i}"),
        must: format!("at least 0, and finite at all {positions} positions"),
    })
}

// A model serves many threads.
#[cfg(feature = "flex")]
const _: fn() = || {
    fn shared<T: Send + Sync + adainfer_core::LayeredModel>() {}
    shared::<Model<crate::backend::Flex>>();
};

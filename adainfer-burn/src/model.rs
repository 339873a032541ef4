use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use adainfer_core::{ModelSpec, TokenId};

use crate::lens::PlacedLens;
use crate::load::{Checkpoint, Digests, Weights, fingerprint};
use crate::models::{Config, Embedding, Head, Layer, checks};
use crate::ops::Ops;
use crate::rope::RopeTable;
use crate::{DeviceError, Dtype, LoadError, LoadOptions, WeightFormat};

/// A language model on a device, opened from a Hugging Face folder or a GGUF file.
///
/// It never changes; what a sequence computes is its own [`State`](crate::State). Weights and activations
/// are in the number format of [`LoadOptions::dtype`], whatever the files hold. A clone shares the weights.
#[derive(Debug, Clone)]
pub struct Model<B: Ops> {
    /// `None` in a part of a model that does not begin it.
    pub(crate) embedding: Option<Arc<dyn Embedding<B>>>,
    pub(crate) layers: Arc<[Box<dyn Layer<B>>]>,
    /// Index of the first of them in the whole model.
    pub(crate) first: usize,
    pub(crate) head: Arc<dyn Head<B>>,
    /// What stands before the head after each layer but the last; `None` for the final norm alone.
    pub(crate) lens: Option<Arc<PlacedLens<B>>>,
    /// Of the whole model, and of the lens.
    pub(crate) spec: ModelSpec,
    pub(crate) hidden: usize,
    pub(crate) frequencies: Arc<[f32]>,
    /// Angles of the first positions; a sequence that outgrows them makes its own.
    pub(crate) rope: RopeTable<B>,
    pub(crate) device: B::Device,
    pub(crate) dtype: Dtype,
    pub(crate) identity: Arc<Identity>,
    end_tokens: Arc<[TokenId]>,
    #[cfg(feature = "text")]
    text: Arc<crate::tokenizing::LazyTokenizer>,
}

/// What a fingerprint is made of.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) architecture: String,
    pub(crate) digests: Digests,
}

impl<B: Ops> Model<B> {
    /// Opens a model, in f32.
    ///
    /// `path` is a folder with config.json and model.safetensors or its shards (tokenizer.json and
    /// generation_config.json are used if there), or a GGUF file.
    ///
    /// # Errors
    /// [`LoadError`] names the file, and the field or tensor that is wrong in it. Nothing is allocated
    /// beyond what the file's size justifies. A device without room for the weights is an error where
    /// burn reports it (CUDA and WGPU do when the device is next waited for, which is before this
    /// returns) and an abort where the operating system ends the process.
    pub fn open(path: impl AsRef<Path>, device: &B::Device) -> Result<Self, LoadError> {
        Self::open_with(path, device, LoadOptions::new())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`LoadError::Device`] where the device does not compute in the number
    /// format.
    pub fn open_with(
        path: impl AsRef<Path>,
        device: &B::Device,
        options: LoadOptions<'_>,
    ) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let _span = tracing::info_span!("open", path = %path.display()).entered();
        let checkpoint = Checkpoint::open(path)?;
        let all = checkpoint.layers();
        Self::load(checkpoint, all, device, options)
    }

    /// Opens some of a model's layers, as one part of those that a device map places.
    pub(crate) fn open_part(
        path: &Path,
        part: Range<usize>,
        mapped: usize,
        device: &B::Device,
        options: LoadOptions<'_>,
    ) -> Result<Self, LoadError> {
        let checkpoint = Checkpoint::open(path)?;
        let layers = checkpoint.layers().len();
        if mapped != layers {
            return Err(LoadError::DeviceMap { path: path.to_path_buf(), mapped, layers });
        }
        Self::load(checkpoint, part, device, options)
    }

    /// A model of a shape with weights that nobody trained: what a config.json with this text describes,
    /// and the same numbers for the same seed. For measuring what models cost that are not at hand.
    ///
    /// # Errors
    /// As [`open`](Self::open), for what is wrong in the configuration. Its sizes are believed, as there is
    /// no file to hold them against.
    pub fn with_random_weights(
        config: &str,
        seed: u64,
        device: &B::Device,
        options: LoadOptions<'_>,
    ) -> Result<Self, LoadError> {
        let checkpoint = Checkpoint::random(config, seed)?;
        let all = checkpoint.layers();
        Self::load(checkpoint, all, device, options)
    }

    /// Reads the layers of `part`; the embedding if they begin the model; and the head, so that a look
    /// never leaves the device.
    fn load(
        checkpoint: Checkpoint<B>,
        part: Range<usize>,
        device: &B::Device,
        options: LoadOptions<'_>,
    ) -> Result<Self, LoadError> {
        let dtype = options.dtype;
        if !B::computes_in(dtype, device) {
            return Err(DeviceError::Dtype { device: B::name(device), dtype }.into());
        }
        B::prepare();
        B::in_order(|| Self::load_in_order(checkpoint, part, device, options))
    }

    fn load_in_order(
        checkpoint: Checkpoint<B>,
        part: Range<usize>,
        device: &B::Device,
        options: LoadOptions<'_>,
    ) -> Result<Self, LoadError> {
        let Checkpoint { family, config, source, end_tokens, .. } = checkpoint;
        let (size, dtype) = (config.dimensions(), options.dtype);
        // Devices that multiply floats only compute the same in any format.
        let (weight_format, screened) = match B::multiplies_blocks() {
            true => (options.weights, options.screened_head),
            false => (WeightFormat::Float, false),
        };
        let mut weights = Weights::new(source, device, options);
        checked(config.as_ref(), &mut weights)?;
        let frequencies = config.frequencies(&mut weights)?;
        check_angles(&weights.path(), &frequencies, size.max_positions)?;
        let embedding = if part.start == 0 { Some(config.embedding(&mut weights)?) } else { None };
        let layers = part.clone().map(|index| config.layer(index, &mut weights)).collect::<Result<_, _>>()?;
        let head = config.head(embedding.as_ref().map(|e| e.table()), &mut weights)?;
        let held = match weight_format {
            WeightFormat::Float if screened => " screened".to_owned(),
            WeightFormat::Float => String::new(),
            rounded => format!(" {rounded}"),
        };
        let architecture = format!("{family} {size:?} {frequencies:?}{held}");
        let identity = Identity { architecture, digests: weights.finish() };
        let fingerprint = fingerprint(&identity.architecture, &identity.digests);
        tracing::debug!(layers = part.len(), %fingerprint, "model loaded");
        let rope = RopeTable::new(&frequencies, 0, device, dtype);
        // Work is queued until now; what failed comes out here.
        B::sync(device).map_err(|error| DeviceError::Failed { reason: error.to_string() })?;
        Ok(Self {
            embedding: embedding.map(Arc::from),
            layers,
            first: part.start,
            head: Arc::from(head),
            lens: None,
            spec: ModelSpec::new(size.layers, size.vocab, size.max_positions, fingerprint),
            hidden: size.hidden,
            rope,
            frequencies: frequencies.into(),
            device: device.clone(),
            dtype,
            identity: Arc::new(identity),
            end_tokens: end_tokens.into(),
            #[cfg(feature = "text")]
            text: Arc::new(crate::tokenizing::LazyTokenizer::new(checkpoint.path, size.vocab)),
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

    /// The number format of weights and activations.
    pub fn dtype(&self) -> Dtype {
        self.dtype
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

/// Holds the tensors that there are against those that the configuration asks for.
fn checked<B: Ops>(config: &dyn Config<B>, weights: &mut Weights<'_, B>) -> Result<(), LoadError> {
    let (field, tensors_a_layer) = config.layer_bound();
    checks::layers(&weights.path(), field, config.dimensions().layers, weights.count(), tensors_a_layer)?;
    weights.check(&config.tensors(), |name| config.surplus(name))
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

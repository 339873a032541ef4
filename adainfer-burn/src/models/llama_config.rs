//! The configuration of Llama and its relatives, as config.json and as GGUF say it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::checks::{self, Fields, is_positive, refuse};
use super::{Dimensions, HasTensor};
use crate::LoadError;
use crate::gguf::Metadata;
use crate::ops::Heads;
use crate::rope::RopeScaling;

const FIELDS: Fields = Fields {
    layers: "num_hidden_layers",
    hidden: "hidden_size",
    positions: "max_position_embeddings",
    heads: "num_attention_heads",
    key_value_heads: "num_key_value_heads",
    width: "head_dim",
};

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LlamaConfig {
    pub(crate) path: PathBuf,
    pub(crate) dimensions: Dimensions,
    pub(crate) intermediate: usize,
    pub(crate) epsilon: f64,
    pub(crate) theta: f64,
    pub(crate) scaling: RopeScaling,
    pub(crate) tied: bool,
    /// Queries, keys and values have biases.
    pub(crate) qkv_bias: bool,
    /// What follows attention has a bias.
    pub(crate) output_bias: bool,
    pub(crate) mlp_bias: bool,
}

/// config.json, with the rotary fields in both styles that are found.
#[derive(Deserialize)]
struct Json {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    rope_scaling: Option<JsonRope>,
    rope_parameters: Option<JsonRope>,
    hidden_act: Option<String>,
    sliding_window: Option<usize>,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
}

/// `rope_parameters` of newer files and `rope_scaling` of older ones.
#[derive(Default, Deserialize)]
struct JsonRope {
    rope_type: Option<String>,
    /// What `rope_type` was once called; some files say both.
    #[serde(rename = "type")]
    old_type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
}

impl LlamaConfig {
    pub(super) fn llama(path: &Path, value: &Value) -> Result<Self, LoadError> {
        Self::from_json(path, &checks::fields(path, value)?)?.checked()
    }

    /// Llama whose attention sees a window of the last positions. The window is not applied: within its
    /// length the model is the same without, and longer texts are refused.
    pub(super) fn mistral(path: &Path, value: &Value) -> Result<Self, LoadError> {
        let json: Json = checks::fields(path, value)?;
        Self::from_json(path, &json)?.within(json.sliding_window)?.checked()
    }

    /// Llama with biases on queries, keys and values, and a window if `use_sliding_window` says so.
    pub(super) fn qwen2(path: &Path, value: &Value) -> Result<Self, LoadError> {
        let json: Json = checks::fields(path, value)?;
        let window = json.sliding_window.filter(|_| json.use_sliding_window);
        Self { qkv_bias: true, ..Self::from_json(path, &json)?.within(window)? }.checked()
    }

    fn within(mut self, window: Option<usize>) -> Result<Self, LoadError> {
        if let Some(window) = window {
            checks::size(&self.path, "sliding_window", window, usize::MAX)?;
            self.dimensions.max_positions = self.dimensions.max_positions.min(window);
        }
        Ok(self)
    }

    fn from_json(path: &Path, json: &Json) -> Result<Self, LoadError> {
        checks::word(path, "hidden_act", json.hidden_act.as_deref(), "silu")?;
        let rope = json.rope_parameters.as_ref().or(json.rope_scaling.as_ref());
        let theta = rope.and_then(|rope| rope.rope_theta).or(json.rope_theta).unwrap_or(10_000.0);
        let width = match json.head_dim {
            Some(width) => width,
            None => {
                let (hidden, heads) = (FIELDS.hidden, FIELDS.heads);
                checks::width(path, json.hidden_size, hidden, json.num_attention_heads, heads)?
            }
        };
        let key_value = json.num_key_value_heads.unwrap_or(json.num_attention_heads);
        Ok(Self {
            path: path.to_path_buf(),
            dimensions: Dimensions {
                layers: json.num_hidden_layers,
                hidden: json.hidden_size,
                vocab: json.vocab_size,
                max_positions: json.max_position_embeddings,
                heads: Heads { query: json.num_attention_heads, key_value, width },
            },
            intermediate: json.intermediate_size,
            epsilon: json.rms_norm_eps,
            theta,
            scaling: rope.map_or(Ok(RopeScaling::None), |rope| rope.scaling(path))?,
            tied: json.tie_word_embeddings,
            qkv_bias: json.attention_bias,
            output_bias: json.attention_bias,
            mlp_bias: json.mlp_bias,
        })
    }

    pub(super) fn from_gguf(
        path: &Path,
        metadata: &Metadata,
        has: &HasTensor<'_>,
        architecture: &'static str,
    ) -> Result<Self, LoadError> {
        let gguf = Keys { path, metadata, architecture };
        let (hidden, query) = (gguf.size("embedding_length")?, gguf.size("attention.head_count")?);
        let width = match gguf.optional_size("attention.key_length")? {
            Some(width) => width,
            None => checks::width(path, hidden, FIELDS.hidden, query, FIELDS.heads)?,
        };
        // The rotary embedding covers whole heads; a file that says otherwise is another model.
        if let Some(found) = gguf.optional_size("rope.dimension_count")?.filter(|n| *n != width) {
            let field = match architecture {
                "qwen2" => "qwen2.rope.dimension_count",
                _ => "llama.rope.dimension_count",
            };
            return Err(refuse(path, field, found, format!("the head width {width}")));
        }
        let config = Self {
            path: path.to_path_buf(),
            dimensions: Dimensions {
                layers: gguf.size("block_count")?,
                hidden,
                vocab: gguf.vocab()?,
                max_positions: gguf.size("context_length")?,
                heads: Heads {
                    query,
                    key_value: gguf.optional_size("attention.head_count_kv")?.unwrap_or(query),
                    width,
                },
            },
            intermediate: gguf.size("feed_forward_length")?,
            epsilon: gguf
                .float("attention.layer_norm_rms_epsilon")?
                .ok_or_else(|| gguf.missing("attention.layer_norm_rms_epsilon"))?,
            theta: gguf.float("rope.freq_base")?.unwrap_or(10_000.0),
            scaling: gguf.scaling(has("rope_freqs.weight"))?,
            tied: !has("output.weight"),
            qkv_bias: has("blk.0.attn_q.bias"),
            output_bias: has("blk.0.attn_output.bias"),
            mlp_bias: has("blk.0.ffn_gate.bias"),
        };
        config.within(gguf.optional_size("attention.sliding_window")?)?.checked()
    }

    fn checked(self) -> Result<Self, LoadError> {
        checks::dimensions(&self.path, &self.dimensions, &FIELDS)?;
        checks::size(&self.path, "intermediate_size", self.intermediate, usize::MAX)?;
        let width = self.dimensions.heads.width;
        if !width.is_multiple_of(2) {
            return Err(refuse(&self.path, FIELDS.width, width, "even, for the rotary embedding"));
        }
        checks::positive(&self.path, "rms_norm_eps", self.epsilon)?;
        checks::positive(&self.path, "rope_theta", self.theta)?;
        Ok(self)
    }
}

impl JsonRope {
    fn scaling(&self, path: &Path) -> Result<RopeScaling, LoadError> {
        let number = |field, value: Option<f64>| match value {
            Some(value) if is_positive(value) => Ok(value),
            Some(value) => Err(refuse(path, field, value, "above 0 and finite")),
            None => Err(refuse(path, field, "missing", "there for this rope_type")),
        };
        match self.rope_type.as_deref().or(self.old_type.as_deref()).unwrap_or("default") {
            "default" => Ok(RopeScaling::None),
            "linear" => Ok(RopeScaling::Linear { factor: number("rope_scaling.factor", self.factor)? }),
            "llama3" => {
                let low = number("rope_scaling.low_freq_factor", self.low_freq_factor)?;
                let high = number("rope_scaling.high_freq_factor", self.high_freq_factor)?;
                if high <= low {
                    let must = format!("above low_freq_factor, {low}");
                    return Err(refuse(path, "rope_scaling.high_freq_factor", high, must));
                }
                let field = "rope_scaling.original_max_position_embeddings";
                Ok(RopeScaling::Llama3 {
                    factor: number("rope_scaling.factor", self.factor)?,
                    low_frequency_factor: low,
                    high_frequency_factor: high,
                    original_positions: number(field, self.original_max_position_embeddings)?,
                })
            }
            other => {
                Err(refuse(path, "rope_scaling.rope_type", format!("{other:?}"), "default, linear or llama3"))
            }
        }
    }
}

/// The keys of a GGUF file that begin with its architecture.
struct Keys<'a> {
    path: &'a Path,
    metadata: &'a Metadata,
    architecture: &'static str,
}

impl Keys<'_> {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn optional_size(&self, key: &str) -> Result<Option<usize>, LoadError> {
        let found = self.metadata.u64(&self.key(key)).map_err(|source| self.wrong(source))?;
        found
            .map(|n| usize::try_from(n).map_err(|_| self.field(key, format!("{n} does not fit"))))
            .transpose()
    }

    fn size(&self, key: &str) -> Result<usize, LoadError> {
        self.optional_size(key)?.ok_or_else(|| self.missing(key))
    }

    fn float(&self, key: &str) -> Result<Option<f64>, LoadError> {
        let found = self.metadata.f32(&self.key(key)).map_err(|source| self.wrong(source))?;
        Ok(found.map(f64::from))
    }

    /// The vocabulary's size: said, or else the number of tokens listed.
    fn vocab(&self) -> Result<usize, LoadError> {
        if let Some(size) = self.optional_size("vocab_size")? {
            return Ok(size);
        }
        let tokens = self.metadata.strings("tokenizer.ggml.tokens").map_err(|source| self.wrong(source))?;
        tokens.map(<[String]>::len).ok_or_else(|| self.missing("vocab_size"))
    }

    fn scaling(&self, factors: bool) -> Result<RopeScaling, LoadError> {
        // The factors themselves are a tensor, read with the weights.
        if factors {
            return Ok(RopeScaling::Factors(Vec::new()));
        }
        let kind =
            self.metadata.string(&self.key("rope.scaling.type")).map_err(|source| self.wrong(source))?;
        let kind = kind.filter(|kind| *kind != "none");
        let (rope_type, factor) = (kind.map(str::to_owned), self.float("rope.scaling.factor")?);
        JsonRope { rope_type, factor, ..JsonRope::default() }.scaling(self.path)
    }

    fn missing(&self, key: &str) -> LoadError {
        self.field(key, "missing".to_owned())
    }

    fn field(&self, key: &str, reason: String) -> LoadError {
        LoadError::Field { path: self.path.to_path_buf(), field: self.key(key), reason }
    }

    fn wrong(&self, source: crate::gguf::GgufError) -> LoadError {
        LoadError::Gguf { path: self.path.to_path_buf(), source }
    }
}

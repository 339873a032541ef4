//! Llama's configuration, as config.json and as GGUF say it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{ConfigSource, Dimensions};
use crate::LoadError;
use crate::gguf::Metadata;
use crate::ops::Heads;
use crate::rope::RopeScaling;

/// No model of this kind has more positions; a table of angles for them would still be allocated.
const MAX_POSITIONS: usize = 1 << 24;

/// Heads are 64 to 256 wide; the first table of angles is 8 KiB for each element of that.
const MAX_WIDTH: usize = 1 << 12;

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
    pub(crate) attention_bias: bool,
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
    pub(crate) fn read(source: &ConfigSource<'_>) -> Result<Self, LoadError> {
        let config = match source {
            ConfigSource::Json(path, value) => Self::from_json(path, value)?,
            ConfigSource::Gguf(path, metadata, has) => Self::from_gguf(path, metadata, *has)?,
        };
        config.check()?;
        Ok(config)
    }

    fn from_json(path: &Path, value: &Value) -> Result<Self, LoadError> {
        let json: Json = serde_path_to_error::deserialize(value).map_err(|error| LoadError::Field {
            path: path.to_path_buf(),
            field: error.path().to_string(),
            reason: error.inner().to_string(),
        })?;
        if let Some(activation) = json.hidden_act.as_deref().filter(|name| *name != "silu") {
            return Err(refuse(path, "hidden_act", activation, "\"silu\""));
        }
        let rope = json.rope_parameters.as_ref().or(json.rope_scaling.as_ref());
        let theta = rope.and_then(|rope| rope.rope_theta).or(json.rope_theta).unwrap_or(10_000.0);
        let width = match json.head_dim {
            Some(width) => width,
            None => divide(path, json.hidden_size, json.num_attention_heads)?,
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
            attention_bias: json.attention_bias,
            mlp_bias: json.mlp_bias,
        })
    }

    fn from_gguf(path: &Path, metadata: &Metadata, has: &dyn Fn(&str) -> bool) -> Result<Self, LoadError> {
        let gguf = Keys { path, metadata };
        let (hidden, query) = (gguf.size("embedding_length")?, gguf.size("attention.head_count")?);
        let width = match gguf.optional_size("attention.key_length")? {
            Some(width) => width,
            None => divide(path, hidden, query)?,
        };
        // The rotary embedding covers whole heads; a file that says otherwise is another model.
        if let Some(found) = gguf.optional_size("rope.dimension_count")?.filter(|n| *n != width) {
            return Err(refuse(path, "llama.rope.dimension_count", found, format!("the head width {width}")));
        }
        Ok(Self {
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
            attention_bias: has("blk.0.attn_q.bias"),
            mlp_bias: has("blk.0.ffn_gate.bias"),
        })
    }

    /// Every number alone, then those that belong together.
    fn check(&self) -> Result<(), LoadError> {
        let Dimensions { layers, hidden, vocab, max_positions, heads } = &self.dimensions;
        let sizes = [
            ("num_hidden_layers", *layers, usize::MAX),
            ("hidden_size", *hidden, usize::MAX),
            ("intermediate_size", self.intermediate, usize::MAX),
            ("num_attention_heads", heads.query, usize::MAX),
            ("num_key_value_heads", heads.key_value, usize::MAX),
            ("head_dim", heads.width, MAX_WIDTH),
            ("max_position_embeddings", *max_positions, MAX_POSITIONS),
        ];
        for (field, found, most) in sizes {
            if found == 0 || found > most {
                let must = if found == 0 { "at least 1".to_owned() } else { format!("at most {most}") };
                return Err(refuse(&self.path, field, found, must));
            }
        }
        if *vocab < 2 || *vocab > u32::MAX as usize {
            return Err(refuse(&self.path, "vocab_size", vocab, "from 2 to 4294967295"));
        }
        if !heads.query.is_multiple_of(heads.key_value) {
            let must = format!("a divisor of num_attention_heads, {}", heads.query);
            return Err(refuse(&self.path, "num_key_value_heads", heads.key_value, must));
        }
        if !heads.width.is_multiple_of(2) {
            return Err(refuse(&self.path, "head_dim", heads.width, "even, for the rotary embedding"));
        }
        // A product that overflows could not be the shape of a tensor.
        if heads.query.checked_mul(heads.width).is_none() {
            return Err(refuse(&self.path, "num_attention_heads", heads.query, "a size that fits memory"));
        }
        for (field, found) in [("rms_norm_eps", self.epsilon), ("rope_theta", self.theta)] {
            if !is_positive(found) {
                return Err(refuse(&self.path, field, found, "above 0 and finite"));
            }
        }
        Ok(())
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

/// Above 0 and finite, as an f32 too.
fn is_positive(value: f64) -> bool {
    value as f32 > 0.0 && (value as f32).is_finite()
}

fn refuse(path: &Path, field: &'static str, found: impl ToString, must: impl Into<String>) -> LoadError {
    LoadError::Config { path: path.to_path_buf(), field, found: found.to_string(), must: must.into() }
}

fn divide(path: &Path, hidden: usize, heads: usize) -> Result<usize, LoadError> {
    if heads == 0 || !hidden.is_multiple_of(heads) {
        let must = format!("a divisor of hidden_size, {hidden}");
        return Err(refuse(path, "num_attention_heads", heads, must));
    }
    Ok(hidden / heads)
}

/// The `llama.` keys of a GGUF file.
struct Keys<'a> {
    path: &'a Path,
    metadata: &'a Metadata,
}

impl Keys<'_> {
    fn optional_size(&self, key: &str) -> Result<Option<usize>, LoadError> {
        let found = self.metadata.u64(&format!("llama.{key}")).map_err(|source| self.wrong(source))?;
        found
            .map(|n| usize::try_from(n).map_err(|_| self.field(key, format!("{n} does not fit"))))
            .transpose()
    }

    fn size(&self, key: &str) -> Result<usize, LoadError> {
        self.optional_size(key)?.ok_or_else(|| self.missing(key))
    }

    fn float(&self, key: &str) -> Result<Option<f64>, LoadError> {
        let found = self.metadata.f32(&format!("llama.{key}")).map_err(|source| self.wrong(source))?;
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
        let kind = self.metadata.string("llama.rope.scaling.type").map_err(|source| self.wrong(source))?;
        let kind = kind.filter(|kind| *kind != "none");
        let (rope_type, factor) = (kind.map(str::to_owned), self.float("rope.scaling.factor")?);
        JsonRope { rope_type, factor, ..JsonRope::default() }.scaling(self.path)
    }

    fn missing(&self, key: &str) -> LoadError {
        self.field(key, "missing".to_owned())
    }

    fn field(&self, key: &str, reason: String) -> LoadError {
        LoadError::Field { path: self.path.to_path_buf(), field: format!("llama.{key}"), reason }
    }

    fn wrong(&self, source: crate::gguf::GgufError) -> LoadError {
        LoadError::Gguf { path: self.path.to_path_buf(), source }
    }
}

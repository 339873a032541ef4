//! GPT-J: attention and MLP side by side, a rotary embedding on a part of each head, a head with a bias.

use std::path::{Path, PathBuf};

use burn_tensor::{Int, Tensor, TensorData};
use serde::Deserialize;
use serde_json::Value;

use super::checks::{self, Fields, refuse};
use super::{Config, Decoder, Dimensions, LayerOutput};
use crate::LoadError;
use crate::cache::LayerCache;
use crate::layers::{Attention, LayerNorm, Linear, last};
use crate::load::{Expected, Weights};
use crate::ops::{Heads, Ops};
use crate::rope::{RopeTable, halves_from_pairs, partial_frequencies};

const THETA: f64 = 10_000.0;
/// A layer has this many tensors.
const TENSORS_A_LAYER: usize = 10;

const FIELDS: Fields = Fields {
    layers: "n_layer",
    hidden: "n_embd",
    positions: "n_positions",
    heads: "n_head",
    key_value_heads: "n_head",
    width: "n_embd / n_head",
};

#[derive(Deserialize)]
struct Json {
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    n_positions: usize,
    n_inner: Option<usize>,
    rotary_dim: usize,
    vocab_size: usize,
    activation_function: Option<String>,
    layer_norm_epsilon: Option<f64>,
    #[serde(default)]
    tie_word_embeddings: bool,
}

/// A checked configuration.
#[derive(Debug)]
pub(super) struct GptJConfig {
    path: PathBuf,
    dimensions: Dimensions,
    intermediate: usize,
    /// Elements of a head that are rotated.
    rotary: usize,
    epsilon: f64,
    tied: bool,
}

impl GptJConfig {
    pub(super) fn read(path: &Path, value: &Value) -> Result<Self, LoadError> {
        let json: Json = checks::fields(path, value)?;
        checks::word(path, "activation_function", json.activation_function.as_deref(), "gelu_new")?;
        let (hidden, query) = (json.n_embd, json.n_head);
        let width = checks::width(path, hidden, FIELDS.hidden, query, FIELDS.heads)?;
        let config = Self {
            path: path.to_path_buf(),
            dimensions: Dimensions {
                layers: json.n_layer,
                hidden,
                vocab: json.vocab_size,
                max_positions: json.n_positions,
                heads: Heads { query, key_value: query, width },
            },
            intermediate: json.n_inner.unwrap_or(hidden.saturating_mul(4)),
            rotary: json.rotary_dim,
            epsilon: json.layer_norm_epsilon.unwrap_or(1e-5),
            tied: json.tie_word_embeddings,
        };
        checks::dimensions(path, &config.dimensions, &FIELDS)?;
        checks::size(path, "n_inner", config.intermediate, usize::MAX)?;
        checks::size(path, "rotary_dim", config.rotary, width)?;
        if !config.rotary.is_multiple_of(2) || !width.is_multiple_of(2) {
            let must = format!("even, as must be the head width {width}");
            return Err(refuse(path, "rotary_dim", config.rotary, must));
        }
        checks::positive(path, "layer_norm_epsilon", config.epsilon)?;
        Ok(config)
    }

    /// Every tensor that a checkpoint of this configuration holds.
    fn tensors(&self) -> Vec<Expected> {
        let Dimensions { layers, hidden, vocab, .. } = self.dimensions;
        let mut all = vec![
            Expected::new("transformer.wte.weight", [vocab, hidden]),
            Expected::new("transformer.ln_f.weight", [hidden]),
            Expected::new("transformer.ln_f.bias", [hidden]),
            Expected::new("lm_head.bias", [vocab]),
        ];
        if !self.tied {
            all.push(Expected::new("lm_head.weight", [vocab, hidden]));
        }
        for layer in 0..layers {
            let mut add = |name: &str, shape: &[usize]| {
                all.push(Expected::new(format!("transformer.h.{layer}.{name}"), shape));
            };
            for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                add(&format!("attn.{name}.weight"), &[hidden, hidden]);
            }
            add("mlp.fc_in.weight", &[self.intermediate, hidden]);
            add("mlp.fc_in.bias", &[self.intermediate]);
            add("mlp.fc_out.weight", &[hidden, self.intermediate]);
            add("mlp.fc_out.bias", &[hidden]);
            add("ln_1.weight", &[hidden]);
            add("ln_1.bias", &[hidden]);
        }
        all
    }
}

impl<B: Ops> Config<B> for GptJConfig {
    fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    fn frequencies(&self, _: &mut Weights<'_>) -> Result<Vec<f32>, LoadError> {
        Ok(partial_frequencies(self.dimensions.heads.width, self.rotary, THETA))
    }

    fn load(&self, weights: &mut Weights<'_>, device: &B::Device) -> Result<Box<dyn Decoder<B>>, LoadError> {
        let layers = self.dimensions.layers;
        checks::layers(&self.path, FIELDS.layers, layers, weights.count(), TENSORS_A_LAYER)?;
        let tied = self.tied;
        weights.check(&self.tensors(), |name| {
            // Old checkpoints hold the causal mask too.
            name.ends_with(".attn.bias")
                || name.ends_with(".attn.masked_bias")
                || (tied && name == "lm_head.weight")
        })?;
        Ok(Box::new(GptJ::<B>::load(self, weights, device)?))
    }
}

#[derive(Debug)]
struct Block<B: Ops> {
    norm: LayerNorm<B>,
    attention: Attention<B>,
    up: Linear<B>,
    down: Linear<B>,
}

impl<B: Ops> Block<B> {
    fn load(
        layer: usize,
        config: &GptJConfig,
        weights: &mut Weights<'_>,
        device: &B::Device,
    ) -> Result<Self, LoadError> {
        let name = |part: &str| format!("transformer.h.{layer}.{part}");
        let (hidden, heads) = (config.dimensions.hidden, config.dimensions.heads);
        let mut qkv =
            weights.read(&["attn.q_proj.weight", "attn.k_proj.weight", "attn.v_proj.weight"].map(name))?;
        for rows in qkv.chunks_exact_mut(hidden * hidden).take(2) {
            halves_from_pairs(rows, heads.query, heads.width, config.rotary);
        }
        let qkv = Tensor::from_data(TensorData::new(qkv, [3 * hidden, hidden]), device);
        Ok(Self {
            norm: LayerNorm::load(&name("ln_1"), config.epsilon, weights, device)?,
            attention: Attention {
                qkv: Linear::new(qkv, None),
                output: Linear::load(&[name("attn.out_proj")], false, weights, device)?,
                heads,
            },
            up: Linear::load(&[name("mlp.fc_in")], true, weights, device)?,
            down: Linear::load(&[name("mlp.fc_out")], true, weights, device)?,
        })
    }
}

#[derive(Debug)]
struct GptJ<B: Ops> {
    embedding: Tensor<B, 2>,
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
    /// [vocab, hidden]; the embedding itself where they are tied.
    head: Tensor<B, 2>,
    /// [vocab].
    head_bias: Tensor<B, 1>,
}

impl<B: Ops> GptJ<B> {
    fn load(config: &GptJConfig, weights: &mut Weights<'_>, device: &B::Device) -> Result<Self, LoadError> {
        let embedding: Tensor<B, 2> = weights.matrix(&["transformer.wte.weight".to_owned()], device)?;
        let blocks = (0..config.dimensions.layers)
            .map(|layer| Block::load(layer, config, weights, device))
            .collect::<Result<_, _>>()?;
        let norm = LayerNorm::load("transformer.ln_f", config.epsilon, weights, device)?;
        let head = match config.tied {
            true => embedding.clone(),
            false => weights.matrix(&["lm_head.weight".to_owned()], device)?,
        };
        let head_bias = weights.vector(&["lm_head.bias".to_owned()], device)?;
        Ok(Self { embedding, blocks, norm, head, head_bias })
    }
}

impl<B: Ops> Decoder<B> for GptJ<B> {
    fn embed(&self, tokens: Tensor<B, 1, Int>, _: usize) -> Tensor<B, 2> {
        self.embedding.clone().select(0, tokens)
    }

    fn layer(
        &self,
        index: usize,
        x: Tensor<B, 2>,
        cache: &mut LayerCache<B>,
        rope: &RopeTable<B>,
        parts: bool,
    ) -> LayerOutput<B> {
        let block = &self.blocks[index];
        let normed = block.norm.forward(&x);
        let attended = block.attention.forward(normed.clone(), cache, rope);
        let added = block.down.forward(B::gelu_tanh(block.up.forward(normed)));
        let parts = parts.then(|| (last(&attended), last(&added)));
        LayerOutput { hidden: x + attended + added, parts }
    }

    fn head(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        B::score(self.norm.forward(&x), &self.head) + self.head_bias.clone().unsqueeze()
    }
}

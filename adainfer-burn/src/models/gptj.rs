//! GPT-J: attention and MLP side by side, a rotary embedding on a part of each head, a head with a bias.

use std::path::Path;

use burn_tensor::{Int, Tensor};
use serde::Deserialize;
use serde_json::Value;

use super::checks::{self, Fields, refuse};
use super::{Config, Dimensions, Embedding, Head, LM_HEAD, Layer, LayerOutput, Rows, head_matrix};
use crate::LoadError;
use crate::layers::{Attention, LayerNorm, Linear, Table, last, wanted};
use crate::load::{Expected, Weights};
use crate::ops::{Heads, Ops};
use crate::rope::{halves_from_pairs, partial_frequencies};
use crate::rows::TokenRows;

const THETA: f64 = 10_000.0;
/// A layer has this many tensors.
const TENSORS_A_LAYER: usize = 10;
const EMBEDDING: &str = "transformer.wte.weight";

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
}

impl<B: Ops> Config<B> for GptJConfig {
    fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    fn layer_bound(&self) -> (&'static str, usize) {
        (FIELDS.layers, TENSORS_A_LAYER)
    }

    fn tensors(&self) -> Vec<Expected> {
        let Dimensions { layers, hidden, vocab, .. } = self.dimensions;
        let mut all = vec![
            Expected::new(EMBEDDING, [vocab, hidden]),
            Expected::new("transformer.ln_f.weight", [hidden]),
            Expected::new("transformer.ln_f.bias", [hidden]),
            Expected::new("lm_head.bias", [vocab]),
        ];
        if !self.tied {
            all.push(Expected::new(LM_HEAD, [vocab, hidden]));
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

    fn surplus(&self, name: &str) -> bool {
        // Old checkpoints hold the causal mask too.
        name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || (self.tied && name == LM_HEAD)
    }

    fn frequencies(&self, _: &mut Weights<'_, B>) -> Result<Vec<f32>, LoadError> {
        Ok(partial_frequencies(self.dimensions.heads.width, self.rotary, THETA))
    }

    fn embedding(&self, weights: &mut Weights<'_, B>) -> Result<Box<dyn Embedding<B>>, LoadError> {
        Ok(Box::new(Table(weights.token_rows(EMBEDDING)?)))
    }

    fn layer(&self, index: usize, weights: &mut Weights<'_, B>) -> Result<Box<dyn Layer<B>>, LoadError> {
        Ok(Box::new(Block::load(index, self, weights)?))
    }

    fn head(
        &self,
        table: Option<&TokenRows<B>>,
        weights: &mut Weights<'_, B>,
    ) -> Result<Box<dyn Head<B>>, LoadError> {
        Ok(Box::new(Output {
            norm: LayerNorm::load("transformer.ln_f", self.epsilon, weights)?,
            matrix: head_matrix(EMBEDDING, self.tied, table, weights)?,
            bias: weights.vector(&["lm_head.bias".to_owned()])?,
        }))
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
    fn load(layer: usize, config: &GptJConfig, weights: &mut Weights<'_, B>) -> Result<Self, LoadError> {
        let name = |part: &str| format!("transformer.h.{layer}.{part}");
        let (hidden, heads) = (config.dimensions.hidden, config.dimensions.heads);
        let mut qkv =
            weights.read(&["attn.q_proj.weight", "attn.k_proj.weight", "attn.v_proj.weight"].map(name))?;
        for rows in qkv.chunks_exact_mut(hidden * hidden).take(2) {
            halves_from_pairs(rows, heads.query, heads.width, config.rotary);
        }
        let qkv = weights.projection_of(qkv, [3 * hidden, hidden]);
        Ok(Self {
            norm: LayerNorm::load(&name("ln_1"), config.epsilon, weights)?,
            attention: Attention {
                qkv: Linear::of(qkv),
                output: Linear::load(&[name("attn.out_proj")], false, weights)?,
                heads,
            },
            up: Linear::load(&[name("mlp.fc_in")], true, weights)?,
            down: Linear::load(&[name("mlp.fc_out")], true, weights)?,
        })
    }
}

impl<B: Ops> Layer<B> for Block<B> {
    fn forward(&self, x: Tensor<B, 2>, rows: &mut [Rows<'_, B>], parts: bool) -> LayerOutput<B> {
        let normed = self.norm.forward(&x);
        let attended = self.attention.forward(normed.clone(), rows);
        let added = self.down.forward(B::gelu_tanh(self.up.forward(wanted(normed, rows))));
        let parts = parts.then(|| (last(&attended), last(&added)));
        LayerOutput { hidden: wanted(x, rows) + attended + added, parts }
    }
}

#[derive(Debug)]
struct Output<B: Ops> {
    norm: LayerNorm<B>,
    /// [vocab, hidden]; the embedding itself where they are tied.
    matrix: TokenRows<B>,
    /// [vocab].
    bias: Tensor<B, 1>,
}

impl<B: Ops> Head<B> for Output<B> {
    fn norm(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.norm.forward(&x)
    }

    fn score(&self, normed: Tensor<B, 2>) -> Tensor<B, 2> {
        self.matrix.score(normed) + self.bias.clone().unsqueeze()
    }

    fn rows(&self, tokens: Tensor<B, 1, Int>) -> (Tensor<B, 2>, Option<Tensor<B, 1>>) {
        (self.matrix.select(tokens.clone()), Some(self.bias.clone().select(0, tokens)))
    }
}

//! OPT: learned positions, layer norm with biases, ReLU; norms before or after attention and MLP.

use std::path::Path;

use burn_tensor::activation::relu;
use burn_tensor::{Int, Tensor};
use serde::Deserialize;
use serde_json::Value;

use super::checks::{self, Fields, refuse};
use super::{Config, Dimensions, Embedding, Head, LM_HEAD, Layer, LayerOutput, Rows, head_matrix};
use crate::LoadError;
use crate::layers::{Attention, LayerNorm, Linear, last, wanted};
use crate::load::{Expected, Weights};
use crate::ops::{Heads, Ops};
use crate::rows::TokenRows;

/// Rows of the table of positions before that of position 0.
const POSITION_OFFSET: usize = 2;
const EPSILON: f64 = 1e-5;
/// A layer has at least this many tensors.
const TENSORS_A_LAYER: usize = 10;
const EMBEDDING: &str = "model.decoder.embed_tokens.weight";

const FIELDS: Fields = Fields {
    layers: "num_hidden_layers",
    hidden: "hidden_size",
    positions: "max_position_embeddings",
    heads: "num_attention_heads",
    key_value_heads: "num_attention_heads",
    width: "hidden_size / num_attention_heads",
};

#[derive(Deserialize)]
struct Json {
    hidden_size: usize,
    ffn_dim: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    word_embed_proj_dim: Option<usize>,
    activation_function: Option<String>,
    #[serde(default = "yes")]
    do_layer_norm_before: bool,
    #[serde(default, rename = "_remove_final_layer_norm")]
    remove_final_layer_norm: bool,
    #[serde(default = "yes")]
    enable_bias: bool,
    #[serde(default = "yes")]
    layer_norm_elementwise_affine: bool,
    #[serde(default = "yes")]
    tie_word_embeddings: bool,
}

fn yes() -> bool {
    true
}

/// A checked configuration.
#[derive(Debug)]
pub(super) struct OptConfig {
    dimensions: Dimensions,
    intermediate: usize,
    /// Width of the embeddings; where it is not that of the layers, projections lead in and out.
    embedding: usize,
    norm_before: bool,
    final_norm: bool,
    bias: bool,
    tied: bool,
}

impl OptConfig {
    pub(super) fn read(path: &Path, value: &Value) -> Result<Self, LoadError> {
        let json: Json = checks::fields(path, value)?;
        checks::word(path, "activation_function", json.activation_function.as_deref(), "relu")?;
        if !json.layer_norm_elementwise_affine {
            return Err(refuse(path, "layer_norm_elementwise_affine", false, "true"));
        }
        let (hidden, query) = (json.hidden_size, json.num_attention_heads);
        let width = checks::width(path, hidden, FIELDS.hidden, query, FIELDS.heads)?;
        let config = Self {
            dimensions: Dimensions {
                layers: json.num_hidden_layers,
                hidden,
                vocab: json.vocab_size,
                max_positions: json.max_position_embeddings,
                heads: Heads { query, key_value: query, width },
            },
            intermediate: json.ffn_dim,
            embedding: json.word_embed_proj_dim.unwrap_or(hidden),
            norm_before: json.do_layer_norm_before,
            final_norm: json.do_layer_norm_before && !json.remove_final_layer_norm,
            bias: json.enable_bias,
            tied: json.tie_word_embeddings,
        };
        checks::dimensions(path, &config.dimensions, &FIELDS)?;
        checks::size(path, "ffn_dim", config.intermediate, usize::MAX)?;
        checks::size(path, "word_embed_proj_dim", config.embedding, usize::MAX)?;
        Ok(config)
    }

    fn projected(&self) -> bool {
        self.embedding != self.dimensions.hidden
    }
}

impl<B: Ops> Config<B> for OptConfig {
    fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    fn layer_bound(&self) -> (&'static str, usize) {
        (FIELDS.layers, TENSORS_A_LAYER)
    }

    fn tensors(&self) -> Vec<Expected> {
        let Dimensions { layers, hidden, vocab, max_positions, .. } = self.dimensions;
        let mut all = Vec::new();
        let mut add = |name: String, shape: &[usize]| {
            all.push(Expected::new(format!("model.decoder.{name}"), shape));
        };
        let norm = |name: String| [(format!("{name}.weight"), hidden), (format!("{name}.bias"), hidden)];
        add("embed_tokens.weight".into(), &[vocab, self.embedding]);
        add("embed_positions.weight".into(), &[max_positions + POSITION_OFFSET, hidden]);
        if self.projected() {
            add("project_in.weight".into(), &[hidden, self.embedding]);
            add("project_out.weight".into(), &[self.embedding, hidden]);
        }
        if self.final_norm {
            norm("final_layer_norm".into()).into_iter().for_each(|(name, size)| add(name, &[size]));
        }
        for layer in 0..layers {
            let attention = ["q_proj", "k_proj", "v_proj", "out_proj"];
            let linears =
                attention.map(|name| (format!("self_attn.{name}"), hidden, hidden)).into_iter().chain([
                    ("fc1".into(), self.intermediate, hidden),
                    ("fc2".into(), hidden, self.intermediate),
                ]);
            for (name, outputs, inputs) in linears {
                add(format!("layers.{layer}.{name}.weight"), &[outputs, inputs]);
                if self.bias {
                    add(format!("layers.{layer}.{name}.bias"), &[outputs]);
                }
            }
            for name in ["self_attn_layer_norm", "final_layer_norm"] {
                norm(format!("layers.{layer}.{name}")).into_iter().for_each(|(name, n)| add(name, &[n]));
            }
        }
        if !self.tied {
            all.push(Expected::new(LM_HEAD, [vocab, self.embedding]));
        }
        all
    }

    fn surplus(&self, name: &str) -> bool {
        self.tied && name == LM_HEAD
    }

    fn frequencies(&self, _: &mut Weights<'_, B>) -> Result<Vec<f32>, LoadError> {
        Ok(Vec::new())
    }

    fn embedding(&self, weights: &mut Weights<'_, B>) -> Result<Box<dyn Embedding<B>>, LoadError> {
        Ok(Box::new(Input {
            table: weights.token_rows(EMBEDDING)?,
            positions: weights.matrix(&[decoder("embed_positions.weight")])?,
            projection: self.projection("project_in", weights)?,
        }))
    }

    fn layer(&self, index: usize, weights: &mut Weights<'_, B>) -> Result<Box<dyn Layer<B>>, LoadError> {
        Ok(Box::new(Block::load(index, self, weights)?))
    }

    fn head(
        &self,
        table: Option<&TokenRows<B>>,
        weights: &mut Weights<'_, B>,
    ) -> Result<Box<dyn Head<B>>, LoadError> {
        let norm = match self.final_norm {
            true => Some(LayerNorm::load(&decoder("final_layer_norm"), EPSILON, weights)?),
            false => None,
        };
        let projection = self.projection("project_out", weights)?;
        Ok(Box::new(Output { norm, projection, matrix: head_matrix(EMBEDDING, self.tied, table, weights)? }))
    }
}

impl OptConfig {
    /// What leads into the layers or out of them, where embeddings are of another width.
    fn projection<B: Ops>(
        &self,
        name: &str,
        weights: &mut Weights<'_, B>,
    ) -> Result<Option<Linear<B>>, LoadError> {
        match self.projected() {
            true => Linear::load(&[decoder(name)], false, weights).map(Some),
            false => Ok(None),
        }
    }
}

fn decoder(name: &str) -> String {
    format!("model.decoder.{name}")
}

#[derive(Debug)]
struct Block<B: Ops> {
    attention: Attention<B>,
    attention_norm: LayerNorm<B>,
    up: Linear<B>,
    down: Linear<B>,
    mlp_norm: LayerNorm<B>,
    norm_before: bool,
}

impl<B: Ops> Block<B> {
    fn load(layer: usize, config: &OptConfig, weights: &mut Weights<'_, B>) -> Result<Self, LoadError> {
        let name = |part: &str| decoder(&format!("layers.{layer}.{part}"));
        let qkv = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"].map(name);
        Ok(Self {
            attention: Attention {
                qkv: Linear::load(&qkv, config.bias, weights)?,
                output: Linear::load(&[name("self_attn.out_proj")], config.bias, weights)?,
                heads: config.dimensions.heads,
            },
            attention_norm: LayerNorm::load(&name("self_attn_layer_norm"), EPSILON, weights)?,
            up: Linear::load(&[name("fc1")], config.bias, weights)?,
            down: Linear::load(&[name("fc2")], config.bias, weights)?,
            mlp_norm: LayerNorm::load(&name("final_layer_norm"), EPSILON, weights)?,
            norm_before: config.norm_before,
        })
    }

    fn mlp(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.down.forward(relu(self.up.forward(x)))
    }
}

impl<B: Ops> Layer<B> for Block<B> {
    fn forward(&self, x: Tensor<B, 2>, rows: &mut [Rows<'_, B>], parts: bool) -> LayerOutput<B> {
        // Each norm stands before what it belongs to, or after the sum.
        let [before, after] = [self.norm_before, !self.norm_before];
        let norm = |when: bool, norm: &LayerNorm<B>, x: Tensor<B, 2>| if when { norm.forward(&x) } else { x };
        let attended = norm(before, &self.attention_norm, x.clone());
        let attended = self.attention.forward(attended, rows);
        let from_attention = parts.then(|| last(&attended));
        let x = norm(after, &self.attention_norm, wanted(x, rows) + attended);
        let added = self.mlp(norm(before, &self.mlp_norm, x.clone()));
        let parts = from_attention.map(|attention| (attention, last(&added)));
        LayerOutput { hidden: norm(after, &self.mlp_norm, x + added), parts }
    }
}

#[derive(Debug)]
struct Input<B: Ops> {
    /// [vocab, embedding].
    table: TokenRows<B>,
    /// [positions + 2, hidden].
    positions: Tensor<B, 2>,
    projection: Option<Linear<B>>,
}

impl<B: Ops> Embedding<B> for Input<B> {
    fn forward(&self, tokens: Tensor<B, 1, Int>, start: usize) -> Tensor<B, 2> {
        let count = tokens.dims()[0];
        let words = self.table.select(tokens);
        let words = match &self.projection {
            Some(projection) => projection.forward(words),
            None => words,
        };
        words + self.positions.clone().narrow(0, start + POSITION_OFFSET, count)
    }

    fn table(&self) -> &TokenRows<B> {
        &self.table
    }
}

#[derive(Debug)]
struct Output<B: Ops> {
    norm: Option<LayerNorm<B>>,
    projection: Option<Linear<B>>,
    /// [vocab, embedding]; the embedding itself where they are tied.
    matrix: TokenRows<B>,
}

impl<B: Ops> Head<B> for Output<B> {
    fn norm(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.norm {
            Some(norm) => norm.forward(&x),
            None => x,
        }
    }

    fn score(&self, normed: Tensor<B, 2>) -> Tensor<B, 2> {
        let x = match &self.projection {
            Some(projection) => projection.forward(normed),
            None => normed,
        };
        self.matrix.score(x)
    }

    fn rows(&self, tokens: Tensor<B, 1, Int>) -> (Tensor<B, 2>, Option<Tensor<B, 1>>) {
        let rows = self.matrix.select(tokens);
        let rows = match &self.projection {
            Some(projection) => {
                let weight = projection.weight(&rows.device());
                B::product(rows, weight)
            }
            None => rows,
        };
        (rows, None)
    }
}

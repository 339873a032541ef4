//! Llama: RMS norm, rotary attention with grouped queries, gated MLP.
//!
//! A layer is x + attention(norm(x)), then x + mlp(norm(x)). Query, key and value projections are one
//! matrix here, and so are gate and up: the same numbers in fewer products.

use burn_tensor::{Int, Tensor};

use super::llama_config::LlamaConfig;
use super::{Config, Dimensions, Embedding, Head, LM_HEAD, Layer, LayerOutput, Rows, head_matrix};
use crate::LoadError;
use crate::layers::{Attention, Linear, RmsNorm, Table, last, wanted};
use crate::load::{Expected, Weights};
use crate::ops::Ops;
use crate::rope::{RopeScaling, frequencies};
use crate::rows::TokenRows;

/// A layer has at least this many tensors.
const TENSORS_A_LAYER: usize = 9;
const EMBEDDING: &str = "model.embed_tokens.weight";

impl<B: Ops> Config<B> for LlamaConfig {
    fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    fn layer_bound(&self) -> (&'static str, usize) {
        ("num_hidden_layers", TENSORS_A_LAYER)
    }

    fn tensors(&self) -> Vec<Expected> {
        let Dimensions { layers, hidden, vocab, heads, .. } = self.dimensions;
        let (queries, keys) = (heads.query * heads.width, heads.key_value * heads.width);
        let mut all =
            vec![Expected::new(EMBEDDING, [vocab, hidden]), Expected::new("model.norm.weight", [hidden])];
        if !self.tied {
            all.push(Expected::new(LM_HEAD, [vocab, hidden]));
        }
        if matches!(self.scaling, RopeScaling::Factors(_)) {
            all.push(Expected::new("rope_freqs.weight", [heads.width / 2]));
        }
        for layer in 0..layers {
            let mut linear = |name: &str, outputs: usize, inputs: usize, bias: bool| {
                all.push(Expected::new(format!("model.layers.{layer}.{name}.weight"), [outputs, inputs]));
                if bias {
                    all.push(Expected::new(format!("model.layers.{layer}.{name}.bias"), [outputs]));
                }
            };
            linear("self_attn.q_proj", queries, hidden, self.qkv_bias);
            linear("self_attn.k_proj", keys, hidden, self.qkv_bias);
            linear("self_attn.v_proj", keys, hidden, self.qkv_bias);
            linear("self_attn.o_proj", hidden, queries, self.output_bias);
            linear("mlp.gate_proj", self.intermediate, hidden, self.mlp_bias);
            linear("mlp.up_proj", self.intermediate, hidden, self.mlp_bias);
            linear("mlp.down_proj", hidden, self.intermediate, self.mlp_bias);
            for norm in ["input_layernorm", "post_attention_layernorm"] {
                all.push(Expected::new(format!("model.layers.{layer}.{norm}.weight"), [hidden]));
            }
        }
        all
    }

    fn surplus(&self, name: &str) -> bool {
        name.ends_with("rotary_emb.inv_freq") || (self.tied && name == LM_HEAD)
    }

    fn frequencies(&self, weights: &mut Weights<'_, B>) -> Result<Vec<f32>, LoadError> {
        let scaling = match &self.scaling {
            RopeScaling::Factors(_) => RopeScaling::Factors(weights.read(&["rope_freqs.weight".to_owned()])?),
            other => other.clone(),
        };
        Ok(frequencies(self.dimensions.heads.width, self.theta, &scaling))
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
        let norm = RmsNorm::load("model.norm", self.epsilon, weights)?;
        Ok(Box::new(Output { norm, matrix: head_matrix(EMBEDDING, self.tied, table, weights)? }))
    }
}

#[derive(Debug)]
struct Mlp<B: Ops> {
    gate_up: Linear<B>,
    down: Linear<B>,
}

impl<B: Ops> Mlp<B> {
    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.down.forward(B::swiglu(self.gate_up.forward(x)))
    }
}

#[derive(Debug)]
struct Block<B: Ops> {
    attention_norm: RmsNorm<B>,
    attention: Attention<B>,
    mlp_norm: RmsNorm<B>,
    mlp: Mlp<B>,
}

impl<B: Ops> Block<B> {
    fn load(layer: usize, config: &LlamaConfig, weights: &mut Weights<'_, B>) -> Result<Self, LoadError> {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        let qkv = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"].map(name);
        let gate_up = ["mlp.gate_proj", "mlp.up_proj"].map(name);
        let epsilon = config.epsilon;
        Ok(Self {
            attention_norm: RmsNorm::load(&name("input_layernorm"), epsilon, weights)?,
            attention: Attention {
                qkv: Linear::load(&qkv, config.qkv_bias, weights)?,
                output: Linear::load(&[name("self_attn.o_proj")], config.output_bias, weights)?,
                heads: config.dimensions.heads,
            },
            mlp_norm: RmsNorm::load(&name("post_attention_layernorm"), epsilon, weights)?,
            mlp: Mlp {
                gate_up: Linear::load(&gate_up, config.mlp_bias, weights)?,
                down: Linear::load(&[name("mlp.down_proj")], config.mlp_bias, weights)?,
            },
        })
    }
}

impl<B: Ops> Layer<B> for Block<B> {
    fn forward(&self, x: Tensor<B, 2>, rows: &mut [Rows<'_, B>], parts: bool) -> LayerOutput<B> {
        let attended = self.attention.forward(self.attention_norm.forward(&x), rows);
        let from_attention = parts.then(|| last(&attended));
        let x = wanted(x, rows) + attended;
        let added = self.mlp.forward(self.mlp_norm.forward(&x));
        let parts = from_attention.map(|attention| (attention, last(&added)));
        LayerOutput { hidden: x + added, parts }
    }
}

#[derive(Debug)]
struct Output<B: Ops> {
    norm: RmsNorm<B>,
    /// [vocab, hidden]; the embedding itself where they are tied.
    matrix: TokenRows<B>,
}

impl<B: Ops> Head<B> for Output<B> {
    fn norm(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.norm.forward(&x)
    }

    fn score(&self, normed: Tensor<B, 2>) -> Tensor<B, 2> {
        self.matrix.score(normed)
    }

    fn rows(&self, tokens: Tensor<B, 1, Int>) -> (Tensor<B, 2>, Option<Tensor<B, 1>>) {
        (self.matrix.select(tokens), None)
    }
}

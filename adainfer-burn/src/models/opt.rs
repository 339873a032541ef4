//! OPT: learned positions, layer norm with biases, ReLU; norms before or after attention and MLP.

use std::path::{Path, PathBuf};

use burn_tensor::activation::relu;
use burn_tensor::{Int, Tensor};
use serde::Deserialize;
use serde_json::Value;

use super::checks::{self, Fields, refuse};
use super::{Config, Decoder, Dimensions, LayerOutput};
use crate::LoadError;
use crate::cache::LayerCache;
use crate::layers::{Attention, LayerNorm, Linear, last};
use crate::load::{Expected, Weights};
use crate::ops::{Heads, Ops};
use crate::rope::RopeTable;

/// Rows of the table of positions before that of position 0.
const POSITION_OFFSET: usize = 2;
const EPSILON: f64 = 1e-5;
/// A layer has at least this many tensors.
const TENSORS_A_LAYER: usize = 10;

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
    path: PathBuf,
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
            path: path.to_path_buf(),
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

    /// Every tensor that a checkpoint of this configuration holds.
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
            all.push(Expected::new("lm_head.weight", [vocab, self.embedding]));
        }
        all
    }
}

impl<B: Ops> Config<B> for OptConfig {
    fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    fn frequencies(&self, _: &mut Weights<'_>) -> Result<Vec<f32>, LoadError> {
        Ok(Vec::new())
    }

    fn load(&self, weights: &mut Weights<'_>, device: &B::Device) -> Result<Box<dyn Decoder<B>>, LoadError> {
        let layers = self.dimensions.layers;
        checks::layers(&self.path, FIELDS.layers, layers, weights.count(), TENSORS_A_LAYER)?;
        weights.check(&self.tensors(), |name| self.tied && name == "lm_head.weight")?;
        Ok(Box::new(Opt::<B>::load(self, weights, device)?))
    }
}

#[derive(Debug)]
struct Block<B: Ops> {
    attention: Attention<B>,
    attention_norm: LayerNorm<B>,
    up: Linear<B>,
    down: Linear<B>,
    mlp_norm: LayerNorm<B>,
}

impl<B: Ops> Block<B> {
    fn load(
        layer: usize,
        config: &OptConfig,
        weights: &mut Weights<'_>,
        device: &B::Device,
    ) -> Result<Self, LoadError> {
        let name = |part: &str| format!("model.decoder.layers.{layer}.{part}");
        let qkv = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"].map(name);
        Ok(Self {
            attention: Attention {
                qkv: Linear::load(&qkv, config.bias, weights, device)?,
                output: Linear::load(&[name("self_attn.out_proj")], config.bias, weights, device)?,
                heads: config.dimensions.heads,
            },
            attention_norm: LayerNorm::load(&name("self_attn_layer_norm"), EPSILON, weights, device)?,
            up: Linear::load(&[name("fc1")], config.bias, weights, device)?,
            down: Linear::load(&[name("fc2")], config.bias, weights, device)?,
            mlp_norm: LayerNorm::load(&name("final_layer_norm"), EPSILON, weights, device)?,
        })
    }

    fn mlp(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.down.forward(relu(self.up.forward(x)))
    }
}

#[derive(Debug)]
struct Opt<B: Ops> {
    /// [vocab, embedding].
    embedding: Tensor<B, 2>,
    /// [positions + 2, hidden].
    positions: Tensor<B, 2>,
    project_in: Option<Linear<B>>,
    blocks: Vec<Block<B>>,
    norm_before: bool,
    norm: Option<LayerNorm<B>>,
    project_out: Option<Linear<B>>,
    /// [vocab, embedding]; the embedding itself where they are tied.
    head: Tensor<B, 2>,
}

impl<B: Ops> Opt<B> {
    fn load(config: &OptConfig, weights: &mut Weights<'_>, device: &B::Device) -> Result<Self, LoadError> {
        let name = |part: &str| format!("model.decoder.{part}");
        let embedding: Tensor<B, 2> = weights.matrix(&[name("embed_tokens.weight")], device)?;
        let positions = weights.matrix(&[name("embed_positions.weight")], device)?;
        let mut projection = |part| match config.projected() {
            true => Linear::load(&[name(part)], false, weights, device).map(Some),
            false => Ok(None),
        };
        let (project_in, project_out) = (projection("project_in")?, projection("project_out")?);
        let blocks = (0..config.dimensions.layers)
            .map(|layer| Block::load(layer, config, weights, device))
            .collect::<Result<_, _>>()?;
        let norm = match config.final_norm {
            true => Some(LayerNorm::load(&name("final_layer_norm"), EPSILON, weights, device)?),
            false => None,
        };
        let head = match config.tied {
            true => embedding.clone(),
            false => weights.matrix(&["lm_head.weight".to_owned()], device)?,
        };
        let norm_before = config.norm_before;
        Ok(Self { embedding, positions, project_in, blocks, norm_before, norm, project_out, head })
    }
}

impl<B: Ops> Decoder<B> for Opt<B> {
    fn embed(&self, tokens: Tensor<B, 1, Int>, start: usize) -> Tensor<B, 2> {
        let count = tokens.dims()[0];
        let words = self.embedding.clone().select(0, tokens);
        let words = match &self.project_in {
            Some(projection) => projection.forward(words),
            None => words,
        };
        words + self.positions.clone().narrow(0, start + POSITION_OFFSET, count)
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
        // Each norm stands before what it belongs to, or after the sum.
        let [before, after] = [self.norm_before, !self.norm_before];
        let norm = |when: bool, norm: &LayerNorm<B>, x: Tensor<B, 2>| if when { norm.forward(&x) } else { x };
        let attended = norm(before, &block.attention_norm, x.clone());
        let attended = block.attention.forward(attended, cache, rope);
        let from_attention = parts.then(|| last(&attended));
        let x = norm(after, &block.attention_norm, x + attended);
        let added = block.mlp(norm(before, &block.mlp_norm, x.clone()));
        let parts = from_attention.map(|attention| (attention, last(&added)));
        LayerOutput { hidden: norm(after, &block.mlp_norm, x + added), parts }
    }

    fn head(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let x = self.norm.as_ref().map_or_else(|| x.clone(), |norm| norm.forward(&x));
        let x = match &self.project_out {
            Some(projection) => projection.forward(x),
            None => x,
        };
        B::score(x, &self.head)
    }
}

//! The layers with weights that families share.

use adainfer_kernels::BlockMatrix;
use burn_tensor::{Int, Tensor};

use crate::LoadError;
use crate::load::Weights;
use crate::models::{Embedding, Rows};
use crate::ops::{Heads, Ops, Packed, reference};
use crate::rows::TokenRows;

/// The weight of a projection, as it is held.
#[derive(Debug)]
pub(crate) enum Weight<B: Ops> {
    /// In the order that the backend wants.
    Floats(Packed<B>),
    /// In the host's memory.
    Blocks(BlockMatrix),
}

/// `x W^T + b`.
#[derive(Debug)]
pub(crate) struct Linear<B: Ops> {
    weight: Weight<B>,
    bias: Option<Tensor<B, 1>>,
}

impl<B: Ops> Linear<B> {
    /// Reads the projections called `names`, all of one input, as one.
    pub(crate) fn load(
        names: &[String],
        bias: bool,
        weights: &mut Weights<'_, B>,
    ) -> Result<Self, LoadError> {
        let all = |kind| names.iter().map(|name| format!("{name}.{kind}")).collect::<Vec<_>>();
        let weight = weights.projection(&all("weight"))?;
        let bias = if bias { Some(weights.vector(&all("bias"))?) } else { None };
        Ok(Self { weight, bias })
    }

    /// weight: [outputs, inputs], as checkpoints store it.
    pub(crate) fn new(weight: Tensor<B, 2>, bias: Option<Tensor<B, 1>>) -> Self {
        Self { weight: Weight::Floats(B::pack(weight)), bias }
    }

    /// Without a bias.
    pub(crate) fn of(weight: Weight<B>) -> Self {
        Self { weight, bias: None }
    }

    /// The weight as checkpoints store it, [outputs, inputs].
    pub(crate) fn weight(&self, device: &B::Device) -> Tensor<B, 2> {
        match &self.weight {
            Weight::Floats(packed) => {
                let [panels, inputs, width] = packed.panels.dims();
                let rows = packed.panels.clone().swap_dims(1, 2).reshape([panels * width, inputs]);
                rows.narrow(0, 0, packed.outputs)
            }
            Weight::Blocks(matrix) => reference::rows_of(matrix, 0..matrix.outputs(), device),
        }
    }

    /// [outputs].
    pub(crate) fn bias(&self) -> Option<Tensor<B, 1>> {
        self.bias.clone()
    }

    /// [positions, inputs] to [positions, outputs].
    pub(crate) fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let y = match &self.weight {
            Weight::Floats(packed) => B::project(x, packed),
            Weight::Blocks(matrix) => B::project_blocks(x, matrix),
        };
        match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        }
    }
}

/// Root-mean-square norm with a scale an element.
#[derive(Debug)]
pub(crate) struct RmsNorm<B: Ops> {
    gamma: Tensor<B, 1>,
    epsilon: f64,
}

impl<B: Ops> RmsNorm<B> {
    pub(crate) fn load(name: &str, epsilon: f64, weights: &mut Weights<'_, B>) -> Result<Self, LoadError> {
        Ok(Self { gamma: weights.vector(&[format!("{name}.weight")])?, epsilon })
    }

    /// [positions, width] to the same.
    pub(crate) fn forward(&self, x: &Tensor<B, 2>) -> Tensor<B, 2> {
        B::rms_norm(x, &self.gamma, self.epsilon)
    }
}

/// Norm to mean 0 and variance 1, with a scale and a shift an element.
#[derive(Debug)]
pub(crate) struct LayerNorm<B: Ops> {
    gamma: Tensor<B, 1>,
    beta: Tensor<B, 1>,
    epsilon: f64,
}

impl<B: Ops> LayerNorm<B> {
    pub(crate) fn load(name: &str, epsilon: f64, weights: &mut Weights<'_, B>) -> Result<Self, LoadError> {
        let gamma = weights.vector(&[format!("{name}.weight")])?;
        let beta = weights.vector(&[format!("{name}.bias")])?;
        Ok(Self { gamma, beta, epsilon })
    }

    /// [positions, width] to the same.
    pub(crate) fn forward(&self, x: &Tensor<B, 2>) -> Tensor<B, 2> {
        <B as Ops>::layer_norm(x, &self.gamma, &self.beta, self.epsilon)
    }
}

/// Rows of tokens and nothing else: [vocab, hidden].
#[derive(Debug)]
pub(crate) struct Table<B: Ops>(pub(crate) TokenRows<B>);

impl<B: Ops> Embedding<B> for Table<B> {
    fn forward(&self, tokens: Tensor<B, 1, Int>, _: usize) -> Tensor<B, 2> {
        self.0.select(tokens)
    }

    fn table(&self) -> &TokenRows<B> {
        &self.0
    }
}

/// Causal attention, with a cache of keys and values.
#[derive(Debug)]
pub(crate) struct Attention<B: Ops> {
    /// Queries, keys and values, one after the other.
    pub(crate) qkv: Linear<B>,
    pub(crate) output: Linear<B>,
    pub(crate) heads: Heads,
}

impl<B: Ops> Attention<B> {
    /// What attention adds to the wanted positions of some sequences, one sequence after the other.
    pub(crate) fn forward(&self, x: Tensor<B, 2>, rows: &mut [Rows<'_, B>]) -> Tensor<B, 2> {
        let qkv = self.qkv.forward(x);
        if let [rows] = rows {
            return self.output.forward(self.attend(qkv, rows));
        }
        let mut first = 0;
        let own = rows.iter_mut().map(|rows| {
            let own = qkv.clone().narrow(0, first, rows.count);
            first += rows.count;
            (own, rows)
        });
        let attended = B::each(own.collect(), |(own, rows)| self.attend(own, rows));
        self.output.forward(Tensor::cat(attended, 0))
    }

    /// Attention of one sequence's wanted positions; keys and values of all new ones are kept.
    fn attend(&self, qkv: Tensor<B, 2>, rows: &mut Rows<'_, B>) -> Tensor<B, 2> {
        let (queries, keys) = (self.heads.query * self.heads.width, self.heads.key_value * self.heads.width);
        let (start, unwanted) = (rows.cache.length(), rows.count - rows.wanted);
        let query = qkv.clone().narrow(1, 0, queries).narrow(0, unwanted, rows.wanted);
        let query = rows.rope.rotate(query, start + unwanted);
        let key = rows.rope.rotate(qkv.clone().narrow(1, queries, keys), start);
        rows.cache.append(key, qkv.narrow(1, queries + keys, keys));
        B::attend(query, &rows.cache.past(), self.heads)
    }
}

/// The wanted positions of x.
pub(crate) fn wanted<B: Ops>(x: Tensor<B, 2>, rows: &[Rows<'_, B>]) -> Tensor<B, 2> {
    if rows.iter().all(|rows| rows.wanted == rows.count) {
        return x;
    }
    let ends = rows.iter().scan(0, |end, rows| {
        *end += rows.count;
        Some((*end - rows.wanted, rows.wanted))
    });
    let parts = ends.map(|(first, count)| x.clone().narrow(0, first, count));
    Tensor::cat(parts.collect(), 0)
}

/// The last row of x.
pub(crate) fn last<B: Ops>(x: &Tensor<B, 2>) -> Tensor<B, 2> {
    x.clone().narrow(0, x.dims()[0] - 1, 1)
}

//! The two layers with weights that every family shares.

use burn_tensor::Tensor;

use crate::ops::{Ops, Packed};

/// `x W^T + b`.
#[derive(Debug)]
pub(crate) struct Linear<B: Ops> {
    weight: Packed<B>,
    bias: Option<Tensor<B, 1>>,
}

impl<B: Ops> Linear<B> {
    /// weight: [outputs, inputs], as checkpoints store it.
    pub(crate) fn new(weight: Tensor<B, 2>, bias: Option<Tensor<B, 1>>) -> Self {
        Self { weight: B::pack(weight), bias }
    }

    /// [positions, inputs] to [positions, outputs].
    pub(crate) fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let y = B::project(x, &self.weight);
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
    pub(crate) fn new(gamma: Tensor<B, 1>, epsilon: f64) -> Self {
        Self { gamma, epsilon }
    }

    /// [positions, width] to the same.
    pub(crate) fn forward(&self, x: &Tensor<B, 2>) -> Tensor<B, 2> {
        B::rms_norm(x, &self.gamma, self.epsilon)
    }
}

//! What a decoder computes, and where a backend may do it better.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube;
#[cfg(feature = "flex")]
mod flex;
pub(crate) mod look;
#[cfg(feature = "ndarray")]
mod ndarray;
#[cfg(any(feature = "wgpu", feature = "cuda", feature = "remote"))]
mod queue;
pub(crate) mod reference;
#[cfg(feature = "remote")]
mod remote;

use adainfer_core::Probe;
use adainfer_kernels::BlockMatrix;
use burn_tensor::Tensor;
use burn_tensor::backend::Backend;

use crate::{Dtype, ModelError};
pub(crate) use reference::wide;

/// A backend that models run on: burn's, plus the few operations that decide a decoder's speed.
///
/// Every method has a body made of plain tensor operations, so `impl Ops for B {}` is correct for any
/// burn backend; one that does an operation slowly overrides it. Matrices are row-major, one position a
/// row.
pub trait Ops: Backend {
    /// Called before a model is loaded: where a backend sets up what its operations rely on.
    fn prepare() {}

    /// Runs a whole layer's operations, where each of them starts soonest.
    fn together<R: Send>(work: impl FnOnce() -> R + Send) -> R {
        work()
    }

    /// Does the same for each, in any order; on several threads where that is how the backend computes.
    fn each<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
        items.into_iter().map(work).collect()
    }

    /// Runs what queues work on the device, so that it is taken up after all that was queued before,
    /// whichever thread queued that.
    fn in_order<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    /// Whether a model can run in this number format there.
    fn computes_in(dtype: Dtype, device: &Self::Device) -> bool {
        dtype == Dtype::F32 || Self::supports_dtype(device, dtype.into())
    }

    /// Softmax of a row of logits and its two likeliest tokens, of equals the one with the lower id first;
    /// with `previous`, the KL divergence from its softmax too, and with `entropy` that. Where memory is not the
    /// host's, only these few numbers are brought there.
    ///
    /// # Shapes
    /// logits and previous: `[1, vocab]`, in f32.
    ///
    /// # Errors
    /// [`ModelError::Device`] where the device failed at this or at anything queued before.
    fn look(
        logits: &Tensor<Self, 2>,
        previous: Option<&Tensor<Self, 2>>,
        entropy: bool,
    ) -> Result<Probe, ModelError> {
        look::on_device(logits, previous, entropy)
    }

    /// `a b`, in the precision of their numbers.
    ///
    /// # Shapes
    /// a: `[.., m, k]`, b: `[.., k, n]`, result: `[.., m, n]`; the dimensions before may be 1 in either.
    fn product<const D: usize>(a: Tensor<Self, D>, b: Tensor<Self, D>) -> Tensor<Self, D> {
        a.matmul(b)
    }

    /// Arranges a weight as [`project`](Self::project) reads it best; done once, when it is loaded.
    ///
    /// # Shapes
    /// weight: `[outputs, inputs]`.
    fn pack(weight: Tensor<Self, 2>) -> Packed<Self> {
        Packed { outputs: weight.dims()[0], panels: weight.transpose().unsqueeze() }
    }

    /// `x W^T`, for the many positions and products of a layer.
    ///
    /// # Shapes
    /// x: `[positions, inputs]`, result: `[positions, outputs]`.
    fn project(x: Tensor<Self, 2>, weight: &Packed<Self>) -> Tensor<Self, 2> {
        reference::project(x, weight)
    }

    /// Whether [`project_blocks`](Self::project_blocks) multiplies blocks as they are. Where it does not, models
    /// are not held in blocks.
    fn multiplies_blocks() -> bool {
        false
    }

    /// `x W^T`, for a weight of few bits in the host's memory. Who multiplies blocks as they are rounds x to 8
    /// bits.
    ///
    /// # Shapes
    /// x: `[positions, inputs]`, weight: `[outputs, inputs]`, result: `[positions, outputs]`.
    fn project_blocks(x: Tensor<Self, 2>, weight: &BlockMatrix) -> Tensor<Self, 2> {
        reference::project_blocks(x, weight)
    }

    /// `x W^T`, for the one position that an output head looks at, and a weight that may be a table of
    /// embeddings too.
    ///
    /// # Shapes
    /// x: `[positions, inputs]`, weight: `[outputs, inputs]`, result: `[positions, outputs]`.
    fn score(x: Tensor<Self, 2>, weight: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        reference::score(x, weight)
    }

    /// As [`score`](Self::score), for a weight in blocks: like [`project_blocks`](Self::project_blocks), but exact for the
    /// best rows, so that what is likeliest does not depend on how x is rounded.
    ///
    /// # Shapes
    /// As [`project_blocks`](Self::project_blocks).
    fn score_blocks(x: Tensor<Self, 2>, weight: &BlockMatrix) -> Tensor<Self, 2> {
        Self::project_blocks(x, weight)
    }

    /// As [`score`](Self::score), but exact for the best rows alone, which a first pass over the same weight in few
    /// bits finds; where that is worth it.
    ///
    /// # Shapes
    /// As [`score`](Self::score); screen: `[outputs, inputs]`, in the host's memory.
    fn score_screened(
        x: Tensor<Self, 2>,
        weight: &Tensor<Self, 2>,
        _screen: &BlockMatrix,
    ) -> Tensor<Self, 2> {
        Self::score(x, weight)
    }

    /// Root-mean-square norm of every row: `x / sqrt(mean(x^2) + epsilon) * gamma`.
    ///
    /// # Shapes
    /// x and result: `[positions, width]`, gamma: `[width]`.
    fn rms_norm(x: &Tensor<Self, 2>, gamma: &Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        reference::rms_norm(x, gamma, epsilon)
    }

    /// Layer norm of every row: `(x - mean(x)) / sqrt(variance(x) + epsilon) * gamma + beta`.
    ///
    /// # Shapes
    /// x and result: `[positions, width]`, gamma and beta: `[width]`.
    fn layer_norm(
        x: &Tensor<Self, 2>,
        gamma: &Tensor<Self, 1>,
        beta: &Tensor<Self, 1>,
        epsilon: f64,
    ) -> Tensor<Self, 2> {
        reference::layer_norm(x, gamma, beta, epsilon)
    }

    /// The Gaussian unit in the approximation by a hyperbolic tangent that GPT-J was trained with:
    /// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
    ///
    /// # Shapes
    /// x and result: `[positions, width]`.
    fn gelu_tanh(x: Tensor<Self, 2>) -> Tensor<Self, 2> {
        reference::gelu(x)
    }

    /// The gated unit of Llama's MLP: `silu(gate) * up`, where a row is the gate and then the up half.
    ///
    /// # Shapes
    /// gate_up: `[positions, 2 width]`, result: `[positions, width]`.
    fn swiglu(gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        reference::swiglu(gate_up)
    }

    /// Rotates every head of every position by its angles, pairing the first half of a head with the
    /// second.
    ///
    /// # Shapes
    /// x and result: `[positions, heads width]`, cos and sin: `[positions, width / 2]`.
    fn rotate(x: Tensor<Self, 2>, cos: &Tensor<Self, 2>, sin: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        reference::rotate(x, cos, sin)
    }

    /// Writes `rows` over those of `store` from row `start` on; in place where nobody else holds it.
    ///
    /// # Shapes
    /// store and result: `[capacity, width]`, rows: `[n, width]` with start + n <= capacity.
    fn write_rows(store: Tensor<Self, 2>, start: usize, rows: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [n, width] = rows.dims();
        store.slice_assign([start..start + n, 0..width], rows)
    }

    /// Causal attention of the newest positions over all, `softmax(q k^T / sqrt(width)) v` a head, where
    /// consecutive query heads share a key/value head.
    ///
    /// # Shapes
    /// query and result: `[positions, heads.query heads.width]`; the last rows of `past` belong to the
    /// same positions.
    fn attend(query: Tensor<Self, 2>, past: &[Past<'_, Self>], heads: Heads) -> Tensor<Self, 2> {
        reference::attention(query, past, heads)
    }
}

/// A weight in the order that a backend wants: panels of consecutive outputs.
#[derive(Debug, Clone)]
pub struct Packed<B: Backend> {
    /// `[panels, inputs, width]`; outputs beyond the last are zero.
    pub panels: Tensor<B, 3>,
    /// Outputs; at most panels times width.
    pub outputs: usize,
}

/// How a row of queries or keys divides into heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Query heads.
    pub query: usize,
    /// Key and value heads; divides `query`.
    pub key_value: usize,
    /// Elements of a head; even.
    pub width: usize,
}

impl Heads {
    /// Query heads that share one key/value head.
    pub fn group(&self) -> usize {
        self.query / self.key_value
    }
}

/// Keys and values of consecutive positions.
#[derive(Debug)]
pub struct Past<'a, B: Backend> {
    /// Keys: `[capacity, key_value heads width]`.
    pub keys: &'a Tensor<B, 2>,
    /// Values, of the same shape.
    pub values: &'a Tensor<B, 2>,
    /// Rows in use.
    pub length: usize,
}

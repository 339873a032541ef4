//! What burn's GPU backends do in many small kernels, or with too few threads, in one kernel each; and products in
//! the precision that was asked for.

mod launch;
mod look;
mod norm;
mod pairs;
mod product;

use adainfer_core::Probe;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use burn_tensor::Tensor;

use super::queue::QUEUE;
use super::{Ops, look as plain};
use crate::ModelError;
use launch::{made, raw};

impl<R: CubeRuntime, F: FloatElement, I: IntElement, BT: BoolElement> Ops for CubeBackend<R, F, I, BT> {
    /// On CUDA a queue is a stream, and where sixteen threads ran models at once, each on its own, kernels read
    /// memory that was not theirs any more.
    fn in_order<T>(work: impl FnOnce() -> T) -> T {
        QUEUE.executes(work)
    }

    /// In one kernel: burn's reductions leave a whole row to one thread.
    fn look(
        logits: &Tensor<Self, 2>,
        previous: Option<&Tensor<Self, 2>>,
        entropy: bool,
    ) -> Result<Probe, ModelError> {
        if logits.dims()[1] > plain::MAX_EXACT {
            return plain::on_host(logits, previous, entropy);
        }
        let numbers = look::look(raw(logits.clone()), previous.cloned().map(raw), entropy);
        plain::from_numbers(made::<Self, 2>(numbers), entropy)
    }

    fn product<const D: usize>(a: Tensor<Self, D>, b: Tensor<Self, D>) -> Tensor<Self, D> {
        match product::exact(&raw(a.clone()), &raw(b.clone())) {
            Some(product) => made(product),
            None => a.matmul(b),
        }
    }

    fn rms_norm(x: &Tensor<Self, 2>, gamma: &Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        made(norm::rms_norm(raw(x.clone()), raw(gamma.clone()), epsilon as f32))
    }

    fn swiglu(gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        made(pairs::swiglu(raw(gate_up)))
    }

    fn rotate(x: Tensor<Self, 2>, cos: &Tensor<Self, 2>, sin: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        made(pairs::rotate(raw(x), raw(cos.clone()), raw(sin.clone())))
    }
}

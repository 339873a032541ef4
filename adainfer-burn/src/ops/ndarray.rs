use adainfer_core::Probe;
use burn_ndarray::NdArray;
use burn_tensor::Tensor;

use super::{Ops, look};
use crate::{Dtype, ModelError};

impl Ops for NdArray {
    /// Half types panic in this backend.
    fn computes_in(dtype: Dtype, _: &Self::Device) -> bool {
        dtype == Dtype::F32
    }

    fn look(logits: &Tensor<Self, 2>, previous: Option<&Tensor<Self, 2>>) -> Result<Probe, ModelError> {
        look::on_host(logits, previous)
    }
}

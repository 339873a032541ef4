//! Between burn's tensors and kernels.

use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
use burn_tensor::backend::Backend;
use burn_tensor::{DType, Shape, Tensor, TensorPrimitive};
use cubecl::prelude::*;

/// Threads that work on a row together.
pub(super) const UNITS: u32 = 1 << LEVELS;
/// Steps in which they put together what each of them has.
pub(super) const LEVELS: u32 = 8;
/// Rows on one axis of a grid; the standard of WebGPU allows a few more.
const ROWS: u32 = 1 << 15;

/// The buffer of a tensor.
pub(super) fn raw<R, F, I, BT, const D: usize>(tensor: Tensor<CubeBackend<R, F, I, BT>, D>) -> CubeTensor<R>
where
    R: CubeRuntime,
    F: FloatElement,
    I: IntElement,
    BT: BoolElement,
{
    tensor.into_primitive().tensor()
}

/// The tensor of a buffer.
pub(super) fn made<B: Backend, const D: usize>(buffer: B::FloatTensorPrimitive) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(buffer))
}

/// Room for a result, beside `like`.
pub(super) fn room<R: CubeRuntime>(like: &CubeTensor<R>, shape: [usize; 2], dtype: DType) -> CubeTensor<R> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::from(shape), dtype)
}

/// A cube a row; the last few may be in excess.
pub(super) fn cube_a_row(rows: usize) -> CubeCount {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX).max(1);
    let x = rows.min(ROWS);
    CubeCount::Static(x, rows.div_ceil(x), 1)
}

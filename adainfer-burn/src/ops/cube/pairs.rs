//! What takes two numbers of a row at a time, a unit a result.

use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use cubecl::calculate_cube_count_elemwise;
use cubecl::prelude::*;

use super::launch::{UNITS, room};

/// One number of `silu(gate) up`.
#[cube(launch)]
fn swiglu_kernel<F: Float>(x: &Tensor<F>, out: &mut Tensor<F>, #[define(F)] _dtype: StorageType) {
    let width = out.shape(1);
    if ABSOLUTE_POS < out.len() {
        let (row, column) = (ABSOLUTE_POS / width, ABSOLUTE_POS % width);
        let at = row * x.stride(0) + column * x.stride(1);
        let gate = f32::cast_from(x[at]);
        let up = f32::cast_from(x[at + width * x.stride(1)]);
        out[ABSOLUTE_POS] = F::cast_from(gate / (1.0 + (-gate).exp()) * up);
    }
}

pub(super) fn swiglu<R: CubeRuntime>(x: CubeTensor<R>) -> CubeTensor<R> {
    let dtype = x.dtype;
    let [rows, both] = x.meta.shape().dims();
    let out = room(&x, [rows, both / 2], dtype);
    let dim = CubeDim::new_1d(UNITS);
    swiglu_kernel::launch::<R>(
        &out.client,
        calculate_cube_count_elemwise(&out.client, rows * both / 2, dim),
        dim,
        x.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        dtype.into(),
    );
    out
}

/// Both numbers of a pair, turned by its angle.
#[cube(launch)]
fn rotate_kernel<F: Float>(
    x: &Tensor<F>,
    cos: &Tensor<F>,
    sin: &Tensor<F>,
    out: &mut Tensor<F>,
    #[define(F)] _dtype: StorageType,
) {
    let (width, half) = (x.shape(1), cos.shape(1));
    if ABSOLUTE_POS < out.len() / 2 {
        let (row, pair) = (ABSOLUTE_POS / (width / 2), ABSOLUTE_POS % (width / 2));
        let angle = pair % half;
        let first = pair / half * 2 * half + angle;
        let (from, step) = (row * x.stride(0), x.stride(1));
        let a = f32::cast_from(x[from + first * step]);
        let b = f32::cast_from(x[from + (first + half) * step]);
        let c = f32::cast_from(cos[row * cos.stride(0) + angle * cos.stride(1)]);
        let s = f32::cast_from(sin[row * sin.stride(0) + angle * sin.stride(1)]);
        out[row * width + first] = F::cast_from(a * c - b * s);
        out[row * width + first + half] = F::cast_from(b * c + a * s);
    }
}

pub(super) fn rotate<R: CubeRuntime>(
    x: CubeTensor<R>,
    cos: CubeTensor<R>,
    sin: CubeTensor<R>,
) -> CubeTensor<R> {
    let dtype = x.dtype;
    let [rows, width] = x.meta.shape().dims();
    let out = room(&x, [rows, width], dtype);
    let dim = CubeDim::new_1d(UNITS);
    rotate_kernel::launch::<R>(
        &out.client,
        calculate_cube_count_elemwise(&out.client, rows * width / 2, dim),
        dim,
        x.into_tensor_arg(),
        cos.into_tensor_arg(),
        sin.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        dtype.into(),
    );
    out
}

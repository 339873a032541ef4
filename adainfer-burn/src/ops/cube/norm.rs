//! Root-mean-square norm, a cube a row.

use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{LEVELS, UNITS, cube_a_row, room};

/// Sums what each unit has; the sum is the first number.
#[cube]
pub(super) fn sum_of_units(numbers: &mut SharedMemory<f32>, unit: usize) {
    sync_cube();
    #[unroll]
    for level in 0..LEVELS {
        let reach = comptime![(UNITS >> (level + 1)) as usize];
        if unit < reach {
            numbers[unit] = numbers[unit] + numbers[unit + reach];
        }
        sync_cube();
    }
}

#[cube(launch)]
fn rms_norm_kernel<F: Float>(
    x: &Tensor<F>,
    gamma: &Tensor<F>,
    out: &mut Tensor<F>,
    epsilon: f32,
    #[define(F)] _dtype: StorageType,
) {
    let unit = UNIT_POS as usize;
    let width = x.shape(1);
    // Cubes in excess do the last row again.
    let mut row = CUBE_POS;
    if row >= x.shape(0) {
        row = x.shape(0) - 1;
    }
    let (from, step) = (row * x.stride(0), x.stride(1));

    let mut squares = SharedMemory::<f32>::new(UNITS as usize);
    let mut sum = 0.0f32;
    let mut i = unit;
    while i < width {
        let value = f32::cast_from(x[from + i * step]);
        sum += value * value;
        i += UNITS as usize;
    }
    squares[unit] = sum;
    sum_of_units(&mut squares, unit);

    let scale = (squares[0] / f32::cast_from(width as u32) + epsilon).sqrt();
    i = unit;
    while i < width {
        let value = F::cast_from(f32::cast_from(x[from + i * step]) / scale);
        out[row * width + i] = value * gamma[i * gamma.stride(0)];
        i += UNITS as usize;
    }
}

pub(super) fn rms_norm<R: CubeRuntime>(
    x: CubeTensor<R>,
    gamma: CubeTensor<R>,
    epsilon: f32,
) -> CubeTensor<R> {
    let dtype = x.dtype;
    let [rows, width] = x.meta.shape().dims();
    let out = room(&x, [rows, width], dtype);
    rms_norm_kernel::launch::<R>(
        &out.client,
        cube_a_row(rows),
        CubeDim::new_1d(UNITS),
        x.into_tensor_arg(),
        gamma.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        epsilon,
        dtype.into(),
    );
    out
}

//! The operations in plain tensor algebra: right on every backend, and what fast ones are held to.

use adainfer_kernels::BlockMatrix;
use burn_tensor::activation::{sigmoid, softmax};
use burn_tensor::backend::Backend;
use burn_tensor::{Bool, FloatDType, Tensor, TensorData};

use super::{Heads, Ops, Packed, Past};

/// 2 sqrt(2 / pi).
const GELU_SCALE: f32 = 1.595_769;
const GELU_CUBIC: f32 = 0.044_715;

/// Half-precision numbers as f32, where sums of squares and of exponentials need the range; others as they
/// are.
pub(crate) fn wide<B: Backend, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    x.cast(FloatDType::F32)
}

pub(crate) fn project<B: Ops>(x: Tensor<B, 2>, weight: &Packed<B>) -> Tensor<B, 2> {
    let ([positions, _], [panels, _, width]) = (x.dims(), weight.panels.dims());
    let products = B::product(x.unsqueeze::<3>(), weight.panels.clone());
    products.permute([1, 0, 2]).reshape([positions, panels * width]).narrow(1, 0, weight.outputs)
}

pub(crate) fn project_blocks<B: Ops>(x: Tensor<B, 2>, weight: &BlockMatrix) -> Tensor<B, 2> {
    let rows = rows_of(weight, 0..weight.outputs(), &x.device()).cast(x.dtype());
    score(x, &rows)
}

/// The weights of some outputs of a matrix: [outputs, inputs].
pub(crate) fn rows_of<B: Backend>(
    matrix: &BlockMatrix,
    outputs: impl IntoIterator<Item = usize>,
    device: &B::Device,
) -> Tensor<B, 2> {
    let (mut values, mut count) = (Vec::new(), 0);
    for output in outputs {
        values.resize((count + 1) * matrix.inputs(), 0.0);
        matrix.row(output, &mut values[count * matrix.inputs()..]);
        count += 1;
    }
    Tensor::from_data(TensorData::new(values, [count, matrix.inputs()]), device)
}

pub(crate) fn score<B: Ops>(x: Tensor<B, 2>, weight: &Tensor<B, 2>) -> Tensor<B, 2> {
    B::product(x, weight.clone().transpose())
}

pub(crate) fn rms_norm<B: Backend>(x: &Tensor<B, 2>, gamma: &Tensor<B, 1>, epsilon: f64) -> Tensor<B, 2> {
    let (dtype, x) = (x.dtype(), wide(x.clone()));
    let rms = (x.clone() * x.clone()).mean_dim(1).add_scalar(epsilon).sqrt();
    (x / rms).cast(dtype) * gamma.clone().unsqueeze()
}

pub(crate) fn layer_norm<B: Backend>(
    x: &Tensor<B, 2>,
    gamma: &Tensor<B, 1>,
    beta: &Tensor<B, 1>,
    epsilon: f64,
) -> Tensor<B, 2> {
    let (dtype, x) = (x.dtype(), wide(x.clone()));
    let centred = x.clone() - x.mean_dim(1);
    let deviation = (centred.clone() * centred.clone()).mean_dim(1).add_scalar(epsilon).sqrt();
    let [gamma, beta] = [gamma, beta].map(|row| wide(row.clone()).unsqueeze());
    (centred / deviation * gamma + beta).cast(dtype)
}

pub(crate) fn gelu<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    // (1 + tanh(y)) / 2 is sigmoid(2 y).
    let cube = x.clone() * x.clone() * x.clone();
    let inner = (x.clone() + cube.mul_scalar(GELU_CUBIC)).mul_scalar(GELU_SCALE);
    x * sigmoid(inner)
}

pub(crate) fn swiglu<B: Backend>(gate_up: Tensor<B, 2>) -> Tensor<B, 2> {
    let [positions, both] = gate_up.dims();
    let gate = gate_up.clone().slice([0..positions, 0..both / 2]);
    let up = gate_up.slice([0..positions, both / 2..both]);
    gate.clone() * sigmoid(gate) * up
}

pub(crate) fn rotate<B: Backend>(x: Tensor<B, 2>, cos: &Tensor<B, 2>, sin: &Tensor<B, 2>) -> Tensor<B, 2> {
    let ([positions, columns], [_, half]) = (x.dims(), cos.dims());
    let pairs = x.reshape([positions, columns / (2 * half), 2, half]);
    let first = pairs.clone().narrow(2, 0, 1);
    let second = pairs.narrow(2, 1, 1);
    let angles = |table: &Tensor<B, 2>| table.clone().reshape([positions, 1, 1, half]);
    let (cos, sin) = (angles(cos), angles(sin));
    let rotated =
        vec![first.clone() * cos.clone() - second.clone() * sin.clone(), second * cos + first * sin];
    Tensor::cat(rotated, 2).reshape([positions, columns])
}

pub(crate) fn attention<B: Ops>(query: Tensor<B, 2>, past: &[Past<'_, B>], heads: Heads) -> Tensor<B, 2> {
    let [positions, columns] = query.dims();
    let (group, width) = (heads.group(), heads.width);
    let rows = |store: &Tensor<B, 2>, length: usize| store.clone().narrow(0, 0, length);
    let all = |parts: Vec<Tensor<B, 2>>| {
        let joined = Tensor::cat(parts, 0);
        let length = joined.dims()[0];
        // One matrix a query head: [key_value, group, length, width].
        joined.reshape([length, heads.key_value, 1, width]).permute([1, 2, 0, 3]).expand([
            heads.key_value,
            group,
            length,
            width,
        ])
    };
    let keys = all(past.iter().map(|p| rows(p.keys, p.length)).collect());
    let values = all(past.iter().map(|p| rows(p.values, p.length)).collect());
    let length = keys.dims()[2];

    let query = query.reshape([positions, heads.key_value, group, width]).permute([1, 2, 0, 3]);
    let scores = B::product(query, keys.transpose()).mul_scalar((width as f64).powf(-0.5));
    let scores = if positions > 1 {
        // A position sees what is before it: its column is at most `length - positions` past its row.
        let hidden = Tensor::<B, 2, Bool>::tril_mask(
            [positions, length],
            (length - positions) as i64,
            &scores.device(),
        );
        scores.mask_fill(hidden.unsqueeze(), f32::NEG_INFINITY)
    } else {
        scores
    };
    let dtype = scores.dtype();
    let shares = softmax(wide(scores), 3).cast(dtype);
    B::product(shares, values).permute([2, 0, 1, 3]).reshape([positions, columns])
}

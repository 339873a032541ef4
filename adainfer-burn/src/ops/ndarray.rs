//! The operations on burn's ndarray backend, which copies a transposed factor at every product, and gives
//! threads whole matrices of a batch.

use adainfer_core::Probe;
use adainfer_kernels::{BlockMatrix, Matrix, block_scores, project_blocks, scores};
use burn_ndarray::{NdArray, NdArrayTensor};
use burn_tensor::{Tensor, TensorData};

use super::{Ops, Packed, look, reference};
use crate::{Dtype, ModelError};

/// Outputs of a panel: narrow enough that two threads share any projection, wide enough that bringing x
/// into the product's own order for each panel is a small part of the work.
const PANEL: usize = 192;

impl Ops for NdArray {
    /// Half types panic in this backend.
    fn computes_in(dtype: Dtype, _: &Self::Device) -> bool {
        dtype == Dtype::F32
    }

    fn look(
        logits: &Tensor<Self, 2>,
        previous: Option<&Tensor<Self, 2>>,
        entropy: bool,
    ) -> Result<Probe, ModelError> {
        look::on_host(logits, previous, entropy)
    }

    fn pack(weight: Tensor<Self, 2>) -> Packed<Self> {
        let [outputs, inputs] = weight.dims();
        let panels = outputs.div_ceil(PANEL);
        let missing = panels * PANEL - outputs;
        let weight = match missing {
            0 => weight,
            _ => Tensor::cat(vec![weight.clone(), Tensor::zeros([missing, inputs], &weight.device())], 0),
        };
        // A reshape is what makes this backend lay a transposed matrix out anew.
        let across = weight.reshape([panels, PANEL, inputs]).swap_dims(1, 2);
        Packed { outputs, panels: across.reshape([panels, inputs, PANEL]) }
    }

    fn multiplies_blocks() -> bool {
        true
    }

    fn project_blocks(x: Tensor<Self, 2>, weight: &BlockMatrix) -> Tensor<Self, 2> {
        multiplied(x, weight, |rows, out| project_blocks(rows, weight, out))
    }

    fn score_blocks(x: Tensor<Self, 2>, weight: &BlockMatrix) -> Tensor<Self, 2> {
        multiplied(x, weight, |rows, out| block_scores(weight, rows, out))
    }

    fn score(x: Tensor<Self, 2>, weight: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        let ([positions, inputs], [outputs, _]) = (x.dims(), weight.dims());
        let [rows, weights] = [&x, weight].map(|matrix| matrix.clone().into_primitive().tensor());
        let (Some(rows), Some(weights)) = (values(&rows), values(&weights)) else {
            return reference::score(x, weight);
        };
        let mut products = vec![0.0; positions * outputs];
        let rows = Matrix::new(rows, [positions, inputs]);
        scores(Matrix::new(weights, [outputs, inputs]), rows, &mut products);
        Tensor::from_data(TensorData::new(products, [positions, outputs]), &x.device())
    }
}

/// A product with a weight in blocks.
fn multiplied(
    x: Tensor<NdArray, 2>,
    weight: &BlockMatrix,
    product: impl FnOnce(Matrix<'_>, &mut [f32]),
) -> Tensor<NdArray, 2> {
    let ([positions, inputs], device) = (x.dims(), x.device());
    let rows = x.clone().into_primitive().tensor();
    let Some(rows) = values(&rows) else { return reference::project_blocks(x, weight) };
    let mut products = vec![0.0; positions * weight.outputs()];
    product(Matrix::new(rows, [positions, inputs]), &mut products);
    Tensor::from_data(TensorData::new(products, [positions, weight.outputs()]), &device)
}

/// The numbers of a tensor, row after row; `None` where they lie otherwise, or are not f32.
fn values(tensor: &NdArrayTensor) -> Option<&[f32]> {
    match tensor {
        NdArrayTensor::F32(storage) => storage.view().to_slice(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use burn_tensor::{Distribution, Tolerance};

    use super::*;

    fn random(rows: usize, columns: usize) -> Tensor<NdArray, 2> {
        Tensor::random([rows, columns], Distribution::Normal(0.0, 1.0), &Default::default())
    }

    #[test]
    fn products_are_those_of_the_reference() {
        let close = |found: Tensor<NdArray, 2>, wanted: Tensor<NdArray, 2>| {
            let tolerance = Tolerance::absolute(2e-5).set_relative(1e-5);
            found.into_data().assert_approx_eq::<f32>(&wanted.into_data(), tolerance);
        };
        // Around the panel.
        for (rows, inputs, outputs) in [(1, 64, 7), (3, 8, PANEL), (5, 16, PANEL + 1), (2, 37, 2 * PANEL)] {
            let (x, weight) = (random(rows, inputs), random(outputs, inputs));
            let wanted = reference::score(x.clone(), &weight);
            close(NdArray::project(x.clone(), &NdArray::pack(weight.clone())), wanted.clone());
            close(NdArray::score(x, &weight), wanted);
        }
        // Views: columns of a wider matrix, and a transposed one.
        let (x, weight) = (random(4, 40).narrow(1, 8, 16), random(16, 24).transpose());
        let wanted = reference::score(x.clone(), &weight);
        close(NdArray::project(x.clone(), &NdArray::pack(weight.clone())), wanted.clone());
        close(NdArray::score(x, &weight), wanted);
    }
}

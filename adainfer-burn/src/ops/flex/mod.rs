//! The operations on burn's flex backend, where plain tensor algebra leaves time: it runs products of a
//! few rows on one thread, copies strided views, and computes scalar by scalar what SIMD can do at once.
//!
//! The arithmetic is `adainfer_kernels`'; here tensors become what that reads and writes.

mod attention;
#[cfg(test)]
mod tests;

use adainfer_core::Probe;
use adainfer_kernels::{self as kernels, BlockMatrix, Matrix};
use burn_flex::{Flex, FlexTensor};
use burn_tensor::{DType, Tensor, TensorData, TensorPrimitive};
use rayon::prelude::*;

use super::{Heads, Ops, Packed, Past, look, reference};
use crate::{Dtype, ModelError};

/// Bytes that [`keep_memory`] allocates and frees: just under the largest that glibc learns from.
const KEPT_MEMORY: usize = 31 << 20;

/// Makes the allocator keep what operations free for the next ones.
///
/// glibc maps large blocks from the kernel, and hands freed memory back, above thresholds that grow with
/// the largest mapped block it has seen freed. At their start a prefill of 300 tokens spends a quarter
/// of its time in page faults; after this, hardly any. Other allocators are not affected.
fn keep_memory() {
    drop(std::hint::black_box(vec![0u8; KEPT_MEMORY]));
}

impl Ops for Flex {
    fn prepare() {
        keep_memory();
    }

    /// Half types would be converted in every operation.
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

    /// On a thread of rayon's pool: from outside, every operation would wait for two threads to wake.
    fn together<R: Send>(work: impl FnOnce() -> R + Send) -> R {
        rayon::scope(|_| work())
    }

    fn each<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
        items.into_par_iter().map(work).collect()
    }

    fn pack(weight: Tensor<Self, 2>) -> Packed<Self> {
        let ([outputs, inputs], width) = (weight.dims(), kernels::panel_width());
        let mut weight = primitive(weight);
        let Some(rows) = view(&weight) else {
            return Packed { panels: tensor::<2>(weight).transpose().unsqueeze(), outputs };
        };
        let shape = [outputs.div_ceil(width), inputs, width];
        let alone = weight.is_contiguous() && weight.storage::<f32>().len() == outputs * inputs;
        if outputs.is_multiple_of(width) && alone {
            kernels::pack_in_place(weight.storage_mut::<f32>(), inputs);
            return Packed { panels: tensor::<2>(weight).reshape(shape), outputs };
        }
        Packed { panels: of_values(kernels::pack(rows), shape), outputs }
    }

    fn project(x: Tensor<Self, 2>, weight: &Packed<Self>) -> Tensor<Self, 2> {
        let width = weight.panels.dims()[2];
        let (x, panels) = (primitive(x), primitive(weight.panels.clone()));
        let (Some(rows), Some(panels), true) =
            (view(&x), panels.as_slice::<f32>(), width == kernels::panel_width())
        else {
            return reference::project(tensor(x), weight);
        };
        matrix_of([rows.rows(), weight.outputs], |out| {
            kernels::project(rows, panels, weight.outputs, out);
        })
    }

    fn multiplies_blocks() -> bool {
        true
    }

    fn project_blocks(x: Tensor<Self, 2>, weight: &BlockMatrix) -> Tensor<Self, 2> {
        let x = primitive(x);
        let Some(rows) = view(&x) else { return reference::project_blocks(tensor(x), weight) };
        matrix_of([rows.rows(), weight.outputs()], |out| kernels::project_blocks(rows, weight, out))
    }

    fn score(x: Tensor<Self, 2>, weight: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        let (x, w) = (primitive(x), primitive(weight.clone()));
        let (Some(rows), Some(weights)) = (view(&x), view(&w)) else {
            return reference::score(tensor(x), weight);
        };
        matrix_of([rows.rows(), weights.rows()], |out| kernels::scores(weights, rows, out))
    }

    fn score_blocks(x: Tensor<Self, 2>, weight: &BlockMatrix) -> Tensor<Self, 2> {
        let x = primitive(x);
        let Some(rows) = view(&x) else { return reference::project_blocks(tensor(x), weight) };
        matrix_of([rows.rows(), weight.outputs()], |out| kernels::block_scores(weight, rows, out))
    }

    fn score_screened(x: Tensor<Self, 2>, weight: &Tensor<Self, 2>, screen: &BlockMatrix) -> Tensor<Self, 2> {
        let (x, w) = (primitive(x), primitive(weight.clone()));
        let (Some(rows), Some(weights)) = (view(&x), view(&w)) else {
            return reference::score(tensor(x), weight);
        };
        matrix_of([rows.rows(), weights.rows()], |out| {
            for (i, out) in out.chunks_exact_mut(weights.rows()).enumerate() {
                kernels::screened_scores(weights, screen, rows.row(i), out);
            }
        })
    }

    fn rms_norm(x: &Tensor<Self, 2>, gamma: &Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        let (x, gamma) = (primitive(x.clone()), primitive(gamma.clone()));
        let (Some(rows), Some(scale)) = (view(&x), gamma.as_slice::<f32>()) else {
            return reference::rms_norm(&tensor(x), &tensor(gamma), epsilon);
        };
        matrix_of([rows.rows(), rows.columns()], |out| kernels::rms_norm(rows, scale, epsilon as f32, out))
    }

    fn layer_norm(
        x: &Tensor<Self, 2>,
        gamma: &Tensor<Self, 1>,
        beta: &Tensor<Self, 1>,
        epsilon: f64,
    ) -> Tensor<Self, 2> {
        let [gamma, beta] = [gamma.clone(), beta.clone()].map(primitive);
        let x = primitive(x.clone());
        let (Some(rows), Some(scale), Some(shift)) =
            (view(&x), gamma.as_slice::<f32>(), beta.as_slice::<f32>())
        else {
            return reference::layer_norm(&tensor(x), &tensor(gamma), &tensor(beta), epsilon);
        };
        matrix_of([rows.rows(), rows.columns()], |out| {
            kernels::layer_norm(rows, scale, shift, epsilon as f32, out);
        })
    }

    fn gelu_tanh(x: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let x = primitive(x);
        let Some(rows) = view(&x) else { return reference::gelu(tensor(x)) };
        matrix_of([rows.rows(), rows.columns()], |out| kernels::gelu_tanh(rows, out))
    }

    fn swiglu(gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let x = primitive(gate_up);
        let Some(rows) = view(&x) else { return reference::swiglu(tensor(x)) };
        matrix_of([rows.rows(), rows.columns() / 2], |out| kernels::swiglu(rows, out))
    }

    fn rotate(x: Tensor<Self, 2>, cos: &Tensor<Self, 2>, sin: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [x, c, s] = [x, cos.clone(), sin.clone()].map(primitive);
        let (Some(rows), Some(c), Some(s)) = (view(&x), view(&c), view(&s)) else {
            return reference::rotate(tensor(x), cos, sin);
        };
        matrix_of([rows.rows(), rows.columns()], |out| kernels::rotate(rows, c, s, out))
    }

    fn write_rows(store: Tensor<Self, 2>, start: usize, rows: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [n, width] = rows.dims();
        let (mut store, rows) = (primitive(store), primitive(rows));
        let (Some(new), Some(_)) = (view(&rows), store.as_slice::<f32>()) else {
            return tensor::<2>(store).slice_assign([start..start + n, 0..width], tensor(rows));
        };
        let offset = store.layout().start_offset() + start * width;
        // In place when this is the only owner; else burn copies the store first.
        let place = &mut store.storage_mut::<f32>()[offset..offset + n * width];
        place.chunks_exact_mut(width).enumerate().for_each(|(i, row)| row.copy_from_slice(new.row(i)));
        tensor(store)
    }

    fn attend(query: Tensor<Self, 2>, past: &[Past<'_, Self>], heads: Heads) -> Tensor<Self, 2> {
        attention::attend(query, past, heads)
    }
}

fn primitive<const D: usize>(tensor: Tensor<Flex, D>) -> FlexTensor {
    tensor.into_primitive().tensor()
}

fn tensor<const D: usize>(primitive: FlexTensor) -> Tensor<Flex, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// Views a tensor of rank 2; `None` if it is not f32, is empty, or its rows are not contiguous.
fn view(tensor: &FlexTensor) -> Option<Matrix<'_>> {
    let layout = tensor.layout();
    let (&[rows, columns], &[stride, step]) = (layout.shape().as_slice(), layout.strides()) else {
        return None;
    };
    if tensor.dtype() != DType::F32 || (step != 1 && columns != 1) || rows == 0 || columns == 0 {
        return None;
    }
    let values = tensor.storage::<f32>().get(layout.start_offset()..)?;
    Some(Matrix::with_stride(values, usize::try_from(stride).ok()?, [rows, columns]))
}

/// A new matrix that `fill` writes row by row.
fn matrix_of([rows, columns]: [usize; 2], fill: impl FnOnce(&mut [f32])) -> Tensor<Flex, 2> {
    let mut values = vec![0.0; rows * columns];
    fill(&mut values);
    of_values(values, [rows, columns])
}

/// A tensor that takes these values over. (`FlexTensor::empty` would copy them to align them.)
fn of_values<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<Flex, D> {
    tensor(FlexTensor::from_data(TensorData::new(values, shape)))
}

//! The operations on burn's flex backend, where plain tensor algebra leaves time: it runs products of a
//! few rows on one thread, copies strided views, and computes scalar by scalar what SIMD can do at once.
//!
//! Safe Rust throughout; `pulp` picks the widest SIMD of the processor at run time. What is computed for
//! a row does not depend on how rows are divided among threads.

mod attention;
mod elementwise;
mod matrix;
mod panels;
mod projection;
mod scores;
mod simd;
#[cfg(test)]
mod tests;

use adainfer_core::Probe;
use burn_flex::{Flex, FlexTensor};
use burn_tensor::{Tensor, TensorData, TensorPrimitive};

use super::{Heads, Ops, Packed, Past, look, reference};
use crate::{Dtype, ModelError};
use matrix::Matrix;

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

    fn look(logits: &Tensor<Self, 2>, previous: Option<&Tensor<Self, 2>>) -> Result<Probe, ModelError> {
        look::on_host(logits, previous)
    }

    /// On a thread of rayon's pool: from outside, every operation would wait for two threads to wake.
    fn together<R: Send>(work: impl FnOnce() -> R + Send) -> R {
        rayon::scope(|_| work())
    }

    fn pack(weight: Tensor<Self, 2>) -> Packed<Self> {
        let outputs = weight.dims()[0];
        let panels = panels::panels(primitive(weight))
            .unwrap_or_else(|weight| tensor::<2>(weight).transpose().unsqueeze());
        Packed { panels, outputs }
    }

    fn project(x: Tensor<Self, 2>, weight: &Packed<Self>) -> Tensor<Self, 2> {
        projection::project(x, weight)
    }

    fn score(x: Tensor<Self, 2>, weight: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        scores::score(x, weight)
    }

    fn rms_norm(x: &Tensor<Self, 2>, gamma: &Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        let (x, gamma) = (primitive(x.clone()), primitive(gamma.clone()));
        let (Some(rows), Some(scale)) = (Matrix::view(&x), gamma.as_slice::<f32>()) else {
            return reference::rms_norm(&tensor(x), &tensor(gamma), epsilon);
        };
        matrix_of([rows.rows, rows.columns], |out| elementwise::rms_norm(rows, scale, epsilon as f32, out))
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
            (Matrix::view(&x), gamma.as_slice::<f32>(), beta.as_slice::<f32>())
        else {
            return reference::layer_norm(&tensor(x), &tensor(gamma), &tensor(beta), epsilon);
        };
        matrix_of([rows.rows, rows.columns], |out| {
            elementwise::layer_norm(rows, scale, shift, epsilon as f32, out);
        })
    }

    fn gelu_tanh(x: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let x = primitive(x);
        let Some(rows) = Matrix::view(&x) else { return reference::gelu(tensor(x)) };
        matrix_of([rows.rows, rows.columns], |out| elementwise::gelu(rows, out))
    }

    fn swiglu(gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let x = primitive(gate_up);
        let Some(rows) = Matrix::view(&x) else { return reference::swiglu(tensor(x)) };
        matrix_of([rows.rows, rows.columns / 2], |out| elementwise::swiglu(rows, out))
    }

    fn rotate(x: Tensor<Self, 2>, cos: &Tensor<Self, 2>, sin: &Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [x, c, s] = [x, cos.clone(), sin.clone()].map(primitive);
        let (Some(rows), Some(c), Some(s)) = (Matrix::view(&x), Matrix::view(&c), Matrix::view(&s)) else {
            return reference::rotate(tensor(x), cos, sin);
        };
        matrix_of([rows.rows, rows.columns], |out| elementwise::rotate(rows, c, s, out))
    }

    fn write_rows(store: Tensor<Self, 2>, start: usize, rows: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [n, width] = rows.dims();
        let (mut store, rows) = (primitive(store), primitive(rows));
        let (Some(new), Some(_)) = (Matrix::view(&rows), store.as_slice::<f32>()) else {
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

//! Safetensors files, taken apart and put together.

use std::collections::BTreeMap;

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

/// A tensor as a file has it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Stored {
    pub(crate) fn zeros(shape: &[usize]) -> Self {
        let bytes = vec![0; 4 * shape.iter().product::<usize>()];
        Self { dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    fn view(&self) -> TensorView<'_> {
        TensorView::new(self.dtype, self.shape.clone(), &self.bytes).unwrap()
    }

    /// The values of an f32 tensor.
    pub(crate) fn values(&self) -> Vec<f32> {
        self.bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    }

    pub(crate) fn set(&mut self, values: &[f32]) {
        self.dtype = Dtype::F32;
        self.bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    }

    /// Stores the values as f16.
    pub(crate) fn halve(&mut self) {
        self.bytes = self.values().iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect();
        self.dtype = Dtype::F16;
    }

    /// Stores the values as bf16.
    pub(crate) fn halve_brain(&mut self) {
        self.bytes = self.values().iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect();
        self.dtype = Dtype::BF16;
    }

    /// As many zeros of another type.
    pub(crate) fn retype(&mut self, dtype: Dtype) {
        self.bytes = vec![0; self.bytes.len() / self.dtype.bitsize() * dtype.bitsize()];
        self.dtype = dtype;
    }
}

/// The tensors of a file.
#[derive(Debug)]
pub(crate) struct Tensors(pub(crate) BTreeMap<String, Stored>);

impl Tensors {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let file = SafeTensors::deserialize(bytes).unwrap();
        let stored = |view: &TensorView<'_>| Stored {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        };
        Self(file.tensors().iter().map(|(name, view)| (name.clone(), stored(view))).collect())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let views = self.0.iter().map(|(name, stored)| (name, stored.view()));
        safetensors::serialize(views, None).unwrap()
    }

    pub(crate) fn of(&mut self, name: &str) -> &mut Stored {
        self.0.get_mut(name).unwrap()
    }

    pub(crate) fn add(&mut self, name: &str, shape: &[usize]) {
        self.0.insert(name.to_owned(), Stored::zeros(shape));
    }
}

/// A file of this header and these bytes behind it.
pub(crate) fn with_header(header: impl AsRef<[u8]>, body: &[u8]) -> Vec<u8> {
    let header = header.as_ref();
    [&(header.len() as u64).to_le_bytes(), header, body].concat()
}

/// A file of tensors `a`, `b`, ... of the given type, shape and offsets, before `body` bytes.
pub(crate) fn with_entries(entries: &[(&str, Value, [u64; 2])], body: usize) -> Vec<u8> {
    let names = ["a", "b", "c"];
    let entry = |(dtype, shape, span): &(&str, Value, [u64; 2])| json!({"dtype": dtype, "shape": shape, "data_offsets": span});
    let header: BTreeMap<_, _> = names.into_iter().zip(entries.iter().map(entry)).collect();
    with_header(json!(header).to_string(), &vec![0; body])
}

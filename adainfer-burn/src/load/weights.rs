//! Tensors by name, whatever file they lie in: checked all at once, then read one by one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adainfer_kernels::{BLOCK, BlockMatrix};
use burn_tensor::{DType, Tensor, TensorData};
use sha2::{Digest, Sha256};

use super::blocks::{Part, joined};
use super::{LoadOptions, Progress};
use crate::gguf::TensorKind;
use crate::layers::Weight;
use crate::ops::Ops;
use crate::rows::TokenRows;
use crate::{DeviceError, Dtype, LoadError, WeightFormat};

/// Named tensors in files. Names are those of Hugging Face checkpoints.
pub(crate) trait Source {
    /// The file or folder, for errors.
    fn path(&self) -> &Path;

    /// Shape of every tensor, outermost first.
    fn shapes(&self) -> BTreeMap<String, Vec<usize>>;

    /// Appends a tensor's values, row by row, to `out`, and passes the bytes they came from to `raw`.
    fn append(&mut self, name: &str, out: &mut Vec<f32>, raw: &mut dyn FnMut(&[u8]))
    -> Result<(), LoadError>;

    /// A matrix as the file has it, where that is in blocks of 32 numbers, and passes its bytes to `raw`.
    fn stored(
        &mut self,
        _name: &str,
        _raw: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<(TensorKind, Vec<u8>)>, LoadError> {
        Ok(None)
    }
}

/// A tensor that a configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
}

impl Expected {
    pub(crate) fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), shape: shape.into() }
    }
}

/// SHA-256 of what each tensor was read from, by name.
pub(crate) type Digests = BTreeMap<String, [u8; 32]>;

/// Reads a model's tensors onto a device, hashes them for its fingerprint, and reports progress.
pub(crate) struct Weights<'a, B: Ops> {
    source: Box<dyn Source>,
    shapes: BTreeMap<String, Vec<usize>>,
    device: B::Device,
    digests: Digests,
    done: u64,
    total: u64,
    options: LoadOptions<'a>,
}

impl<'a, B: Ops> Weights<'a, B> {
    pub(crate) fn new(source: Box<dyn Source>, device: &B::Device, options: LoadOptions<'a>) -> Self {
        let (shapes, device) = (source.shapes(), device.clone());
        Self { source, shapes, device, digests: Digests::new(), done: 0, total: 0, options }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.source.path().to_path_buf()
    }

    /// How many tensors there are: a bound on what a configuration can honestly ask for.
    pub(crate) fn count(&self) -> usize {
        self.shapes.len()
    }

    /// The shape of a tensor, if there is one of that name.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.shapes.get(name).map(Vec::as_slice)
    }

    /// Holds the files against what the configuration asks for, before anything is read. Tensors that
    /// `surplus` names may be there or not.
    ///
    /// # Errors
    /// All missing and unexpected names at once; else the first shape that differs.
    pub(crate) fn check(
        &mut self,
        expected: &[Expected],
        surplus: impl Fn(&str) -> bool,
    ) -> Result<(), LoadError> {
        let wanted: BTreeMap<&str, &[usize]> =
            expected.iter().map(|e| (e.name.as_str(), e.shape.as_slice())).collect();
        let missing: Vec<String> =
            wanted.keys().filter(|name| !self.shapes.contains_key(**name)).map(|n| n.to_string()).collect();
        let unexpected: Vec<String> =
            self.shapes.keys().filter(|n| !wanted.contains_key(n.as_str()) && !surplus(n)).cloned().collect();
        if !(missing.is_empty() && unexpected.is_empty()) {
            return Err(LoadError::Tensors { path: self.path(), missing, unexpected });
        }
        for (name, shape) in &wanted {
            let found = &self.shapes[*name];
            if found != shape {
                let (tensor, wanted) = (name.to_string(), shape.to_vec());
                return Err(LoadError::Shape { path: self.path(), tensor, found: found.clone(), wanted });
            }
        }
        // The files hold these shapes, so the products fit.
        self.total = wanted.values().map(|shape| shape.iter().product::<usize>() as u64).sum();
        Ok(())
    }

    /// Projections of one input, one below the other, as they are held.
    pub(crate) fn projection(&mut self, names: &[String]) -> Result<Weight<B>, LoadError> {
        match self.blocks(names)? {
            Some(blocks) => Ok(Weight::Blocks(blocks)),
            None => Ok(Weight::Floats(B::pack(self.matrix(names)?))),
        }
    }

    /// A projection of values at hand: [outputs, inputs].
    pub(crate) fn projection_of(&self, values: Vec<f32>, shape: [usize; 2]) -> Weight<B> {
        if self.in_blocks(shape[1])
            && let Some(blocks) = BlockMatrix::rounded(adainfer_kernels::Matrix::new(&values, shape))
        {
            return Weight::Blocks(blocks);
        }
        Weight::Floats(B::pack(self.tensor(values, shape)))
    }

    /// A row for each token, as they are held.
    pub(crate) fn token_rows(&mut self, name: &str) -> Result<TokenRows<B>, LoadError> {
        let names = [name.to_owned()];
        match self.blocks(&names)? {
            Some(blocks) => Ok(TokenRows::Blocks { matrix: Arc::new(blocks), device: self.device.clone() }),
            None => Ok(TokenRows::Floats(self.matrix(&names)?)),
        }
    }

    /// The rows of a head, with a screen if that is asked for.
    pub(crate) fn head(&self, rows: TokenRows<B>) -> Result<TokenRows<B>, LoadError> {
        if !self.options.screened_head {
            return Ok(rows);
        }
        rows.screened().map_err(|error| DeviceError::Failed { reason: error.to_string() }.into())
    }

    /// Whether a matrix of so many inputs is to be held in blocks.
    fn in_blocks(&self, inputs: usize) -> bool {
        self.options.weights != WeightFormat::Float && B::multiplies_blocks() && inputs.is_multiple_of(BLOCK)
    }

    /// Matrices of equal width, one below the other, in blocks, if they are to be held so and can be.
    fn blocks(&mut self, names: &[String]) -> Result<Option<BlockMatrix>, LoadError> {
        let inputs = names.first().and_then(|n| self.shape(n)).and_then(|s| s.last().copied()).unwrap_or(0);
        if inputs == 0 || !self.in_blocks(inputs) {
            return Ok(None);
        }
        let mut parts = Vec::with_capacity(names.len());
        for name in names {
            parts.push(match self.stored(name)? {
                Some((kind, bytes)) => Part::Stored { kind, bytes },
                None => Part::Values(self.read(std::slice::from_ref(name))?),
            });
            if let Some((element, value)) = parts.last().and_then(Part::not_finite) {
                let tensor = name.clone();
                return Err(LoadError::NotFinite { path: self.path(), tensor, element, value });
            }
        }
        Ok(joined(&parts, inputs))
    }

    /// A matrix in the file's own blocks, where those are asked for and there.
    fn stored(&mut self, name: &str) -> Result<Option<(TensorKind, Vec<u8>)>, LoadError> {
        if self.options.weights != WeightFormat::Stored {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        let stored = self.source.stored(name, &mut |raw| hash.update(raw))?;
        if stored.is_some() {
            self.report(name);
            self.done += self.elements(name) as u64;
            self.digests.insert(name.to_owned(), hash.finalize().into());
        }
        Ok(stored)
    }

    fn elements(&self, name: &str) -> usize {
        self.shapes.get(name).map_or(0, |shape| shape.iter().product())
    }

    /// Matrices of equal width, one below the other: [sum of rows, columns].
    pub(crate) fn matrix(&mut self, names: &[String]) -> Result<Tensor<B, 2>, LoadError> {
        let columns = names.first().and_then(|n| self.shape(n)).and_then(|s| s.last().copied()).unwrap_or(0);
        let values = self.read(names)?;
        let rows = values.len() / columns.max(1);
        Ok(self.tensor(values, [rows, columns]))
    }

    /// Vectors, one after the other.
    pub(crate) fn vector(&mut self, names: &[String]) -> Result<Tensor<B, 1>, LoadError> {
        let values = self.read(names)?;
        let length = values.len();
        Ok(self.tensor(values, [length]))
    }

    /// Values on the device, in the model's number format.
    pub(crate) fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<B, D> {
        tensor(values, shape, &self.device, self.options.dtype)
    }

    /// The values of the named tensors, one after the other.
    pub(crate) fn read(&mut self, names: &[String]) -> Result<Vec<f32>, LoadError> {
        let mut values = Vec::with_capacity(names.iter().map(|name| self.elements(name)).sum());
        for name in names {
            self.report(name);
            let start = values.len();
            let mut hash = Sha256::new();
            self.source.append(name, &mut values, &mut |raw| hash.update(raw))?;
            let read = &values[start..];
            if let Some(element) = read.iter().position(|x| !x.is_finite()) {
                let (tensor, value) = (name.clone(), read[element]);
                return Err(LoadError::NotFinite { path: self.path(), tensor, element, value });
            }
            self.done += read.len() as u64;
            self.digests.insert(name.clone(), hash.finalize().into());
        }
        Ok(values)
    }

    fn report(&mut self, tensor: &str) {
        if let Some(progress) = &mut self.options.progress {
            progress(Progress { tensor, done: self.done, total: self.total });
        }
    }

    /// Reports the end, and says what was read.
    pub(crate) fn finish(mut self) -> Digests {
        self.report("");
        self.digests
    }
}

/// Values on a device; those of half precision are rounded on the way, so that they travel as such.
pub(crate) fn tensor<B: Ops, const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
    dtype: Dtype,
) -> Tensor<B, D> {
    let dtype = DType::from(dtype);
    Tensor::from_data(TensorData::new(values, shape).convert_dtype(dtype), (device, dtype))
}

/// The identity of a model: SHA-256 over its architecture and the digests of all its tensors, in
/// hexadecimal. The order in which they were read and the devices they are on do not matter.
pub(crate) fn fingerprint(architecture: &str, digests: &Digests) -> String {
    let mut hash = Sha256::new();
    hash.update(architecture.as_bytes());
    for (name, digest) in digests {
        hash.update(name.as_bytes());
        hash.update(digest);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

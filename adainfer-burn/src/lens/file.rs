//! Lenses and label probes as safetensors files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use half::f16;
use serde_json::{Map, Value, json};

use crate::LoadError;
use crate::load::SafetensorsFile;

/// Why a lens or a label probe cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LensFileError {
    /// The file could not be written.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file cannot be read, or is damaged.
    #[error(transparent)]
    Damaged(#[from] LoadError),
    /// The file says something else than it should.
    #[error("{}: field {field}: {reason}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Which of its fields.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is of a version that this library does not know.
    #[error("{}: {kind} is of version {found}, and this library reads version {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// Its version.
        found: String,
        /// The version that can be read.
        known: u32,
    },
}

/// A tensor of a layer, as the file calls it.
fn name(layer: usize, tensor: &str) -> String {
    format!("layer.{layer}.{tensor}")
}

/// A tensor to be written.
pub(super) struct Saved<'a> {
    pub(super) layer: usize,
    pub(super) tensor: &'static str,
    pub(super) shape: Vec<usize>,
    pub(super) values: &'a [f32],
}

impl Saved<'_> {
    /// Whether half precision holds every number as it is: then it takes half the room.
    fn is_half(&self) -> bool {
        self.values.iter().all(|x| f16::from_f32(*x).to_f32().to_bits() == x.to_bits())
    }
}

/// Writes a safetensors file, every number as it is. It takes the place of an older one in one step, so that none is left
/// half written; the same tensors give the same bytes.
pub(super) fn save(path: &Path, metadata: &Value, tensors: &[Saved<'_>]) -> Result<(), LensFileError> {
    let mut part = path.file_name().unwrap_or_default().to_owned();
    part.push(".part");
    let part = path.with_file_name(part);
    let written = write(&part, metadata, tensors).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // The error that matters is the one that there is.
        let _ = std::fs::remove_file(&part);
    }
    written.map_err(|source| LensFileError::Io { path: path.to_path_buf(), source })
}

fn write(path: &Path, metadata: &Value, tensors: &[Saved<'_>]) -> std::io::Result<()> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), metadata.clone());
    let mut end = 0;
    for tensor in tensors {
        let (dtype, size) = if tensor.is_half() { ("F16", 2) } else { ("F32", 4) };
        let start = end;
        end += size * tensor.values.len();
        let entry = json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end] });
        header.insert(name(tensor.layer, tensor.tensor), entry);
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for tensor in tensors {
        let half = tensor.is_half();
        for value in tensor.values {
            match half {
                true => file.write_all(&f16::from_f32(*value).to_le_bytes())?,
                false => file.write_all(&value.to_le_bytes())?,
            }
        }
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

/// A file of maps, under way of being read. Nothing is allocated beyond what the file's size justifies.
pub(super) struct Maps {
    path: PathBuf,
    file: SafetensorsFile,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Maps {
    /// Opens a file whose field `kind` says this version.
    pub(super) fn open(path: &Path, kind: &'static str, known: u32) -> Result<Self, LensFileError> {
        let file = SafetensorsFile::open(path)?;
        let shapes = file.tensors().collect();
        let maps = Self { path: path.to_path_buf(), file, shapes };
        match maps.text(kind)? {
            found if found == known.to_string() => Ok(maps),
            found => Err(LensFileError::Version { path: maps.path, kind, found, known }),
        }
    }

    /// The error of a field.
    pub(super) fn bad(&self, field: &'static str, reason: impl Into<String>) -> LensFileError {
        LensFileError::Field { path: self.path.clone(), field, reason: reason.into() }
    }

    pub(super) fn text(&self, field: &'static str) -> Result<String, LensFileError> {
        self.file.metadata(field).map(str::to_owned).ok_or_else(|| self.bad(field, "it is missing"))
    }

    pub(super) fn number(&self, field: &'static str) -> Result<usize, LensFileError> {
        let text = self.text(field)?;
        text.parse().map_err(|_| self.bad(field, format!("it must be a number, not {text:?}")))
    }

    /// What the field `quality` says of each layer, each of which has two tensors, and there are no others.
    pub(super) fn quality<Q: serde::de::DeserializeOwned>(
        &self,
    ) -> Result<BTreeMap<usize, Q>, LensFileError> {
        let quality: BTreeMap<usize, Q> = serde_json::from_str(&self.text("quality")?)
            .map_err(|error| self.bad("quality", error.to_string()))?;
        let (tensors, layers) = (self.shapes.len(), quality.len());
        match tensors == 2 * layers {
            true => Ok(quality),
            false => {
                let reason = format!("it names {layers} layers, and there are {tensors} tensors");
                Err(self.bad("quality", reason))
            }
        }
    }

    /// A layer's tensor.
    pub(super) fn tensor(
        &mut self,
        layer: usize,
        tensor: &str,
        shape: &[usize],
    ) -> Result<Vec<f32>, LensFileError> {
        let name = name(layer, tensor);
        match self.shapes.get(&name) {
            Some(found) if found == shape => {}
            found => return Err(self.bad("quality", format!("{name} must be {shape:?} and is {found:?}"))),
        }
        let mut values = Vec::new();
        self.file.append(&name, &mut values, &mut |_| ())?;
        Ok(values)
    }
}

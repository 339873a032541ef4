//! Reading GGUF files, versions 2 and 3.
//!
//! A GGUF file is a header (magic, version, two counts), metadata (keys with typed values), a directory of
//! tensors, and the bytes of the tensors, each padded to an alignment. [`GgufFile::open`] reads all but the last
//! and checks it; [`GgufFile::read_into`] turns one tensor into `f32`.
//!
//! The file is not trusted. Every count and length is held against the bytes that are left before anything is
//! allocated for it, so that a hostile file costs an error, and memory in proportion to its size. Products are
//! checked. Tensors must lie in the file one after another: an overlap is refused, and so are bytes that belong
//! to no tensor, other than padding (whose content is not looked at). The last tensor may be padded or not.
//!
//! Files for big-endian machines are refused; so are files of version 1, which nobody writes any more.
//!
//! # Examples
//!
//! ```no_run
//! use adainfer_burn::gguf::GgufFile;
//! use std::path::Path;
//!
//! let mut file = GgufFile::open(Path::new("model.gguf"))?;
//! let layers = file.metadata().u64("llama.block_count")?;
//! let mut norm = Vec::new();
//! file.read_into("output_norm.weight", &mut norm, &mut |_raw| ())?;
//! # Ok::<(), adainfer_burn::gguf::GgufError>(())
//! ```

mod bytes;
mod directory;
mod error;
mod kind;
mod kquant;
mod metadata;
mod quant;
mod value;

pub use directory::TensorInfo;
pub use error::GgufError;
pub use kind::TensorKind;
pub use metadata::Metadata;
pub use value::{Array, Value};

use bytes::{Cursor, MIN_STRING};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The alignment of a file that does not say.
const DEFAULT_ALIGNMENT: u64 = 32;

/// The largest alignment accepted. Files have 32, sometimes a page; a padding of more than this would be a place
/// to hide things.
const MAX_ALIGNMENT: u64 = 1 << 20;

/// The least that a metadata entry takes: an empty key, a type, a value of one byte.
const MIN_METADATA: u64 = MIN_STRING + 4 + 1;

/// Raw bytes held at a time while a tensor is read: many blocks a call, few enough to stay in a processor's cache.
const PIECE: usize = 1 << 18;

/// A GGUF file, opened and checked.
#[derive(Debug)]
pub struct GgufFile {
    file: File,
    version: u32,
    metadata: Metadata,
    tensors: Vec<TensorInfo>,
}

impl GgufFile {
    /// Opens a file and checks its header, its metadata and its directory of tensors. Reads no tensor.
    ///
    /// # Errors
    ///
    /// [`GgufError`], one variant for each thing that can be wrong.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut cursor = Cursor::new(BufReader::new(file), length);
        let version = read_version(&mut cursor)?;
        let count = cursor.count("the tensors", directory::MIN_ENTRY)?;
        let keys = cursor.count("the metadata", MIN_METADATA)?;
        let metadata = Metadata::read(&mut cursor, keys)?;
        let tensors = directory::read(&mut cursor, count, alignment(&metadata)?)?;
        Ok(Self { file: cursor.into_source().into_inner(), version, metadata, tensors })
    }

    /// The version of the format that the file has: 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The metadata, to take a vocabulary out of it.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// All tensors, in the order of their names.
    pub fn tensors(&self) -> impl Iterator<Item = &TensorInfo> {
        self.tensors.iter()
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        let index = self.tensors.binary_search_by(|tensor| tensor.name().cmp(name)).ok()?;
        self.tensors.get(index)
    }

    /// Appends the values of a tensor to `out`, in the order of its shape (the last axis fastest).
    ///
    /// The tensor's bytes are read in pieces, and `raw` sees each piece first, in order. On an error `out` is
    /// as it was, but `raw` may have seen pieces.
    ///
    /// # Errors
    ///
    /// [`GgufError::NoTensor`], or [`GgufError::Io`] if reading fails, which includes that the file has become
    /// shorter since it was opened.
    pub fn read_into(
        &mut self,
        name: &str,
        out: &mut Vec<f32>,
        raw: &mut dyn FnMut(&[u8]),
    ) -> Result<(), GgufError> {
        let tensor = self.tensor(name).ok_or_else(|| GgufError::NoTensor { name: name.to_owned() })?;
        let before = out.len();
        out.reserve(tensor.elements());
        let read = read_pieces(&self.file, tensor, out, raw);
        if read.is_err() {
            out.truncate(before);
        }
        Ok(read?)
    }

    /// The bytes of a tensor as they lie in the file.
    ///
    /// # Errors
    ///
    /// As [`read_into`](Self::read_into).
    pub(crate) fn read_bytes(&mut self, name: &str) -> Result<Vec<u8>, GgufError> {
        let tensor = self.tensor(name).ok_or_else(|| GgufError::NoTensor { name: name.to_owned() })?;
        let mut bytes = Vec::new();
        (&self.file).seek(SeekFrom::Start(tensor.offset()))?;
        (&self.file).take(tensor.bytes()).read_to_end(&mut bytes)?;
        match bytes.len() as u64 == tensor.bytes() {
            true => Ok(bytes),
            false => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

/// Reads the magic and the version, and refuses what is not a little-endian file of version 2 or 3.
fn read_version<R: Read>(cursor: &mut Cursor<R>) -> Result<u32, GgufError> {
    let magic = cursor.array("the header")?;
    if magic != *b"GGUF" {
        return Err(GgufError::BadMagic { found: magic });
    }
    match cursor.u32("the header")? {
        version @ 2..=3 => Ok(version),
        // The magic is the same in both byte orders; a small version with its bytes reversed gives the order away.
        found if found != 0 && found & 0xffff == 0 => Err(GgufError::BigEndian { found }),
        found => Err(GgufError::Version { found }),
    }
}

fn alignment(metadata: &Metadata) -> Result<u64, GgufError> {
    let found = metadata.u64("general.alignment")?.unwrap_or(DEFAULT_ALIGNMENT);
    if !found.is_power_of_two() || found > MAX_ALIGNMENT {
        return Err(GgufError::BadAlignment { found, limit: MAX_ALIGNMENT });
    }
    Ok(found)
}

fn read_pieces(
    mut file: &File,
    tensor: &TensorInfo,
    out: &mut Vec<f32>,
    raw: &mut dyn FnMut(&[u8]),
) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(tensor.offset()))?;
    let kind = tensor.kind();
    // A piece is whole blocks, and so is the tensor: no block is cut.
    let piece = PIECE / kind.block_bytes() * kind.block_bytes();
    let mut left = usize::try_from(tensor.bytes()).map_err(std::io::Error::other)?;
    let mut buffer = vec![0; piece.min(left)];
    while left > 0 {
        let blocks = &mut buffer[..piece.min(left)];
        file.read_exact(blocks)?;
        raw(blocks);
        kind.dequantise(blocks, out);
        left -= blocks.len();
    }
    Ok(())
}

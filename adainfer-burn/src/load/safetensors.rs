//! One safetensors file, whose header is read and checked and whose tensors are read when asked for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::LoadError;

/// The format's own limit: a larger header is refused before it is read.
const MAX_HEADER: u64 = 100_000_000;
/// Bytes read at a time, so that no raw copy of a tensor lies beside its values.
const PIECE: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct SafetensorsFile {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the tensors begin.
    start: u64,
}

impl SafetensorsFile {
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let io = |source| LoadError::Io { path: path.to_path_buf(), source };
        let bad = |reason: String| LoadError::Header { path: path.to_path_buf(), reason };
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();

        let mut length = [0; 8];
        if size < 8 {
            return Err(bad(format!("it has {size} bytes, and the header's length alone takes 8")));
        }
        file.read_exact(&mut length).map_err(io)?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER || length > size - 8 {
            let left = size - 8;
            return Err(bad(format!(
                "the header claims {length} bytes; {left} follow and at most {MAX_HEADER} are allowed"
            )));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(io)?;
        // The crate checks offsets, overlaps, holes and overflow while it parses.
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|e| bad(format!("the header does not parse: {e}")))?;
        let (wanted, found) = (metadata.data_len() as u64, size - 8 - length);
        if wanted != found {
            return Err(bad(format!("the tensors take {wanted} bytes and the file holds {found}")));
        }
        Ok(Self { path: path.to_path_buf(), file, metadata, start: 8 + length })
    }

    pub(crate) fn tensors(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        self.metadata.tensors().into_iter().map(|(name, info)| (name, info.shape.clone()))
    }

    /// A text that the header carries beside the tensors.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.metadata().as_ref()?.get(key).map(String::as_str)
    }

    pub(crate) fn append(
        &mut self,
        name: &str,
        out: &mut Vec<f32>,
        raw: &mut dyn FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        let path = self.path.clone();
        let Some(TensorInfo { dtype, data_offsets: (begin, end), .. }) = self.metadata.info(name) else {
            return Err(LoadError::Tensors { path, missing: vec![name.to_owned()], unexpected: vec![] });
        };
        let decode = decoder(*dtype).ok_or_else(|| LoadError::Dtype {
            path,
            tensor: name.to_owned(),
            found: format!("{dtype:?}"),
        })?;
        let io = |source| LoadError::Io { path: self.path.clone(), source };
        self.file.seek(SeekFrom::Start(self.start + *begin as u64)).map_err(io)?;
        let mut left = end - begin;
        let mut piece = vec![0; left.min(PIECE)];
        while left > 0 {
            let piece = &mut piece[..left.min(PIECE)];
            self.file.read_exact(piece).map_err(io)?;
            raw(piece);
            decode(piece, out);
            left -= piece.len();
        }
        Ok(())
    }
}

type Decode = fn(&[u8], &mut Vec<f32>);

/// Turns little-endian bytes into values; `None` for a type that is not a supported float.
fn decoder(dtype: Dtype) -> Option<Decode> {
    match dtype {
        Dtype::F32 => Some(|bytes, out| {
            out.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        }),
        Dtype::F16 => Some(|bytes, out| {
            out.extend(bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()));
        }),
        Dtype::BF16 => Some(|bytes, out| {
            out.extend(bytes.chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32()));
        }),
        _ => None,
    }
}

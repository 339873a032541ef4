//! The list of tensors: what each is, and that all of them lie in the file, side by side.

use super::bytes::{Cursor, MIN_STRING};
use super::{GgufError, TensorKind};
use std::io::Read;

/// The most dimensions that the format allows.
const MAX_DIMENSIONS: u32 = 4;

/// The least that an entry takes: an empty name, the number of dimensions, one dimension, a type, an offset.
pub(super) const MIN_ENTRY: u64 = MIN_STRING + 4 + 8 + 4 + 8;

/// One tensor: its name, its shape, and where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    name: String,
    shape: Vec<usize>,
    kind: TensorKind,
    offset: u64,
    bytes: u64,
}

impl TensorInfo {
    /// The name of the tensor.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lengths of the axes, outermost first: a matrix that maps `in` to `out` numbers reads `[out, in]`.
    ///
    /// The file has them the other way round. None is 0, and their product fits in a `usize`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How the elements are stored.
    pub fn kind(&self) -> TensorKind {
        self.kind
    }

    /// Where the tensor starts, from the start of the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes the tensor takes in the file, without padding.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many elements the tensor has.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }

    /// Reads an entry. Its offset counts from the start of the tensor data, which is not known yet.
    fn read<R: Read>(cursor: &mut Cursor<R>, alignment: u64) -> Result<Self, GgufError> {
        let name = cursor.name("a tensor name")?;
        let lengths = read_lengths(cursor, &name)?;
        let id = cursor.u32(&name)?;
        let offset = cursor.u64(&name)?;
        let Some(kind) = TensorKind::from_id(id) else {
            return Err(GgufError::UnknownTensorType { tensor: name, id });
        };
        if !offset.is_multiple_of(alignment) {
            return Err(GgufError::Misaligned { tensor: name, offset, alignment });
        }
        let (row, block) = (lengths[0], kind.block_len());
        if !row.is_multiple_of(block as u64) {
            return Err(GgufError::UnalignedRow { tensor: name, row, block });
        }
        match measure(&lengths, kind) {
            Some((shape, bytes)) => Ok(Self { name, shape, kind, offset, bytes }),
            None => Err(GgufError::ShapeOverflow { tensor: name, shape: lengths }),
        }
    }
}

/// Reads `count` entries and checks them against each other and against the file. They come back in name order.
pub(super) fn read<R: Read>(
    cursor: &mut Cursor<R>,
    count: usize,
    alignment: u64,
) -> Result<Vec<TensorInfo>, GgufError> {
    // Not reserved: an entry takes more memory than file, and the count may be a lie.
    let mut tensors = Vec::new();
    for _ in 0..count {
        tensors.push(TensorInfo::read(cursor, alignment)?);
    }
    let start = cursor.position().next_multiple_of(alignment);
    for tensor in &mut tensors {
        tensor.offset = tensor.offset.saturating_add(start);
    }
    check_spans(&mut tensors, start, alignment, cursor.length())?;
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    match tensors.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(GgufError::DuplicateTensor { tensor: pair[0].name.clone() }),
        None => Ok(tensors),
    }
}

/// The lengths of the axes in the order of the file, innermost first: 1 to 4 of them, none zero.
fn read_lengths<R: Read>(cursor: &mut Cursor<R>, tensor: &str) -> Result<Vec<u64>, GgufError> {
    let found = cursor.u32(tensor)?;
    if !(1..=MAX_DIMENSIONS).contains(&found) {
        return Err(GgufError::Dimensions { tensor: tensor.to_owned(), found, limit: MAX_DIMENSIONS });
    }
    let lengths = (0..found).map(|_| cursor.u64(tensor)).collect::<Result<Vec<_>, _>>()?;
    match lengths.iter().position(|&length| length == 0) {
        Some(axis) => Err(GgufError::ZeroDimension { tensor: tensor.to_owned(), axis }),
        None => Ok(lengths),
    }
}

/// The shape, outermost first, and the bytes it takes; nothing if the elements, or the bytes, overflow.
fn measure(lengths: &[u64], kind: TensorKind) -> Option<(Vec<usize>, u64)> {
    let shape: Vec<usize> =
        lengths.iter().rev().map(|&length| usize::try_from(length).ok()).collect::<Option<_>>()?;
    let elements = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length))?;
    let bytes = (elements / kind.block_len()).checked_mul(kind.block_bytes())?;
    Some((shape, bytes as u64))
}

/// Tensors have to follow each other from `start` to the end of the file, with no more between them, or behind
/// the last, than padding. Then no byte belongs to two tensors, and nothing hides where no tensor is.
///
/// Leaves the tensors in the order of the file.
fn check_spans(tensors: &mut [TensorInfo], start: u64, alignment: u64, length: u64) -> Result<(), GgufError> {
    tensors.sort_by_key(|tensor| tensor.offset);
    let mut before: Option<&TensorInfo> = None;
    for tensor in &*tensors {
        if tensor.end() > length {
            return Err(GgufError::OutOfBounds { tensor: tensor.name.clone(), end: tensor.end(), length });
        }
        let expected = before.map_or(start, |before| before.end().next_multiple_of(alignment));
        if tensor.offset != expected {
            return Err(misplaced(before, tensor, expected));
        }
        before = Some(tensor);
    }
    // Some writers pad the last tensor and some do not.
    let end = before.map_or(start, |last| last.end().next_multiple_of(alignment));
    if length > end {
        return Err(GgufError::Trailing { length, end });
    }
    Ok(())
}

/// Says whether a tensor is too early or too late. Aligned offsets cannot fall between an end and its padding.
fn misplaced(before: Option<&TensorInfo>, tensor: &TensorInfo, expected: u64) -> GgufError {
    match before {
        Some(before) if tensor.offset < expected => GgufError::Overlap {
            first: before.name.clone(),
            second: tensor.name.clone(),
            end: before.end(),
            start: tensor.offset,
        },
        _ => GgufError::Gap { tensor: tensor.name.clone(), start: tensor.offset, expected },
    }
}

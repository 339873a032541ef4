//! What can be wrong with a GGUF file.

/// Why a GGUF file was refused, or why it could not answer a question.
///
/// The path of the file is not in here: whoever opened it knows it. Names out of the file are quoted and
/// escaped, because a hostile file chooses them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file could not be opened, or reading it failed.
    #[error("reading the file failed")]
    Io(#[from] std::io::Error),
    /// The first four bytes are not `GGUF`.
    #[error("the file starts with {found:?} and not with the four bytes GGUF")]
    BadMagic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The file was written for a big-endian machine.
    #[error("the file is big-endian (version field {found:#010x}); only little-endian files are read")]
    BigEndian {
        /// The version field, as a little-endian number.
        found: u32,
    },
    /// The version is not one this reader knows.
    #[error("GGUF version {found} is not supported; versions 2 and 3 are")]
    Version {
        /// The version of the file.
        found: u32,
    },
    /// The file ends in the middle of something.
    #[error("the file ends inside {what:?}: {needed} bytes are needed at byte {at}, {left} are left")]
    Truncated {
        /// A metadata key, or what was being read.
        what: String,
        /// Where the reading was, from the start of the file.
        at: u64,
        /// How many bytes were needed.
        needed: u64,
        /// How many bytes the file still had.
        left: u64,
    },
    /// A count or a length is larger than the rest of the file can hold, or than the format allows.
    #[error("{what:?} claims {count} elements, at most {limit} are possible")]
    TooMany {
        /// A metadata key, or what was being counted.
        what: String,
        /// The count in the file.
        count: u64,
        /// The largest count that would have been accepted.
        limit: u64,
    },
    /// A string is not UTF-8.
    #[error("a string of {what:?} that ends at byte {at} is not UTF-8")]
    BadString {
        /// A metadata key, or what was being read.
        what: String,
        /// Where the string ends, from the start of the file.
        at: u64,
    },
    /// A boolean is neither 0 nor 1.
    #[error("a boolean of {key:?} is {found}, not 0 or 1")]
    BadBool {
        /// The metadata key.
        key: String,
        /// The byte found.
        found: u8,
    },
    /// Arrays lie in arrays too deeply.
    #[error("arrays of {key:?} are nested more than {limit} deep")]
    Nesting {
        /// The metadata key.
        key: String,
        /// The deepest nesting accepted.
        limit: u32,
    },
    /// A metadata value has a type that the format does not define.
    #[error("metadata {key:?} has the unknown value type {id}")]
    ValueType {
        /// The metadata key.
        key: String,
        /// The type number in the file.
        id: u32,
    },
    /// A metadata key occurs twice.
    #[error("metadata {key:?} occurs twice")]
    DuplicateKey {
        /// The metadata key.
        key: String,
    },
    /// A metadata value is there, but is not what was asked for.
    #[error("metadata {key:?} is {found}, wanted {wanted}")]
    WrongType {
        /// The metadata key.
        key: String,
        /// What was asked for.
        wanted: &'static str,
        /// What the file has.
        found: &'static str,
    },
    /// `general.alignment` is not a power of two, or is too large.
    #[error("general.alignment is {found}, wanted a power of two up to {limit}")]
    BadAlignment {
        /// The alignment in the file.
        found: u64,
        /// The largest alignment accepted.
        limit: u64,
    },
    /// A tensor has no dimensions, or too many.
    #[error("tensor {tensor:?} has {found} dimensions, wanted 1 to {limit}")]
    Dimensions {
        /// The tensor.
        tensor: String,
        /// The number of dimensions in the file.
        found: u32,
        /// The largest number accepted.
        limit: u32,
    },
    /// A dimension of a tensor is zero.
    #[error("tensor {tensor:?} has length 0 along its axis {axis}, counted from the innermost")]
    ZeroDimension {
        /// The tensor.
        tensor: String,
        /// The axis in the order of the file, where 0 is the innermost.
        axis: usize,
    },
    /// The number of elements or of bytes of a tensor does not fit in a number.
    #[error("the shape {shape:?} of tensor {tensor:?} overflows")]
    ShapeOverflow {
        /// The tensor.
        tensor: String,
        /// The shape in the order of the file, innermost first.
        shape: Vec<u64>,
    },
    /// A tensor has a type that this reader cannot turn into numbers.
    #[error("tensor {tensor:?} has the unsupported ggml type {id}")]
    UnknownTensorType {
        /// The tensor.
        tensor: String,
        /// The ggml type number in the file.
        id: u32,
    },
    /// The rows of a tensor are not a whole number of blocks.
    #[error(
        "the rows of tensor {tensor:?} have {row} elements, which is no multiple of its block of {block}"
    )]
    UnalignedRow {
        /// The tensor.
        tensor: String,
        /// Elements in a row.
        row: u64,
        /// Elements in a block of the tensor's kind.
        block: usize,
    },
    /// A tensor starts where the alignment does not allow it.
    #[error("tensor {tensor:?} has offset {offset}, which is no multiple of the alignment {alignment}")]
    Misaligned {
        /// The tensor.
        tensor: String,
        /// The offset in the file, which counts from the start of the tensor data.
        offset: u64,
        /// The alignment of the file.
        alignment: u64,
    },
    /// A tensor ends behind the end of the file.
    #[error("tensor {tensor:?} ends at byte {end} of a file of {length}")]
    OutOfBounds {
        /// The tensor.
        tensor: String,
        /// Where it would end.
        end: u64,
        /// The length of the file.
        length: u64,
    },
    /// Two tensors share bytes.
    #[error("tensor {first:?} ends at byte {end}, but tensor {second:?} starts at byte {start}")]
    Overlap {
        /// The tensor that starts earlier.
        first: String,
        /// The tensor that starts inside it.
        second: String,
        /// Where the first ends.
        end: u64,
        /// Where the second starts.
        start: u64,
    },
    /// There are bytes between two tensors, or before the first, that are more than padding.
    #[error(
        "tensor {tensor:?} starts at byte {start}, wanted {expected}: the bytes between belong to nothing"
    )]
    Gap {
        /// The tensor behind the gap.
        tensor: String,
        /// Where it starts.
        start: u64,
        /// Where it should start.
        expected: u64,
    },
    /// There are bytes behind the last tensor that are more than padding.
    #[error("the file has {length} bytes, but its tensors and their padding end at byte {end}")]
    Trailing {
        /// The length of the file.
        length: u64,
        /// The last byte that can be accounted for.
        end: u64,
    },
    /// Two tensors have the same name.
    #[error("tensor {tensor:?} occurs twice")]
    DuplicateTensor {
        /// The tensor.
        tensor: String,
    },
    /// The file has no tensor of this name.
    #[error("there is no tensor {name:?}")]
    NoTensor {
        /// The name asked for.
        name: String,
    },
}

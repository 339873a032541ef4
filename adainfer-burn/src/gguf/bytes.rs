//! A cursor that knows how many bytes are left, and never believes a length that exceeds them.

use super::GgufError;
use std::io::Read;

/// The longest metadata key or tensor name, in bytes.
///
/// The format says 65535 for keys. It says 64 for tensor names, but writers exceed that, and the number only
/// has to keep names and error messages small.
const MAX_NAME: u64 = 65_535;

/// The bytes of a string's length field: the least that a string takes.
pub(super) const MIN_STRING: u64 = 8;

/// Reads little-endian values from a source of known length.
#[derive(Debug)]
pub(super) struct Cursor<R> {
    source: R,
    position: u64,
    length: u64,
}

impl<R: Read> Cursor<R> {
    /// A cursor at the start of `source`, which has `length` bytes.
    pub(super) fn new(source: R, length: u64) -> Self {
        Self { source, position: 0, length }
    }

    /// Where the cursor is, from the start of the file. Never more than [`length`](Self::length).
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The length of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Gives the source back.
    pub(super) fn into_source(self) -> R {
        self.source
    }

    /// The next `N` bytes. `what` is the key being read, or what the bytes are, for the error.
    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    /// The next four bytes as a number.
    pub(super) fn u32(&mut self, what: &str) -> Result<u32, GgufError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// The next eight bytes as a number.
    pub(super) fn u64(&mut self, what: &str) -> Result<u64, GgufError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A count of elements that take at least `element` bytes each (not 0), so that the rest of the file can
    /// hold them.
    pub(super) fn count(&mut self, what: &str, element: u64) -> Result<usize, GgufError> {
        let count = self.u64(what)?;
        let limit = self.left() / element;
        match usize::try_from(count) {
            Ok(fits) if count <= limit => Ok(fits),
            _ => Err(GgufError::TooMany { what: what.to_owned(), count, limit }),
        }
    }

    /// A string: its length, then so many bytes of UTF-8.
    pub(super) fn string(&mut self, what: &str) -> Result<String, GgufError> {
        let length = self.count(what, 1)?;
        self.utf8(length, what)
    }

    /// A metadata key or the name of a tensor: a string with a limit of its own.
    pub(super) fn name(&mut self, what: &str) -> Result<String, GgufError> {
        let length = self.count(what, 1)?;
        if length as u64 > MAX_NAME {
            return Err(GgufError::TooMany { what: what.to_owned(), count: length as u64, limit: MAX_NAME });
        }
        self.utf8(length, what)
    }

    fn utf8(&mut self, length: usize, what: &str) -> Result<String, GgufError> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, what)?;
        String::from_utf8(bytes)
            .map_err(|_| GgufError::BadString { what: what.to_owned(), at: self.position })
    }

    fn left(&self) -> u64 {
        self.length - self.position
    }

    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<(), GgufError> {
        let (needed, left) = (bytes.len() as u64, self.left());
        if needed > left {
            return Err(GgufError::Truncated { what: what.to_owned(), at: self.position, needed, left });
        }
        self.source.read_exact(bytes)?;
        self.position += needed;
        Ok(())
    }
}

//! One metadata value: reading it, and saying what it is.

use super::GgufError;
use super::bytes::{Cursor, MIN_STRING};
use std::io::Read;

/// Arrays may lie in arrays up to this depth. Files in use have depth 1; the reader recurses, so there is an end.
const MAX_NESTING: u32 = 4;

/// The bytes of an element type and a count: the least that an array takes.
const MIN_ARRAY: u64 = 12;

/// A metadata value, as its type in the file has it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the variants are the type names of the format")]
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    U64(u64),
    I64(i64),
    F32(f32),
    F64(f64),
    Bool(bool),
    String(String),
    Array(Array),
}

/// An array of metadata values, all of one type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the variants are the type names of the format")]
pub enum Array {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    String(Vec<String>),
    Array(Vec<Array>),
}

impl Value {
    /// What the value is, in words fit for an error.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "a u8",
            Self::I8(_) => "an i8",
            Self::U16(_) => "a u16",
            Self::I16(_) => "an i16",
            Self::U32(_) => "a u32",
            Self::I32(_) => "an i32",
            Self::U64(_) => "a u64",
            Self::I64(_) => "an i64",
            Self::F32(_) => "an f32",
            Self::F64(_) => "an f64",
            Self::Bool(_) => "a bool",
            Self::String(_) => "a string",
            Self::Array(array) => array.type_name(),
        }
    }

    /// Reads a type number and a value of that type. `key` is for errors.
    pub(super) fn read<R: Read>(cursor: &mut Cursor<R>, key: &str) -> Result<Self, GgufError> {
        Ok(match cursor.u32(key)? {
            0 => Self::U8(u8::from_le_bytes(cursor.array(key)?)),
            1 => Self::I8(i8::from_le_bytes(cursor.array(key)?)),
            2 => Self::U16(u16::from_le_bytes(cursor.array(key)?)),
            3 => Self::I16(i16::from_le_bytes(cursor.array(key)?)),
            4 => Self::U32(u32::from_le_bytes(cursor.array(key)?)),
            5 => Self::I32(i32::from_le_bytes(cursor.array(key)?)),
            6 => Self::F32(f32::from_le_bytes(cursor.array(key)?)),
            7 => Self::Bool(read_bool(cursor, key)?),
            8 => Self::String(cursor.string(key)?),
            9 => Self::Array(Array::read(cursor, key, 1)?),
            10 => Self::U64(u64::from_le_bytes(cursor.array(key)?)),
            11 => Self::I64(i64::from_le_bytes(cursor.array(key)?)),
            12 => Self::F64(f64::from_le_bytes(cursor.array(key)?)),
            id => return Err(GgufError::ValueType { key: key.to_owned(), id }),
        })
    }
}

impl Array {
    /// What the array is, in words fit for an error.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "an array of u8",
            Self::I8(_) => "an array of i8",
            Self::U16(_) => "an array of u16",
            Self::I16(_) => "an array of i16",
            Self::U32(_) => "an array of u32",
            Self::I32(_) => "an array of i32",
            Self::U64(_) => "an array of u64",
            Self::I64(_) => "an array of i64",
            Self::F32(_) => "an array of f32",
            Self::F64(_) => "an array of f64",
            Self::Bool(_) => "an array of bools",
            Self::String(_) => "an array of strings",
            Self::Array(_) => "an array of arrays",
        }
    }

    fn read<R: Read>(cursor: &mut Cursor<R>, key: &str, depth: u32) -> Result<Self, GgufError> {
        if depth > MAX_NESTING {
            return Err(GgufError::Nesting { key: key.to_owned(), limit: MAX_NESTING });
        }
        let id = cursor.u32(key)?;
        let least = least_bytes(id).ok_or_else(|| GgufError::ValueType { key: key.to_owned(), id })?;
        let count = cursor.count(key, least)?;
        Ok(match id {
            0 => Self::U8(numbers(cursor, key, count, u8::from_le_bytes)?),
            1 => Self::I8(numbers(cursor, key, count, i8::from_le_bytes)?),
            2 => Self::U16(numbers(cursor, key, count, u16::from_le_bytes)?),
            3 => Self::I16(numbers(cursor, key, count, i16::from_le_bytes)?),
            4 => Self::U32(numbers(cursor, key, count, u32::from_le_bytes)?),
            5 => Self::I32(numbers(cursor, key, count, i32::from_le_bytes)?),
            6 => Self::F32(numbers(cursor, key, count, f32::from_le_bytes)?),
            7 => Self::Bool(elements(count, || read_bool(cursor, key))?),
            8 => Self::String(elements(count, || cursor.string(key))?),
            9 => Self::Array(elements(count, || Self::read(cursor, key, depth + 1))?),
            10 => Self::U64(numbers(cursor, key, count, u64::from_le_bytes)?),
            11 => Self::I64(numbers(cursor, key, count, i64::from_le_bytes)?),
            12 => Self::F64(numbers(cursor, key, count, f64::from_le_bytes)?),
            id => return Err(GgufError::ValueType { key: key.to_owned(), id }),
        })
    }
}

/// The least that a value of this type takes in the file, which turns bytes left into elements possible.
fn least_bytes(id: u32) -> Option<u64> {
    Some(match id {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 => MIN_STRING,
        9 => MIN_ARRAY,
        10..=12 => 8,
        _ => return None,
    })
}

fn read_bool<R: Read>(cursor: &mut Cursor<R>, key: &str) -> Result<bool, GgufError> {
    match cursor.array(key)? {
        [0] => Ok(false),
        [1] => Ok(true),
        [found] => Err(GgufError::BadBool { key: key.to_owned(), found }),
    }
}

fn numbers<R: Read, T, const N: usize>(
    cursor: &mut Cursor<R>,
    key: &str,
    count: usize,
    from: fn([u8; N]) -> T,
) -> Result<Vec<T>, GgufError> {
    elements(count, || cursor.array(key).map(from))
}

/// Collects `count` elements. The vector grows as they arrive, so a false count costs nothing.
fn elements<T>(count: usize, mut next: impl FnMut() -> Result<T, GgufError>) -> Result<Vec<T>, GgufError> {
    (0..count).map(|_| next()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    /// Reads the value of a key `k` from a type number and bytes.
    fn read(id: u32, bytes: &[&[u8]]) -> Result<Value, GgufError> {
        let bytes = [&id.to_le_bytes(), bytes.concat().as_slice()].concat();
        Value::read(&mut Cursor::new(bytes.as_slice(), bytes.len() as u64), "k")
    }

    /// The start of an array: the type of its elements, and that it has one.
    fn one(id: u32) -> Vec<u8> {
        [&id.to_le_bytes()[..], &1u64.to_le_bytes()].concat()
    }

    #[test]
    fn a_string_that_is_not_utf8_is_refused_with_its_key() {
        let error = read(8, &[&1u64.to_le_bytes(), b"\xff"]).unwrap_err();
        assert_eq!(error.to_string(), r#"a string of "k" that ends at byte 13 is not UTF-8"#);
    }

    #[test]
    fn a_bool_of_two_is_refused_alone_and_in_an_array() {
        assert!(matches!(read(7, &[&[2]]), Err(GgufError::BadBool { found: 2, .. })));
        assert!(matches!(read(9, &[&one(7), &[2]]), Err(GgufError::BadBool { found: 2, .. })));
    }

    #[test]
    fn arrays_nest_four_deep_and_no_deeper() {
        let nested = |depth: usize| read(9, &[&one(9).repeat(depth - 1), &one(0), &[7]]);
        assert!(nested(4).is_ok());
        assert!(matches!(nested(5), Err(GgufError::Nesting { limit: 4, .. })));
    }

    #[test]
    fn an_unknown_type_is_refused_alone_and_in_an_array() {
        assert!(matches!(read(13, &[&[0; 8]]), Err(GgufError::ValueType { id: 13, .. })));
        assert!(matches!(read(9, &[&one(u32::MAX)]), Err(GgufError::ValueType { id: u32::MAX, .. })));
    }
}

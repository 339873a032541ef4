//! The metadata of a file, asked for by key and type.

use super::bytes::Cursor;
use super::{Array, GgufError, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

/// The keys and values of a GGUF file.
///
/// Every getter gives `None` for a key that is not there, and an error for a key of another type.
///
/// # Errors
///
/// All getters: [`GgufError::WrongType`], with the key, what was wanted and what was found.
#[derive(Clone, Default)]
pub struct Metadata {
    entries: BTreeMap<String, Value>,
}

impl Metadata {
    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The value of a key, of whatever type.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// A string.
    pub fn string(&self, key: &str) -> Result<Option<&str>, GgufError> {
        self.typed(key, "a string", |value| match value {
            Value::String(text) => Ok(text.as_str()),
            other => Err(other.type_name()),
        })
    }

    /// An integer of any width that is not negative.
    pub fn u64(&self, key: &str) -> Result<Option<u64>, GgufError> {
        self.typed(key, "an integer that is not negative", |value| match *value {
            Value::U8(number) => Ok(number.into()),
            Value::U16(number) => Ok(number.into()),
            Value::U32(number) => Ok(number.into()),
            Value::U64(number) => Ok(number),
            Value::I8(number) => not_negative(number),
            Value::I16(number) => not_negative(number),
            Value::I32(number) => not_negative(number),
            Value::I64(number) => not_negative(number),
            ref other => Err(other.type_name()),
        })
    }

    /// A float of either width. An f64 is rounded; one that is finite and too large for an f32 is refused.
    pub fn f32(&self, key: &str) -> Result<Option<f32>, GgufError> {
        self.typed(key, "an f32", |value| match *value {
            Value::F32(number) => Ok(number),
            Value::F64(number) if number.is_finite() && !(number as f32).is_finite() => {
                Err("an f64 too large for an f32")
            }
            Value::F64(number) => Ok(number as f32),
            ref other => Err(other.type_name()),
        })
    }

    /// A boolean.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, GgufError> {
        self.typed(key, "a bool", |value| match *value {
            Value::Bool(truth) => Ok(truth),
            ref other => Err(other.type_name()),
        })
    }

    /// An array of strings.
    pub fn strings(&self, key: &str) -> Result<Option<&[String]>, GgufError> {
        self.typed(key, "an array of strings", |value| match value {
            Value::Array(Array::String(texts)) => Ok(texts.as_slice()),
            other => Err(other.type_name()),
        })
    }

    /// An array of f32.
    pub fn f32s(&self, key: &str) -> Result<Option<&[f32]>, GgufError> {
        self.typed(key, "an array of f32", |value| match value {
            Value::Array(Array::F32(numbers)) => Ok(numbers.as_slice()),
            other => Err(other.type_name()),
        })
    }

    /// An array of i32, or of u32 that all fit in an i32.
    pub fn i32s(&self, key: &str) -> Result<Option<Cow<'_, [i32]>>, GgufError> {
        self.typed(key, "an array of i32", |value| match value {
            Value::Array(Array::I32(numbers)) => Ok(Cow::Borrowed(numbers.as_slice())),
            Value::Array(Array::U32(numbers)) => {
                let signed: Result<Vec<i32>, _> = numbers.iter().map(|&number| number.try_into()).collect();
                signed.map(Cow::Owned).map_err(|_| "an array of u32 with an element too large for an i32")
            }
            other => Err(other.type_name()),
        })
    }

    /// Takes an array of strings out, so that a vocabulary need not be copied. A second call finds nothing.
    pub fn take_strings(&mut self, key: &str) -> Result<Option<Vec<String>>, GgufError> {
        self.strings(key)?;
        Ok(match self.entries.remove(key) {
            Some(Value::Array(Array::String(texts))) => Some(texts),
            _ => None,
        })
    }

    /// Reads `count` keys and their values.
    pub(super) fn read<R: Read>(cursor: &mut Cursor<R>, count: usize) -> Result<Self, GgufError> {
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let key = cursor.name("a metadata key")?;
            let value = Value::read(cursor, &key)?;
            if entries.contains_key(&key) {
                return Err(GgufError::DuplicateKey { key });
            }
            entries.insert(key, value);
        }
        Ok(Self { entries })
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        wanted: &'static str,
        convert: impl FnOnce(&'a Value) -> Result<T, &'static str>,
    ) -> Result<Option<T>, GgufError> {
        let wrong = |found| GgufError::WrongType { key: key.to_owned(), wanted, found };
        self.get(key).map(convert).transpose().map_err(wrong)
    }
}

/// Only the keys: a vocabulary in an error message helps nobody.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata").field("keys", &self.entries.keys()).finish_non_exhaustive()
    }
}

fn not_negative(number: impl TryInto<u64>) -> Result<u64, &'static str> {
    number.try_into().map_err(|_| "a negative integer")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    fn holding(value: Value) -> Metadata {
        Metadata { entries: BTreeMap::from([("k".to_owned(), value)]) }
    }

    #[test]
    fn every_integer_that_is_not_negative_is_a_u64() {
        let sevens = [
            Value::U8(7),
            Value::U16(7),
            Value::U32(7),
            Value::U64(7),
            Value::I8(7),
            Value::I16(7),
            Value::I32(7),
            Value::I64(7),
        ];
        for seven in sevens {
            assert_eq!(holding(seven).u64("k").unwrap(), Some(7));
        }
        for negative in [Value::I8(-7), Value::I16(-7), Value::I32(-7), Value::I64(-7)] {
            let error = holding(negative).u64("k").unwrap_err().to_string();
            assert_eq!(
                error,
                r#"metadata "k" is a negative integer, wanted an integer that is not negative"#
            );
        }
    }

    #[test]
    fn an_f64_is_an_f32_if_it_is_not_too_large() {
        assert_eq!(holding(Value::F64(0.1)).f32("k").unwrap(), Some(0.1));
        assert_eq!(holding(Value::F64(f64::INFINITY)).f32("k").unwrap(), Some(f32::INFINITY));
        assert!(holding(Value::F64(1e300)).f32("k").is_err());
        assert!(holding(Value::U32(1)).f32("k").is_err());
    }

    #[test]
    fn an_array_of_u32_reads_as_i32_if_all_fit() {
        let fits = holding(Value::Array(Array::U32(vec![1, 2])));
        assert_eq!(fits.i32s("k").unwrap().unwrap().as_ref(), [1, 2]);
        assert!(holding(Value::Array(Array::U32(vec![1, u32::MAX]))).i32s("k").is_err());
    }

    #[test]
    fn taken_strings_are_gone_and_others_stay() {
        let mut words = holding(Value::Array(Array::String(vec!["a".to_owned()])));
        assert_eq!(words.take_strings("k").unwrap().unwrap(), ["a"]);
        assert!(words.take_strings("k").unwrap().is_none());
        let mut number = holding(Value::U8(1));
        assert!(number.take_strings("k").is_err());
        assert_eq!(number.u64("k").unwrap(), Some(1));
    }
}

//! GGUF files through the public API: every kind of block against the reference (`fixtures/gguf/make_fixtures.py`
//! made both), and every lie a file can tell.

#![allow(clippy::unwrap_used, reason = "a test may")]

use adainfer_burn::gguf::{GgufError as E, GgufFile, TensorKind, Value};
use proptest::prelude::*;
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

const KINDS: &[u8] = include_bytes!("fixtures/gguf/kinds.gguf");
const EXPECTED: &[u8] = include_bytes!("fixtures/gguf/kinds.expected.bin");
const F32: u32 = 0;
const Q4_0: u32 = 2;
const U8: u32 = 0;
const U32: u32 = 4;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

fn open(bytes: &[u8]) -> Result<GgufFile, E> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    GgufFile::open(file.path())
}

fn read(file: &mut GgufFile, name: &str) -> Vec<f32> {
    let mut values = Vec::new();
    file.read_into(name, &mut values, &mut |_| ()).unwrap();
    values
}

fn names(file: &GgufFile) -> Vec<String> {
    file.tensors().map(|tensor| tensor.name().to_owned()).collect()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn key(name: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&text(name), &kind.to_le_bytes()[..], value].concat()
}

fn tensor(name: &str, lengths: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let lengths: Vec<u8> = lengths.iter().flat_map(|length| length.to_le_bytes()).collect();
    let count = (lengths.len() / 8) as u32;
    [&text(name)[..], &count.to_le_bytes(), &lengths, &kind.to_le_bytes(), &offset.to_le_bytes()].concat()
}

fn header(version: u32, tensors: u64, keys: u64) -> Vec<u8> {
    [&b"GGUF"[..], &version.to_le_bytes(), &tensors.to_le_bytes(), &keys.to_le_bytes()].concat()
}

/// A file of version 3 with so many bytes of tensors behind the padded directory.
fn file(keys: &[Vec<u8>], tensors: &[Vec<u8>], body: usize) -> Vec<u8> {
    let mut bytes = header(3, tensors.len() as u64, keys.len() as u64);
    bytes.extend(keys.concat());
    bytes.extend(tensors.concat());
    bytes.resize(bytes.len().next_multiple_of(32) + body, 0);
    bytes
}

fn with_key(kind: u32, value: &[u8]) -> Vec<u8> {
    file(&[key("k", kind, value)], &[], 0)
}

fn with_tensor(lengths: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    file(&[], &[tensor("t", lengths, kind, offset)], 64)
}

macro_rules! refused {
    ($bytes:expr, $error:pat $(if $guard:expr)?) => {{
        let error = open(&$bytes).unwrap_err();
        assert!(matches!(&error, $error $(if $guard)?), "{error:?}");
    }};
}

#[test]
fn every_kind_is_dequantised_as_the_reference_does_to_the_bit() {
    let mut file = open(KINDS).unwrap();
    let values: Vec<f32> = names(&file).iter().flat_map(|name| read(&mut file, name)).collect();
    let expected = EXPECTED.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
    assert_eq!(file.tensors().count(), 11);
    assert!(expected.map(f32::to_bits).eq(values.iter().map(|value| value.to_bits())));
}

#[test]
fn a_file_of_version_2_reads_the_same() {
    let mut bytes = KINDS.to_vec();
    bytes[4] = 2;
    let (mut two, mut three) = (open(&bytes).unwrap(), open(KINDS).unwrap());
    assert_eq!((two.version(), three.version()), (2, 3));
    assert_eq!(read(&mut two, "q5_k"), read(&mut three, "q5_k"));
}

#[test]
fn tensors_say_what_they_are_and_the_raw_bytes_are_seen() {
    let mut file = open(KINDS).unwrap();
    let q6k = file.tensor("q6_k").unwrap();
    assert_eq!((q6k.shape(), q6k.kind(), q6k.bytes()), (&[3, 512][..], TensorKind::Q6K, 6 * 210));
    assert_eq!(file.tensor("f32").unwrap().shape(), [2, 3, 5]);
    let at = q6k.offset() as usize;
    let (mut raw, mut values) = (Vec::new(), vec![7.0]);
    file.read_into("q6_k", &mut values, &mut |piece| raw.extend_from_slice(piece)).unwrap();
    assert_eq!(raw, KINDS[at..at + 6 * 210]);
    assert_eq!((values.len(), values[0]), (1 + 3 * 512, 7.0));
}

#[test]
fn a_tensor_larger_than_a_piece_reads_whole() {
    let rows = 40_000;
    let mut bytes = file(&[], &[tensor("t", &[32, rows], Q4_0, 0)], 18 * rows as usize);
    let start = bytes.len() - 18 * rows as usize;
    for (i, block) in bytes[start..].chunks_exact_mut(18).enumerate() {
        // The scale is 1 and each number is the last digit of the row, less 8.
        block.fill((i % 10 * 0x11) as u8);
        block[..2].copy_from_slice(&[0x00, 0x3c]);
    }
    let values = read(&mut open(&bytes).unwrap(), "t");
    assert_eq!(values.len(), 32 * rows as usize);
    assert!(values.chunks(32).enumerate().all(|(i, row)| row.iter().all(|&v| v == (i % 10) as f32 - 8.0)));
}

#[test]
fn metadata_of_every_type_is_found() {
    let mut file = open(KINDS).unwrap();
    let metadata = file.metadata();
    for (bits, most) in [(8, 0xff), (16, 0xffff), (32, 0xffff_ffff), (64, u64::MAX)] {
        assert_eq!(metadata.u64(&format!("u{bits}.most")).unwrap(), Some(most));
        assert_eq!(metadata.u64(&format!("i{bits}.one")).unwrap(), Some(1));
        assert!(matches!(metadata.u64(&format!("i{bits}.least")), Err(E::WrongType { .. })));
    }
    assert_eq!(metadata.get("i64.least"), Some(&Value::I64(i64::MIN)));
    assert_eq!(metadata.f32("f32.half").unwrap(), Some(0.5));
    assert_eq!(metadata.f32("f64.tenth").unwrap(), Some(0.1));
    assert_eq!(metadata.bool("bool.yes").unwrap(), Some(true));
    assert_eq!(metadata.string("string.greek").unwrap(), Some("λόγος"));
    assert_eq!(metadata.strings("array.words").unwrap().unwrap(), ["a", "", "ß"]);
    assert_eq!(metadata.i32s("array.signed").unwrap().unwrap().as_ref(), [-1, 2]);
    assert_eq!(metadata.f32s("array.floats").unwrap().unwrap(), [0.5, -2.0]);
    assert_eq!(metadata.get("array.nested").unwrap().type_name(), "an array of arrays");
    assert_eq!(metadata.string("string.empty").unwrap(), Some(""));
    assert_eq!(metadata.string("none").unwrap(), None);
    assert_eq!(metadata.keys().count(), 32);
    assert_eq!(file.metadata_mut().take_strings("array.words").unwrap().unwrap().len(), 3);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = open(KINDS).unwrap();
    let end = whole.tensors().map(|tensor| tensor.offset() + tensor.bytes()).max().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), KINDS).unwrap();
    let cut = OpenOptions::new().write(true).open(file.path()).unwrap();
    cut.set_len(end).unwrap();
    GgufFile::open(file.path()).unwrap();
    for length in (0..end).rev() {
        cut.set_len(length).unwrap();
        assert!(GgufFile::open(file.path()).is_err(), "cut at {length}");
    }
}

#[test]
fn a_damaged_byte_never_panics() {
    let start = open(KINDS).unwrap().tensors().map(|tensor| tensor.offset()).min().unwrap();
    let path = tempfile::NamedTempFile::new().unwrap();
    fs::write(path.path(), KINDS).unwrap();
    let mut damage = OpenOptions::new().write(true).open(path.path()).unwrap();
    let mut put = |at: u64, byte: u8| {
        damage.seek(SeekFrom::Start(at)).unwrap();
        damage.write_all(&[byte]).unwrap();
    };
    for (at, &byte) in (0..start).zip(KINDS) {
        for flip in [0x01, 0x80, 0xff] {
            put(at, byte ^ flip);
            if let Ok(mut file) = GgufFile::open(path.path()) {
                names(&file).iter().for_each(|name| drop(read(&mut file, name)));
            }
        }
        put(at, byte);
    }
}

proptest! {
    #[test]
    fn any_bytes_behind_a_header_never_panic(
        bytes in prop::collection::vec(prop_oneof![Just(0), 0..16u8, any::<u8>()], 0..512),
        tensors in 0..4u64,
        keys in 0..4u64,
    ) {
        let _ = open(&[header(3, tensors, keys), bytes].concat());
    }
}

#[test]
fn what_cannot_be_read_is_an_io_error() {
    assert!(matches!(GgufFile::open(Path::new("no such file")), Err(E::Io(_))));
    assert!(matches!(GgufFile::open(&std::env::temp_dir()), Err(E::Io(_))));
}

#[test]
fn no_such_tensor_or_a_file_cut_after_it_was_opened_leaves_the_output() {
    let path = tempfile::NamedTempFile::new().unwrap();
    fs::write(path.path(), KINDS).unwrap();
    let mut file = GgufFile::open(path.path()).unwrap();
    fs::write(path.path(), &KINDS[..100]).unwrap();
    let mut values = vec![7.0];
    assert!(
        matches!(file.read_into("none", &mut values, &mut |_| ()), Err(E::NoTensor { name }) if name == "none")
    );
    assert!(matches!(file.read_into("q4_0", &mut values, &mut |_| ()), Err(E::Io(_))));
    assert_eq!(values, [7.0]);
}

#[test]
fn another_magic_version_or_byte_order_is_refused() {
    refused!(*b"PK\x03\x04 and more", E::BadMagic { found: [b'P', b'K', 3, 4] });
    refused!([], E::Truncated { needed: 4, left: 0, .. });
    for version in [0, 1, 4, u32::MAX] {
        refused!(header(version, 0, 0), E::Version { found } if *found == version);
    }
    for version in [1u32, 2, 3] {
        refused!(header(version.swap_bytes(), 0, 0), E::BigEndian { .. });
    }
}

#[test]
fn a_count_that_the_file_cannot_hold_is_refused_before_anything_is_read() {
    refused!(header(3, u64::MAX, 0), E::TooMany { count: u64::MAX, limit: 0, .. });
    refused!(header(2, 0, u64::MAX), E::TooMany { count: u64::MAX, limit: 0, .. });
    refused!([header(3, 0, 1), vec![0; 12]].concat(), E::TooMany { count: 1, limit: 0, .. });
    let many = |id: u32| [&id.to_le_bytes()[..], &u64::MAX.to_le_bytes()].concat();
    for id in 0..=12 {
        refused!(with_key(ARRAY, &many(id)), E::TooMany { count: u64::MAX, .. });
    }
    refused!(with_key(STRING, &u64::MAX.to_le_bytes()), E::TooMany { count: u64::MAX, .. });
}

#[test]
fn a_name_longer_than_the_format_allows_is_refused() {
    let bytes = file(&[key(&"k".repeat(65_536), U8, &[0])], &[], 0);
    refused!(bytes, E::TooMany { count: 65_536, limit: 65_535, .. });
}

#[test]
fn a_key_that_occurs_twice_is_refused() {
    let one = key("k", U8, &[1]);
    refused!(file(&[one.clone(), one], &[], 0), E::DuplicateKey { .. });
}

#[test]
fn an_alignment_that_is_no_small_power_of_two_is_refused() {
    let aligned = |to: u32| file(&[key("general.alignment", U32, &to.to_le_bytes())], &[], 0);
    assert!(open(&aligned(64)).is_ok());
    for bad in [0, 24, 1 << 21] {
        refused!(aligned(bad), E::BadAlignment { found, .. } if *found == u64::from(bad));
    }
    refused!(file(&[key("general.alignment", STRING, &text("32"))], &[], 0), E::WrongType { .. });
}

#[test]
fn a_shape_with_no_axes_five_a_zero_or_rows_of_half_a_block_is_refused() {
    refused!(with_tensor(&[16, 2], Q4_0, 0), E::UnalignedRow { row: 16, block: 32, .. });
    refused!(with_tensor(&[], F32, 0), E::Dimensions { found: 0, .. });
    refused!(with_tensor(&[1; 5], F32, 0), E::Dimensions { found: 5, .. });
    refused!(with_tensor(&[4, 0], F32, 0), E::ZeroDimension { axis: 1, .. });
}

#[test]
fn a_shape_whose_elements_or_bytes_overflow_is_refused() {
    refused!(with_tensor(&[1 << 32, 1 << 32], F32, 0), E::ShapeOverflow { .. });
    refused!(with_tensor(&[1 << 62], F32, 0), E::ShapeOverflow { .. });
    refused!(with_tensor(&[1 << 16; 4], Q4_0, 0), E::ShapeOverflow { .. });
}

#[test]
fn an_unknown_tensor_type_is_refused_with_the_tensor() {
    refused!(with_tensor(&[256], 10, 0), E::UnknownTensorType { id: 10, tensor } if tensor == "t");
}

#[test]
fn tensors_must_follow_each_other_in_the_file() {
    let two = |second| file(&[], &[tensor("a", &[9], F32, 0), tensor("b", &[8], F32, second)], 96);
    assert!(open(&two(64)).is_ok());
    refused!(two(65), E::Misaligned { offset: 65, alignment: 32, .. });
    refused!(two(32), E::Overlap { first, second, .. } if first == "a" && second == "b");
    refused!(two(0), E::Overlap { .. });
    refused!(two(96), E::OutOfBounds { .. });
    refused!(two(u64::MAX - 31), E::OutOfBounds { end: u64::MAX, .. });
    refused!(with_tensor(&[1 << 40], F32, 0), E::OutOfBounds { .. });
    refused!(with_tensor(&[8], F32, 32), E::Gap { .. });
    refused!(with_tensor(&[8], F32, 0), E::Trailing { .. });
    refused!(file(&[], &[], 32), E::Trailing { .. });
    refused!(
        file(&[], &[tensor("a", &[8], F32, 0), tensor("a", &[8], F32, 32)], 64),
        E::DuplicateTensor { .. }
    );
}

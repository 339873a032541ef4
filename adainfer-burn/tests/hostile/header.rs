//! The header of a safetensors file.

use std::fs::OpenOptions;

use adainfer_burn::LoadError as E;
use serde_json::json;

use crate::broken::Broken;
use crate::tensors::{with_entries, with_header};

const FILE: &str = "model.safetensors";

/// Asserts that a folder with these weights is refused for their header.
macro_rules! refused_for_its_header {
    ($bytes:expr, $($word:expr),+) => {{
        let broken = Broken::single().write(FILE, $bytes);
        refused!(broken.open(), E::Header { .. }, broken.file(FILE).display(), $($word),+);
    }};
}

#[test]
fn an_empty_file_is_refused() {
    refused_for_its_header!([], "it has 0 bytes", "takes 8");
}

#[test]
fn a_file_cut_anywhere_in_its_header_is_refused() {
    let broken = Broken::single();
    let file = OpenOptions::new().write(true).open(broken.file(FILE)).unwrap();
    let header = 8 + u64::from_le_bytes(broken.read(FILE)[..8].try_into().unwrap());
    for length in (0..=header).rev() {
        file.set_len(length).unwrap();
        refused!(broken.open(), E::Header { .. }, broken.file(FILE).display());
    }
}

#[test]
fn a_file_cut_in_its_tensors_is_refused() {
    let broken = Broken::single();
    let bytes = broken.read(FILE);
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let all = bytes.len() - start;
    for left in [1, 3, 4, 100, 49_344, all / 2, all - 4, all - 1] {
        let (takes, holds) = (format!("take {all} bytes"), format!("holds {left}"));
        refused_for_its_header!(&bytes[..start + left], takes, holds);
    }
}

#[test]
fn a_header_longer_than_the_file_is_refused() {
    for length in [3, 1000, 99_999_999, u64::MAX / 2, u64::MAX - 7, u64::MAX] {
        let bytes = [&length.to_le_bytes()[..], b"{}"].concat();
        refused_for_its_header!(bytes, format!("the header claims {length} bytes; 2 follow"));
    }
}

#[test]
fn a_header_of_more_than_100_mb_is_refused_though_the_file_has_it() {
    let length = 100_000_001u64;
    let broken = Broken::single().write(FILE, length.to_le_bytes());
    // Sparse: it takes no room.
    let file = OpenOptions::new().write(true).open(broken.file(FILE)).unwrap();
    file.set_len(8 + length).unwrap();
    refused!(broken.open(), E::Header { .. }, "the header claims 100000001 bytes", "at most 100000000");
}

#[test]
fn a_header_that_is_not_utf8_is_refused() {
    refused_for_its_header!(with_header(b"{\"\xff\": 1}", &[]), "the header does not parse");
}

#[test]
fn a_header_that_is_not_json_is_refused() {
    for header in ["", "{", "weights", "[]", "{} {}"] {
        refused_for_its_header!(with_header(header, &[]), "the header does not parse");
    }
}

#[test]
fn a_header_of_deep_json_is_refused() {
    let deep = format!("{{\"a\": {}1", "[".repeat(100_000));
    refused_for_its_header!(with_header(deep, &[]), "recursion limit");
}

#[test]
fn a_shape_whose_product_overflows_is_refused() {
    let big = 1u64 << 32;
    for shape in [json!([big, big]), json!([u64::MAX, 2]), json!([u64::MAX]), json!([1u64 << 62])] {
        refused_for_its_header!(with_entries(&[("F32", shape, [0, 8])], 8), "overflow");
    }
}

#[test]
fn a_span_that_is_not_shape_times_type_is_refused() {
    for span in [[0, 4], [0, 7], [0, 12]] {
        let bytes = with_entries(&[("F32", json!([2]), span)], span[1] as usize);
        refused_for_its_header!(bytes, "invalid shape, data type, or offset");
    }
}

#[test]
fn offsets_that_overlap_are_refused() {
    let bytes = with_entries(&[("F32", json!([2]), [0, 8]), ("F32", json!([2]), [4, 12])], 12);
    refused_for_its_header!(bytes, "invalid offset for tensor `b`");
}

#[test]
fn two_tensors_at_one_place_are_refused() {
    let bytes = with_entries(&[("F32", json!([2]), [0, 8]), ("F32", json!([2]), [0, 8])], 8);
    refused_for_its_header!(bytes, "invalid offset for tensor");
}

#[test]
fn offsets_that_are_reversed_are_refused() {
    let bytes = with_entries(&[("F32", json!([2]), [0, 8]), ("F32", json!([2]), [8, 0])], 8);
    refused_for_its_header!(bytes, "invalid offset for tensor `b`");
}

#[test]
fn offsets_with_a_hole_are_refused() {
    let between = with_entries(&[("F32", json!([2]), [0, 8]), ("F32", json!([2]), [12, 20])], 20);
    refused_for_its_header!(between, "invalid offset for tensor `b`");
    let before = with_entries(&[("F32", json!([2]), [4, 12])], 12);
    refused_for_its_header!(before, "invalid offset for tensor `a`");
}

#[test]
fn offsets_beyond_the_file_are_refused() {
    let bytes = with_entries(&[("F32", json!([1u64 << 40]), [0, 1 << 42])], 16);
    refused_for_its_header!(bytes, "take 4398046511104 bytes", "holds 16");
}

#[test]
fn a_name_that_occurs_twice_is_refused() {
    // The later one wins, and leaves the earlier one's bytes to nobody.
    let header = r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                     "a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}"#;
    refused_for_its_header!(with_header(header, &[0; 16]), "invalid offset for tensor `a`");
}

#[test]
fn bytes_behind_the_tensors_are_refused() {
    let mut bytes = Broken::single().read(FILE);
    bytes.push(0);
    refused_for_its_header!(bytes, "take 475776 bytes", "holds 475777");
}

#[test]
fn an_unknown_type_is_refused() {
    refused_for_its_header!(with_entries(&[("F128", json!([1]), [0, 16])], 16), "F128");
}

//! The list of shards.

use std::fs::{self, OpenOptions};

use adainfer_burn::LoadError as E;
use serde_json::{Value, json};

use crate::broken::Broken;

const INDEX: &str = "model.safetensors.index.json";
const FIRST: &str = "model-00001-of-00003.safetensors";
const SECOND: &str = "model-00002-of-00003.safetensors";
const THIRD: &str = "model-00003-of-00003.safetensors";
const NORM: &str = "model.norm.weight";

/// Changes the map of tensors to shards.
fn with_map(change: impl FnOnce(&mut Value)) -> Broken {
    Broken::sharded().json(INDEX, |index| change(&mut index["weight_map"]))
}

/// Asserts that the index is refused.
macro_rules! refused_for_its_index {
    ($broken:expr, $($word:expr),+) => {{
        let broken = $broken;
        refused!(broken.open(), E::Index { .. }, broken.file(INDEX).display(), $($word),+);
    }};
}

#[test]
fn a_shard_that_is_missing_is_named() {
    refused_for_its_index!(Broken::sharded().remove(SECOND), SECOND, "is not there");
}

#[test]
fn a_shard_that_is_a_folder_is_refused() {
    let broken = Broken::sharded().remove(SECOND);
    fs::create_dir(broken.file(SECOND)).unwrap();
    refused_for_its_index!(broken, SECOND, "is not there");
}

#[test]
fn a_shard_that_is_damaged_is_named() {
    let broken = Broken::sharded().write(SECOND, "");
    refused!(broken.open(), E::Header { .. }, broken.file(SECOND).display(), "0 bytes");
}

#[test]
fn a_shard_outside_the_folder_is_refused() {
    let outside = Broken::sharded();
    let absolute = outside.file(THIRD).display().to_string();
    let up = format!("../{}/{THIRD}", outside.folder().file_name().unwrap().to_str().unwrap());
    let names =
        [&absolute, &up, "..", ".", "/", "", "sub/shard", "..\\shard", "C:\\shard", "./shard", "shard/"];
    for name in names {
        let broken = with_map(|map| map[NORM] = json!(name));
        refused_for_its_index!(broken, format!("{name:?} is not a plain file name"));
    }
}

#[test]
fn a_tensor_that_is_in_no_shard_is_refused() {
    let broken = with_map(|map| map["model.layers.9.mlp.up_proj.weight"] = json!(FIRST));
    refused_for_its_index!(broken, "model.layers.9.mlp.up_proj.weight is not in", FIRST);
}

#[test]
fn a_tensor_that_is_in_another_shard_is_refused() {
    let broken = with_map(|map| map[NORM] = json!(FIRST));
    refused_for_its_index!(broken, NORM, "is not in", FIRST);
}

#[test]
fn a_tensor_that_is_in_two_shards_is_refused() {
    let broken = Broken::sharded().tensors_of(FIRST, |all| all.add(NORM, &[64]));
    refused_for_its_index!(broken, NORM, "lies in two shards", FIRST, THIRD);
}

#[test]
fn a_tensor_that_is_not_listed_is_refused() {
    let broken = with_map(|map| {
        map.as_object_mut().unwrap().remove(NORM).unwrap();
    });
    refused_for_its_index!(broken, NORM, THIRD, "is not listed");
}

#[test]
fn an_index_of_nothing_is_refused() {
    refused_for_its_index!(with_map(|map| *map = json!({})), "lists no tensor");
}

#[test]
fn an_index_without_a_map_is_refused() {
    let broken = Broken::sharded().write(INDEX, "{}");
    refused!(broken.open(), E::Field { .. }, broken.file(INDEX).display(), "missing field `weight_map`");
}

#[test]
fn an_index_of_another_form_is_refused() {
    for map in [json!([]), json!("all"), json!(3)] {
        let broken = with_map(|field| *field = map);
        refused!(broken.open(), E::Field { .. }, broken.file(INDEX).display(), "weight_map: invalid type");
    }
    let broken = with_map(|map| map[NORM] = json!(3));
    refused!(broken.open(), E::Field { .. }, broken.file(INDEX).display(), "weight_map.", NORM);
}

#[test]
fn an_index_cut_at_any_byte_is_refused() {
    let broken = Broken::sharded();
    // All of it but its last brace.
    let length = broken.read(INDEX).iter().rposition(|&byte| byte == b'}').unwrap() as u64;
    let file = OpenOptions::new().write(true).open(broken.file(INDEX)).unwrap();
    for length in (0..=length).rev() {
        file.set_len(length).unwrap();
        refused!(broken.open(), E::Field { .. }, broken.file(INDEX).display());
    }
}

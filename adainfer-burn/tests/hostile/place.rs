//! Paths at which there is no model.

use std::fs;

use adainfer_burn::LoadError as E;
use tempfile::TempDir;

use crate::broken::{Broken, open};

#[test]
fn a_missing_path_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nowhere");
    refused!(open(&path), E::Io { .. }, path.display(), "cannot read");
}

#[test]
fn an_empty_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    refused!(open(folder.path()), E::Io { .. }, folder.path().join("config.json").display());
}

#[test]
fn a_folder_without_weights_is_refused() {
    let broken = Broken::single().remove("model.safetensors");
    refused!(broken.open(), E::Io { .. }, broken.file("model.safetensors").display());
}

#[test]
fn a_folder_in_the_place_of_a_file_is_refused() {
    for file in ["config.json", "model.safetensors"] {
        let broken = Broken::single().remove(file);
        fs::create_dir(broken.file(file)).unwrap();
        refused!(broken.open(), E::Io { .. }, broken.file(file).display());
    }
}

#[test]
fn a_text_file_is_no_model() {
    let broken = Broken::single().write("notes.txt", "Weights are in the other folder.");
    let path = broken.file("notes.txt");
    refused!(open(&path), E::NotAModel { .. }, path.display(), "a folder with config.json, or a GGUF file");
}

#[test]
fn a_safetensors_file_is_no_model_by_itself() {
    let broken = Broken::single();
    let path = broken.file("model.safetensors");
    refused!(open(&path), E::NotAModel { .. }, path.display(), "a folder with config.json, or a GGUF file");
}

#[test]
fn a_file_too_short_to_say_what_it_is_is_refused() {
    for bytes in ["", "GGU"] {
        let broken = Broken::single().write("model.gguf", bytes);
        let path = broken.file("model.gguf");
        refused!(open(&path), E::Gguf { .. }, path.display(), "4 bytes are needed at byte 0", bytes.len());
    }
}

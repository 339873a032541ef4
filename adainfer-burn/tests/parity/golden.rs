//! The truths beside a golden model.
// Each test that has this module uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Features {
    pub(crate) top_token: Vec<u32>,
    pub(crate) second_token: Vec<u32>,
    pub(crate) top_prob: Vec<f32>,
    pub(crate) gap: Vec<f32>,
    pub(crate) cos_hidden_prev: Vec<Option<f32>>,
    pub(crate) cos_attn_prev: Vec<Option<f32>>,
    pub(crate) cos_mlp_prev: Vec<Option<f32>>,
    pub(crate) kl_from_prev: Vec<Option<f32>>,
}

#[derive(Deserialize)]
pub(crate) struct Exit {
    pub(crate) layers: usize,
    pub(crate) token: u32,
}

#[derive(Deserialize)]
pub(crate) struct Drop {
    /// Indices of the layers left out.
    pub(crate) dropped: Vec<usize>,
    pub(crate) top_token: u32,
}

#[derive(Deserialize)]
pub(crate) struct Prompt {
    pub(crate) ids: Vec<u32>,
    pub(crate) greedy8: Vec<u32>,
    pub(crate) truncated_greedy8: BTreeMap<String, Vec<u32>>,
    pub(crate) gap_rule: BTreeMap<String, Exit>,
    pub(crate) block_influence: Vec<f32>,
    pub(crate) drop: Vec<Drop>,
    pub(crate) features: Features,
}

#[derive(Deserialize)]
pub(crate) struct Golden {
    model: String,
    #[serde(rename = "n_layers")]
    pub(crate) layers: usize,
    pub(crate) vocab: usize,
    pub(crate) prompts: Vec<Prompt>,
}

impl Golden {
    pub(crate) fn read(name: &str) -> Self {
        let path = folder(name).join("golden.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        folder(&self.model)
    }

    pub(crate) fn tensor(&self, name: &str) -> Vec<f32> {
        tensor(&self.folder(), name)
    }
}

/// A tensor of the truths in a model's folder.
pub(crate) fn tensor(folder: &Path, name: &str) -> Vec<f32> {
    let bytes = std::fs::read(folder.join("golden.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let data = file.tensor(name).unwrap();
    data.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name)
}

pub(crate) fn close(found: &[f32], wanted: &[f32], tolerance: f32) {
    assert_eq!(found.len(), wanted.len());
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert!((f - w).abs() <= tolerance, "element {i}: {f} is not within {tolerance} of {w}");
    }
}

//! The truths beside a golden model.

use std::collections::BTreeMap;
use std::path::PathBuf;

use safetensors::SafeTensors;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Features {
    pub top_token: Vec<u32>,
    pub second_token: Vec<u32>,
    pub top_prob: Vec<f32>,
    pub gap: Vec<f32>,
    pub cos_hidden_prev: Vec<Option<f32>>,
    pub cos_attn_prev: Vec<Option<f32>>,
    pub cos_mlp_prev: Vec<Option<f32>>,
    pub kl_from_prev: Vec<Option<f32>>,
}

#[derive(Deserialize)]
pub struct Exit {
    pub layers: usize,
    pub token: u32,
}

#[derive(Deserialize)]
pub struct Prompt {
    pub ids: Vec<u32>,
    pub greedy8: Vec<u32>,
    pub truncated_greedy8: BTreeMap<String, Vec<u32>>,
    pub gap_rule: BTreeMap<String, Exit>,
    pub features: Features,
}

#[derive(Deserialize)]
pub struct Golden {
    model: String,
    #[serde(rename = "n_layers")]
    pub layers: usize,
    pub vocab: usize,
    pub prompts: Vec<Prompt>,
}

impl Golden {
    pub fn read(name: &str) -> Self {
        let path = folder(name).join("golden.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    pub fn folder(&self) -> PathBuf {
        folder(&self.model)
    }

    pub fn tensor(&self, name: &str) -> Vec<f32> {
        let bytes = std::fs::read(self.folder().join("golden.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let data = file.tensor(name).unwrap();
        data.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name)
}

pub fn close(found: &[f32], wanted: &[f32], tolerance: f32) {
    assert_eq!(found.len(), wanted.len());
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert!((f - w).abs() <= tolerance, "element {i}: {f} is not within {tolerance} of {w}");
    }
}

//! Lenses: what they compute, as files, among candidates, and fitted.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, unreachable_pub)]

mod candidates;
mod files;
mod fitted;
mod labels;
mod linear;

use std::path::PathBuf;

use adainfer_burn::{AnyModel, Device, LayerMap, LensModel, LensQuality, LinearLens};
use adainfer_core::{Extras, LayeredModel, TokenId};

/// One a family, and one with a projection behind its last layer.
const MODELS: [&str; 4] = ["llama-mha", "opt-pre", "opt-post-proj", "gptj"];

const PROMPT: [TokenId; 5] = [5, 17, 42, 6, 30];

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name)
}

fn open(name: &str) -> AnyModel {
    AnyModel::open(folder(name), &Device::Cpu).unwrap()
}

/// The hidden states after each layer.
fn states<M: LayeredModel>(model: &M, prompt: &[TokenId]) -> Vec<M::Hidden> {
    let mut state = model.start(Extras::NONE).unwrap();
    let mut hidden = model.embed(prompt, &mut state).unwrap();
    let layer = |index| {
        hidden = model.layer(index, hidden.clone(), &mut state).unwrap();
        hidden.clone()
    };
    (0..model.spec().layers).map(layer).collect()
}

/// All logits after a layer, counted from 1.
fn logits<M: LayeredModel>(model: &M, layer: usize, states: &[M::Hidden]) -> Vec<f32> {
    model.values(&model.head(layer - 1, &states[layer - 1]).unwrap()).unwrap()
}

/// Numbers of no pattern, the same for the same seed.
fn numbers(seed: usize, count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn map(seed: usize, width: usize) -> LayerMap {
    LayerMap {
        weight: numbers(seed, width * width),
        bias: numbers(seed + 1, width),
        quality: LensQuality { ridge: 0.1, r2: 0.25 },
    }
}

/// A lens that looks after these layers.
fn lens(model: &AnyModel, layers: &[usize]) -> LinearLens {
    let mut lens = LinearLens::new(model.spec(), model.hidden_size(), "made up");
    for layer in layers {
        lens.set(*layer, map(*layer, model.hidden_size())).unwrap();
    }
    lens
}

fn close(found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-4 * wanted.abs().max(1.0), "{found} {wanted}");
    }
}

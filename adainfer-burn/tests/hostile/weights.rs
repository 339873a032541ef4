//! Tensors that are well-formed and not those of the model.

use adainfer_burn::LoadError as E;
use half::{bf16, f16};
use safetensors::Dtype;

use crate::broken::{Broken, logits};

const Q: &str = "model.layers.2.self_attn.q_proj.weight";
const K: &str = "model.layers.2.self_attn.k_proj.weight";

/// A model one of whose tensors has these values in one place.
fn with_value(value: f32, element: usize) -> Broken {
    Broken::single().tensors(|all| {
        let mut values = all.of(K).values();
        values[element] = value;
        all.of(K).set(&values);
    })
}

#[test]
fn a_weight_that_is_nan_is_named() {
    let broken = with_value(f32::NAN, 100);
    let words = "model.layers.2.self_attn.k_proj.weight holds NaN at element 100";
    refused!(broken.open(), E::NotFinite { element: 100, .. }, broken.folder().display(), words);
}

#[test]
fn a_weight_that_is_infinite_is_named() {
    for value in [f32::INFINITY, f32::NEG_INFINITY] {
        let broken = with_value(value, 767);
        let words = format!("{K} holds {value} at element 767");
        refused!(broken.open(), E::NotFinite { .. }, broken.folder().display(), words);
    }
}

#[test]
fn a_weight_that_is_infinite_in_half_precision_is_named() {
    let broken = Broken::single().tensors(|all| {
        let mut values = all.of(K).values();
        values[5] = 1e6;
        all.of(K).set(&values);
        all.of(K).halve();
    });
    refused!(broken.open(), E::NotFinite { element: 5, .. }, K, "inf");
}

#[test]
fn a_type_that_is_no_supported_float_is_refused() {
    for dtype in [Dtype::I32, Dtype::F64, Dtype::U8, Dtype::BOOL, Dtype::I64, Dtype::F8_E4M3] {
        let broken = Broken::single().tensors(|all| all.of(Q).retype(dtype));
        let words = format!("tensor {Q} is stored as {dtype:?}, but must be F32, F16 or BF16");
        refused!(broken.open(), E::Dtype { .. }, broken.file("model.safetensors").display(), words);
    }
}

#[test]
fn a_tensor_of_another_shape_is_refused() {
    let broken = Broken::single().tensors(|all| all.add("model.norm.weight", &[47]));
    let words = "tensor model.norm.weight has shape [47], but the configuration asks for [48]";
    refused!(broken.open(), E::Shape { .. }, broken.folder().display(), words);
}

#[test]
fn a_tensor_of_no_elements_is_refused() {
    let broken = Broken::single().tensors(|all| all.add(Q, &[0, 48]));
    refused!(broken.open(), E::Shape { .. }, Q, "has shape [0, 48]", "asks for [48, 48]");
}

#[test]
fn a_tensor_of_another_rank_is_refused() {
    let broken = Broken::single().tensors(|all| all.of(Q).shape = vec![48 * 48]);
    refused!(broken.open(), E::Shape { .. }, Q, "has shape [2304]", "asks for [48, 48]");
}

#[test]
fn a_transposed_tensor_is_refused() {
    let broken = Broken::single().tensors(|all| all.of(K).shape.reverse());
    refused!(broken.open(), E::Shape { .. }, K, "has shape [48, 16]", "asks for [16, 48]");
}

#[test]
fn all_missing_and_unexpected_tensors_are_named_at_once() {
    let broken = Broken::single().tensors(|all| {
        all.0.remove(Q);
        all.0.remove("model.norm.weight");
        all.add("model.layers.6.mlp.up_proj.weight", &[80, 48]);
        all.add("model.layers.0.self_attn.q_proj.bias", &[48]);
        all.add("visual.patch", &[1]);
    });
    let missing = format!("2 tensors missing: {Q}, model.norm.weight");
    let unexpected = "3 tensors unexpected: model.layers.0.self_attn.q_proj.bias, \
        model.layers.6.mlp.up_proj.weight, visual.patch";
    refused!(broken.open(), E::Tensors { .. }, broken.folder().display(), missing, unexpected);
}

#[test]
fn a_file_of_no_tensors_is_refused() {
    let broken = Broken::single().tensors(|all| all.0.clear());
    refused!(broken.open(), E::Config { .. }, "num_hidden_layers is 6", "at most 1: there are 0 tensors");
}

#[test]
fn a_model_that_is_not_tied_needs_its_head() {
    let broken = Broken::single().config(serde_json::json!({"tie_word_embeddings": false}));
    refused!(broken.open(), E::Tensors { .. }, "1 tensors missing: lm_head.weight");
}

#[test]
fn tensors_that_checkpoints_leave_lying_are_accepted() {
    let good = Broken::single();
    let with_leftovers = Broken::single().tensors(|all| {
        all.add("model.layers.0.self_attn.rotary_emb.inv_freq", &[4]);
        all.add("lm_head.weight", &[257, 48]);
    });
    let (good, found) = (good.open().unwrap(), with_leftovers.open().unwrap());
    assert_eq!(logits(&found), logits(&good));
}

/// The model with every weight rounded, and the same stored in halves.
fn rounded_and_stored(half: bool) -> [Vec<f32>; 2] {
    let round = |x: f32| if half { f16::from_f32(x).to_f32() } else { bf16::from_f32(x).to_f32() };
    let rounded = Broken::single().tensors(|all| {
        for stored in all.0.values_mut() {
            let values: Vec<f32> = stored.values().into_iter().map(round).collect();
            stored.set(&values);
        }
    });
    let stored = Broken::single().tensors(|all| {
        all.0.values_mut().for_each(|stored| if half { stored.halve() } else { stored.halve_brain() });
    });
    [rounded, stored].map(|model| logits(&model.open().unwrap()))
}

#[test]
fn weights_in_f16_are_the_rounded_ones_exactly() {
    let [rounded, stored] = rounded_and_stored(true);
    assert_eq!(rounded, stored);
    assert_ne!(stored, logits(&Broken::single().open().unwrap()));
}

#[test]
fn weights_in_bf16_are_the_rounded_ones_exactly() {
    let [rounded, stored] = rounded_and_stored(false);
    assert_eq!(rounded, stored);
    assert_ne!(stored, logits(&Broken::single().open().unwrap()));
}

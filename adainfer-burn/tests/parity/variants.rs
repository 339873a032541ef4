//! Relatives of the families, and weights stored in half precision, against the reference
//! (`fixtures/make_variants.py`).

use std::path::PathBuf;

use adainfer_burn::AnyModel;
use adainfer_core::{EarlyExit, Extras, LayeredModel, Never, RunError};
use adainfer_policies::GapThreshold;
use safetensors::SafeTensors;

use crate::golden::{self, close, tensor};
use crate::targets::Target;

const MODELS: [&str; 6] = ["llama-f16-sharded", "llama-bf16", "opt-f16", "gptj-bf16", "mistral", "qwen2"];
const PROMPTS: usize = 3;

fn folder(name: &str) -> PathBuf {
    golden::folder(name)
}

fn tokens(name: &str, tensor_name: &str) -> Vec<u32> {
    tensor(&folder(name), tensor_name).into_iter().map(|id| id as u32).collect()
}

pub(crate) fn variants_are_the_reference(target: &Target) {
    for name in MODELS {
        let model = AnyModel::open(folder(name), &target.devices[0]).unwrap();
        for i in 0..PROMPTS {
            let prompt = tokens(name, &format!("p{i}.ids"));
            let mut state = model.start(Extras::NONE).unwrap();
            let mut hidden = model.embed(&prompt, &mut state).unwrap();
            let mut found = Vec::new();
            for layer in 0..model.spec().layers {
                hidden = model.layer(layer, hidden, &mut state).unwrap();
                found.extend(model.values(&model.head(layer, &hidden).unwrap()).unwrap());
            }
            close(&found, &tensor(&folder(name), &format!("p{i}.lens_logits")), target.logits);
            let engine = EarlyExit::new(&model, Never).unwrap();
            let mut session = engine.session().unwrap();
            let text = session.generate(&prompt).max_tokens(8).map(|step| step.unwrap().token);
            assert_eq!(text.collect::<Vec<_>>(), tokens(name, &format!("p{i}.greedy8")), "{name}");
        }
    }
}

/// The weights are finite, and what comes of them is not.
pub(crate) fn logits_that_overflow_are_an_error(target: &Target) {
    let scratch = tempfile::tempdir().unwrap();
    let (from, to) = (folder("gptj"), scratch.path());
    std::fs::copy(from.join("config.json"), to.join("config.json")).unwrap();
    let mut bytes = std::fs::read(from.join("model.safetensors")).unwrap();
    let head = {
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let data = file.tensor("lm_head.weight").unwrap().data();
        let start = data.as_ptr().addr() - bytes.as_ptr().addr();
        start..start + data.len()
    };
    for number in bytes[head].chunks_exact_mut(4) {
        let sign = f32::from_le_bytes((&*number).try_into().unwrap()).signum();
        number.copy_from_slice(&(sign * 3e38).to_le_bytes());
    }
    std::fs::write(to.join("model.safetensors"), bytes).unwrap();
    let model = AnyModel::open(to, &target.devices[0]).unwrap();
    let engine = EarlyExit::new(&model, GapThreshold::new(0.0).unwrap()).unwrap();
    let error = engine.session().unwrap().feed(&[5, 6, 7]).unwrap_err();
    assert!(matches!(error, RunError::NotFinite { .. }), "no layer's look passes for one: {error:?}");
}

pub(crate) fn a_text_longer_than_the_window_of_attention_is_refused(target: &Target) {
    let model = AnyModel::open(folder("mistral"), &target.devices[0]).unwrap();
    let engine = EarlyExit::new(&model, Never).unwrap();
    engine.session().unwrap().feed(&[5; 24]).unwrap();
    let error = engine.session().unwrap().feed(&[5; 25]).unwrap_err();
    assert!(matches!(error, RunError::TooLong { needed: 25, max: 24 }), "{error:?}");
}

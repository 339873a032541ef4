//! What a linear lens computes, and what it refuses.

use adainfer_burn::{
    Device, DeviceMap, LayerMap, LensError, LensModel, LensQuality, LinearLens, ModelError, SplitModel,
};
use adainfer_core::{Decision, EarlyExit, LayeredModel, Never, policy_fn};
use safetensors::SafeTensors;

use super::{MODELS, PROMPT, close, folder, lens, logits, map, open, states};

#[test]
fn a_look_is_the_formula() {
    let model = open("gptj");
    let (lens, width) = (lens(&model, &[1, 2]), model.hidden_size());
    let through = model.with_lens(&lens).unwrap();
    let bytes = std::fs::read(folder("gptj").join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| {
        let data = file.tensor(name).unwrap().data().chunks_exact(4);
        data.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect::<Vec<_>>()
    };
    let (head, shift) = (tensor("lm_head.weight"), tensor("lm_head.bias"));
    let states = states(&through, &PROMPT);
    for layer in [1, 2] {
        let LayerMap { weight, bias, .. } = lens.map(layer).unwrap();
        let x = model.states(&states[layer - 1], &[PROMPT.len() - 1]).unwrap();
        let rms = (x.iter().map(|x| x * x).sum::<f32>() / width as f32 + 1e-6).sqrt();
        let level: Vec<f32> = x.iter().map(|x| x / rms).collect();
        let affine = |matrix: &[f32], shift: &[f32], x: &[f32]| {
            let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
            matrix.chunks_exact(width).zip(shift).map(|(row, shift)| dot(row) + shift).collect::<Vec<_>>()
        };
        let wanted = affine(&head, &shift, &affine(weight, bias, &level));
        close(&logits(&through, layer, &states), &wanted);
    }
}

/// In every family it stands where the final norm does.
#[test]
fn a_lens_that_says_what_the_norm_will_say_gives_the_last_layers_answer() {
    for name in MODELS {
        let model = open(name);
        let (layers, width) = (model.spec().layers, model.hidden_size());
        let found = states(&model, &PROMPT);
        let bias = model.normed_states(&found[layers - 1], &[PROMPT.len() - 1]).unwrap();
        let quality = LensQuality { ridge: 1.0, r2: 0.0 };
        let mut lens = LinearLens::new(model.spec(), width, "one prompt");
        lens.set(1, LayerMap { weight: vec![0.0; width * width], bias, quality }).unwrap();
        let through = model.with_lens(&lens).unwrap();
        let dense = logits(&model, layers, &found);
        close(&logits(&through, 1, &found), &dense);
        assert_eq!(logits(&through, layers, &found), dense, "{name}: the last answer is the model's own");
    }
}

#[test]
fn it_looks_only_where_it_has_a_map() {
    let model = open("llama-mha");
    let through = model.with_lens(&lens(&model, &[2, 3])).unwrap();
    let at_once = policy_fn(|_| Decision::Exit);
    let step = EarlyExit::new(&through, at_once).unwrap().session().unwrap().feed(&PROMPT).unwrap();
    assert_eq!((step.layers_run, step.heads_run), (2, 1));
    let found = states(&through, &PROMPT);
    let error = through.head(0, &found[0]).unwrap_err();
    assert!(matches!(error, ModelError::NoLook { layer: 1 }), "{error}");
}

#[test]
fn dense_is_dense_through_any_lens() {
    let model = open("gptj");
    let through = model.with_lens(&lens(&model, &[1])).unwrap();
    let text = |model: &adainfer_burn::AnyModel| {
        let engine = EarlyExit::new(model, Never).unwrap();
        let mut session = engine.session().unwrap();
        session.generate(&PROMPT).max_tokens(8).map(|step| step.unwrap().token).collect::<Vec<_>>()
    };
    assert_eq!(text(&through), text(&model));
}

#[test]
fn a_split_model_has_it_on_every_device() {
    let whole = open("llama-mha");
    let map = DeviceMap::new([(Device::Cpu, 1), (Device::NdArray, 3)]);
    let model = SplitModel::open(folder("llama-mha"), &map).unwrap();
    let lens = lens(&whole, &[1, 3]);
    let (whole, model) = (whole.with_lens(&lens).unwrap(), model.with_lens(&lens).unwrap());
    assert_eq!(whole.spec(), model.spec());
    let (one, two) = (states(&whole, &PROMPT), states(&model, &PROMPT));
    for layer in [1, 3, 4] {
        close(&logits(&model, layer, &two), &logits(&whole, layer, &one));
    }
    assert!(!model.looks_after(1) && model.looks_after(2) && model.looks_after(3));
}

#[test]
fn a_lens_is_part_of_the_fingerprint() {
    let model = open("llama-mha");
    let fingerprint =
        |layers: &[usize]| model.with_lens(&lens(&model, layers)).unwrap().spec().fingerprint.clone();
    assert!(fingerprint(&[1]).starts_with(&model.spec().fingerprint));
    assert_ne!(fingerprint(&[1]), model.spec().fingerprint);
    assert_ne!(fingerprint(&[1]), fingerprint(&[1, 2]));
    assert_eq!(fingerprint(&[1]), fingerprint(&[1]));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (model, other) = (open("llama-mha"), open("gptj"));
    let whole = lens(&model, &[1]);
    let error = other.with_lens(&whole).unwrap_err();
    assert!(matches!(error, LensError::OtherModel { .. }), "{error}");
    let error = model.with_lens(&whole).unwrap().with_lens(&whole).unwrap_err();
    assert!(matches!(error, LensError::Twice), "{error}");
    let narrow = LinearLens::new(model.spec(), 8, "");
    assert!(matches!(model.with_lens(&narrow).unwrap_err(), LensError::Width { lens: 8, model: 64 }));

    let mut huge = LinearLens::new(model.spec(), usize::MAX, "");
    assert!(matches!(huge.set(1, map(1, 4)).unwrap_err(), LensError::Shape { found: 16, .. }));

    let mut lens = LinearLens::new(model.spec(), 4, "");
    for layer in [0, 4, 5] {
        let error = lens.set(layer, map(1, 4)).unwrap_err();
        assert!(matches!(error, LensError::Layer { layers: 4, .. }), "{error}");
    }
    let error = lens.set(1, map(1, 5)).unwrap_err();
    assert_eq!(error.to_string(), "the weight after layer 1 has 25 numbers and needs 16");
    let mut bad = map(1, 4);
    bad.bias[2] = f32::NAN;
    assert_eq!(lens.set(1, bad).unwrap_err().to_string(), "the bias after layer 1 holds NaN at element 2");
    lens.set(2, map(1, 4)).unwrap();
    assert!(lens.close(2).is_some() && lens.close(2).is_none() && lens.layers().len() == 0);
}

//! Many queries at once answer as one by one, and a last layer at the last position as at all of them.
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_burn::backend::{Flex, NdArray};
use adainfer_burn::ops::Ops;
use adainfer_burn::{
    AnyModel, CandidateHead, Candidates, Device, DeviceMap, LoadOptions, Model, SplitModel, WeightFormat,
};
use adainfer_core::{
    Decision, EarlyExit, ExitPolicy, Extras, LayeredModel, Never, Step, Trace, Watch, policy_fn,
};

const CONFIGS: [&str; 3] = [
    r#"{"model_type": "llama", "hidden_size": 96, "num_hidden_layers": 6, "num_attention_heads": 6,
        "num_key_value_heads": 2, "intermediate_size": 224, "vocab_size": 137, "max_position_embeddings": 128,
        "rms_norm_eps": 1e-5, "eos_token_id": 2}"#,
    r#"{"model_type": "opt", "hidden_size": 64, "num_hidden_layers": 6, "num_attention_heads": 4,
        "ffn_dim": 96, "vocab_size": 137, "max_position_embeddings": 128, "word_embed_proj_dim": 64,
        "do_layer_norm_before": true, "activation_function": "relu"}"#,
    r#"{"model_type": "gptj", "n_embd": 64, "n_layer": 6, "n_head": 4, "rotary_dim": 8,
        "vocab_size": 137, "n_positions": 128, "activation_function": "gelu_new"}"#,
];

fn made<B: Ops>(config: &str, format: WeightFormat) -> Model<B> {
    let options = LoadOptions::new().weights(format);
    Model::with_random_weights(config, 1, &Default::default(), options).unwrap()
}

/// Of lengths from 1 to 40.
fn queries() -> Vec<Vec<u32>> {
    [1, 7, 40, 3, 12, 1, 25]
        .into_iter()
        .enumerate()
        .map(|(i, n)| (0..n).map(|j| (i as u32 * 31 + j * 7) % 137).collect())
        .collect()
}

/// Stops where the top token changes no more: after different layers for different queries.
fn settled() -> impl ExitPolicy {
    policy_fn(|t: Trace<'_>| {
        Decision::exit_if(t.previous().is_some_and(|p| p.top.token == t.last().top.token))
    })
}

fn together<M: LayeredModel, P: ExitPolicy>(model: M, policy: P) -> (Vec<Step>, Vec<Step>) {
    let engine = EarlyExit::new(model, policy).unwrap();
    let prefix = engine.prefix(&[5, 6, 7, 99, 3]).unwrap();
    let queries = queries();
    let each = queries.iter().map(|query| prefix.fork().unwrap().feed(query).unwrap()).collect();
    let together = prefix.answer_each(&queries).unwrap();
    (together.into_iter().map(Result::unwrap).collect(), each)
}

fn check<M: LayeredModel>(model: &M) {
    for (together, each) in [together(model, settled()), together(model, Never)].map(|(a, b)| (a, b)) {
        for (together, each) in together.iter().zip(&each) {
            assert_eq!((together.token, together.layers_run), (each.token, each.layers_run));
            assert_eq!(together.heads_run, each.heads_run);
            assert!((together.probe.top_prob() - each.probe.top_prob()).abs() < 1e-5);
        }
    }
}

#[test]
fn every_family_answers_together_as_one_by_one() {
    for config in CONFIGS {
        for format in [WeightFormat::Float, WeightFormat::Int8] {
            check(&made::<Flex>(config, format));
        }
        check(&made::<NdArray>(config, WeightFormat::Float));
    }
}

#[test]
fn queries_leave_after_different_layers() {
    let (steps, _) = together(made::<Flex>(CONFIGS[0], WeightFormat::Float), settled());
    let layers: std::collections::BTreeSet<_> = steps.iter().map(|step| step.layers_run).collect();
    assert!(layers.len() > 1, "{layers:?}");
}

#[test]
fn lenses_and_named_devices_pass_batches_on() {
    let model = made::<Flex>(CONFIGS[0], WeightFormat::Float);
    check(&Candidates::new(&model, &[3, 17, 42]).unwrap());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/models/llama-gqa-tied");
    let named = AnyModel::open(folder, &Device::Cpu).unwrap();
    assert!(named.rows(&[1, 2]).is_ok());
    check(&named);
}

#[test]
fn a_split_model_passes_batches_on() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/models/llama-gqa-tied");
    let layers = AnyModel::open(folder, &Device::Cpu).unwrap().spec().layers;
    let map = DeviceMap::new([(Device::Cpu, 1), (Device::NdArray, layers - 1)]);
    check(&SplitModel::open(folder, &map).unwrap());
}

#[test]
fn the_last_position_alone_is_as_among_all() {
    for config in CONFIGS {
        for format in [WeightFormat::Float, WeightFormat::Int8] {
            check_last(&made::<Flex>(config, format));
        }
        check_last(&made::<NdArray>(config, WeightFormat::Float));
    }
}

/// One sequence runs the last layer at all positions, the other at the last one; a token later they still agree.
fn check_last<B: Ops>(model: &Model<B>) {
    let last = model.spec().layers - 1;
    let [mut all, mut alone] = [0, 0].map(|_| model.start(Extras::NONE).unwrap());
    for tokens in [[5, 6, 7, 99, 3].as_slice(), &[42]] {
        let [mut x, mut y] = [&mut all, &mut alone].map(|state| model.embed(tokens, state).unwrap());
        for layer in 0..last {
            x = model.layer(layer, x, &mut all).unwrap();
            y = model.layer(layer, y, &mut alone).unwrap();
        }
        let x = model.layer(last, x, &mut all).unwrap().values().unwrap();
        let y = model.layer_at_last(last, y, &mut alone).unwrap();
        assert_eq!(y.tensor().dims()[0], 1);
        let y = y.values().unwrap();
        let off = x[x.len() - y.len()..].iter().zip(&y).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(off < 1e-5, "{off}");
    }
}

#[test]
fn cosines_and_divergence_are_those_of_one_by_one() {
    let model = made::<Flex>(CONFIGS[0], WeightFormat::Float);
    let (together, each) = together(&model, Watch::new(Extras::ALL));
    for (together, each) in together.iter().zip(&each) {
        let close = |a: Option<f32>, b: Option<f32>| (a.unwrap() - b.unwrap()).abs() < 1e-4;
        assert!(
            close(together.probe.cos_hidden, each.probe.cos_hidden)
                && close(together.probe.kl, each.probe.kl)
        );
    }
}

//! Matrices in few bits: near those in many.
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_burn::backend::{Flex, NdArray};
use adainfer_burn::ops::Ops;
use adainfer_burn::{LoadOptions, Model, WeightFormat};
use adainfer_core::{EarlyExit, LayeredModel, Never, Probe, Recorder, Watch};

/// One of each family, with more than a block of inputs, and outputs that fill no panel.
const CONFIGS: [&str; 4] = [
    r#"{"model_type": "llama", "hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 6,
        "num_key_value_heads": 2, "intermediate_size": 224, "vocab_size": 137, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5, "eos_token_id": 2}"#,
    r#"{"model_type": "qwen2", "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 160, "vocab_size": 137, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "eos_token_id": 2}"#,
    r#"{"model_type": "opt", "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
        "ffn_dim": 96, "vocab_size": 137, "max_position_embeddings": 64, "word_embed_proj_dim": 32,
        "do_layer_norm_before": false, "activation_function": "relu"}"#,
    r#"{"model_type": "gptj", "n_embd": 64, "n_layer": 4, "n_head": 4, "rotary_dim": 8,
        "vocab_size": 137, "n_positions": 64, "activation_function": "gelu_new"}"#,
];

fn made<B: Ops>(config: &str, format: WeightFormat) -> Model<B> {
    let options = LoadOptions::new().weights(format);
    Model::with_random_weights(config, 1, &Default::default(), options).unwrap()
}

fn probes<B: Ops>(model: &Model<B>) -> Vec<Probe> {
    let engine = EarlyExit::new(model, Watch::default()).unwrap();
    let mut session = engine.watched(Recorder::default()).unwrap();
    session.feed(&[5, 6, 7, 99, 3, 42, 17]).unwrap();
    session.feed(&[11]).unwrap();
    session.into_observer().into_tokens().into_iter().flat_map(|token| token.probes).collect()
}

/// The greatest difference between the top probabilities of two runs, by the probability.
fn apart(one: &[Probe], other: &[Probe]) -> f32 {
    assert_eq!(one.len(), other.len());
    let pairs = one.iter().zip(other);
    pairs.map(|(a, b)| (a.top_prob() / b.top_prob() - 1.0).abs()).fold(0.0, f32::max)
}

#[test]
fn int8_is_near_f32_in_every_family_and_alike_on_both_backends() {
    for config in CONFIGS {
        let dense = probes(&made::<Flex>(config, WeightFormat::Float));
        let rounded = probes(&made::<Flex>(config, WeightFormat::Int8));
        let off = apart(&dense, &rounded);
        assert!(off > 0.0 && off < 0.1, "{off} off: {config}");
        let other = probes(&made::<NdArray>(config, WeightFormat::Int8));
        // What is rounded to 8 bits may fall to either side.
        let off = apart(&rounded, &other);
        assert!(off < 0.02, "{off} off: {config}");
    }
}

#[test]
fn a_folder_has_no_blocks_of_its_own_and_stored_is_int8() {
    let [int8, stored] =
        [WeightFormat::Int8, WeightFormat::Stored].map(|f| probes(&made::<Flex>(CONFIGS[0], f)));
    assert_eq!(int8, stored);
}

#[test]
fn a_matrix_that_blocks_do_not_divide_stays_as_it_is() {
    let config = CONFIGS[0].replace("96", "72").replace("224", "40");
    let [dense, int8] = [WeightFormat::Float, WeightFormat::Int8].map(|f| probes(&made::<Flex>(&config, f)));
    assert_eq!(dense, int8);
}

#[test]
fn a_policy_of_one_format_is_no_policy_of_another() {
    let formats = [WeightFormat::Float, WeightFormat::Int8, WeightFormat::Stored];
    let prints = formats.map(|format| made::<Flex>(CONFIGS[0], format).spec().fingerprint.clone());
    assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2]);
}

#[test]
fn tokens_one_by_one_are_those_at_once() {
    let model = made::<Flex>(CONFIGS[0], WeightFormat::Int8);
    let engine = EarlyExit::new(&model, Never).unwrap();
    let tokens = [5, 6, 7, 99, 3];
    let at_once = engine.session().unwrap().feed(&tokens).unwrap();
    let mut session = engine.session().unwrap();
    let last = tokens.map(|token| session.feed(&[token]).unwrap())[4];
    assert_eq!(at_once.token, last.token);
}

//! Models of a shape, for measuring.
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_burn::backend::Flex;
use adainfer_burn::{Dtype, LoadError, LoadOptions, Model};
use adainfer_core::{EarlyExit, LayeredModel, Recorder, Watch};

const CONFIG: &str = r#"{
    "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 100, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5, "eos_token_id": 2
}"#;

fn made(config: &str, seed: u64) -> Result<Model<Flex>, LoadError> {
    Model::with_random_weights(config, seed, &Default::default(), LoadOptions::new())
}

fn probes(model: &Model<Flex>) -> Vec<adainfer_core::Probe> {
    let engine = EarlyExit::new(model, Watch::default()).unwrap();
    let mut session = engine.watched(Recorder::default()).unwrap();
    session.feed(&[5, 6, 7]).unwrap();
    session.into_observer().into_tokens().remove(0).probes
}

#[test]
fn a_seed_makes_a_model() {
    let (one, same, other) = (made(CONFIG, 1).unwrap(), made(CONFIG, 1).unwrap(), made(CONFIG, 2).unwrap());
    assert_eq!((one.spec().layers, one.spec().vocab, one.spec().max_positions), (3, 100, 64));
    assert_eq!((one.spec(), probes(&one)), (same.spec(), probes(&same)));
    assert_ne!(one.spec().fingerprint, other.spec().fingerprint);
    assert_ne!(probes(&one), probes(&other));
    assert!(probes(&one).iter().all(adainfer_core::Probe::is_finite));
}

#[test]
fn every_family_has_shapes() {
    let opt = r#"{"model_type": "opt", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "ffn_dim": 96, "vocab_size": 100, "max_position_embeddings": 64, "word_embed_proj_dim": 32,
        "do_layer_norm_before": false, "activation_function": "relu"}"#;
    let gptj = r#"{"model_type": "gptj", "n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8,
        "vocab_size": 100, "n_positions": 64, "activation_function": "gelu_new"}"#;
    for config in [opt, gptj] {
        assert!(probes(&made(config, 1).unwrap()).iter().all(adainfer_core::Probe::is_finite));
    }
}

#[test]
fn a_configuration_that_is_none_is_refused() {
    for (config, named) in [("{", "config.json"), ("{}", "model_type"), (r#"{"model_type": "bert"}"#, "bert")]
    {
        let error = made(config, 1).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    let error =
        made(&CONFIG.replace("\"num_attention_heads\": 4", "\"num_attention_heads\": 5"), 1).unwrap_err();
    assert!(matches!(error, LoadError::Config { .. }), "{error:?}");
}

#[cfg(feature = "text")]
#[test]
fn there_is_no_tokenizer() {
    let error = made(CONFIG, 1).unwrap().tokenizer().unwrap_err();
    assert_eq!(error.to_string(), "random weights: there is no tokenizer");
}

#[test]
fn a_format_that_the_device_does_not_compute_in_is_refused() {
    for dtype in [Dtype::F16, Dtype::Bf16] {
        let options = LoadOptions::new().dtype(dtype);
        let model = Model::<Flex>::with_random_weights(CONFIG, 1, &Default::default(), options);
        let error = model.unwrap_err().to_string();
        assert!(error.contains(&format!("does not compute in {dtype}")), "{error}");
    }
}

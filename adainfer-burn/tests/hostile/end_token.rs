//! The tokens that end a text.

use adainfer_burn::LoadError as E;
use serde_json::{Value, json};

use crate::broken::Broken;

const FILE: &str = "generation_config.json";

/// A model whose generation_config.json says this, and whose config.json says 2.
fn ending_with(tokens: Value) -> Broken {
    Broken::single().json(FILE, |config| config["eos_token_id"] = tokens)
}

#[test]
fn an_end_token_is_a_number_or_a_list() {
    assert_eq!(ending_with(json!(7)).open().unwrap().end_tokens(), [7]);
    assert_eq!(ending_with(json!([7, 256])).open().unwrap().end_tokens(), [7, 256]);
    assert!(ending_with(json!([])).open().unwrap().end_tokens().is_empty());
}

#[test]
fn the_end_token_of_the_config_counts_if_there_is_no_other() {
    let config = json!({"eos_token_id": [5, 6]});
    let absent = Broken::single().remove(FILE).config(config.clone());
    assert_eq!(absent.open().unwrap().end_tokens(), [5, 6]);
    assert_eq!(ending_with(Value::Null).config(config).open().unwrap().end_tokens(), [5, 6]);
    assert_eq!(Broken::single().write(FILE, "{}").open().unwrap().end_tokens(), [2]);
}

#[test]
fn a_model_may_have_no_end_token() {
    let broken = Broken::single().remove(FILE).without("eos_token_id");
    assert!(broken.open().unwrap().end_tokens().is_empty());
}

#[test]
fn an_end_token_of_another_type_is_refused() {
    for tokens in [json!("</s>"), json!(-1), json!(2.5), json!([2, "</s>"]), json!({"id": 2}), json!(true)] {
        let broken = ending_with(tokens);
        let words = "field eos_token_id: expected a token or a list of tokens";
        refused!(broken.open(), E::Field { .. }, broken.file(FILE).display(), words);
    }
}

#[test]
fn an_end_token_of_another_type_in_the_config_is_refused() {
    let broken = Broken::single().remove(FILE).config(json!({"eos_token_id": "</s>"}));
    refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "eos_token_id");
}

#[test]
fn an_end_token_that_is_not_in_the_vocabulary_is_refused() {
    for tokens in [json!(257), json!([2, 257])] {
        let broken = ending_with(tokens);
        let words = "eos_token_id is 257, but must be below the vocabulary size 257";
        refused!(broken.open(), E::Config { .. }, broken.file(FILE).display(), words);
    }
}

#[test]
fn an_end_token_beyond_32_bits_is_refused() {
    // 2 in the lower 32 bits.
    let broken = ending_with(json!((1u64 << 32) + 2));
    refused!(broken.open(), E::Config { .. }, broken.file(FILE).display(), "eos_token_id is 4294967298");
}

#[test]
fn a_damaged_generation_config_is_refused() {
    for text in ["", "{", "[1]", "{} {}"] {
        let broken = Broken::single().write(FILE, text);
        refused!(broken.open(), E::Field { .. }, broken.file(FILE).display());
    }
}

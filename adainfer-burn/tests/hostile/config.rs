//! config.json.

use std::fs::OpenOptions;

use adainfer_burn::LoadError as E;
use serde_json::json;

use crate::broken::Broken;

#[test]
fn an_empty_config_is_refused() {
    let broken = Broken::single().write("config.json", "");
    refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "not a JSON object");
}

#[test]
fn a_config_that_is_not_json_is_refused() {
    let broken = Broken::single().write("config.json", "hidden_size = 48");
    refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "not a JSON object");
}

#[test]
fn a_config_that_is_not_utf8_is_refused() {
    let broken = Broken::single().write("config.json", b"{\"model_type\": \"ll\xffma\"}");
    refused!(broken.open(), E::Io { .. }, broken.file("config.json").display(), "UTF-8");
}

#[test]
fn a_config_with_something_behind_it_is_refused() {
    let config = [Broken::single().read("config.json"), b" {}".to_vec()].concat();
    let broken = Broken::single().write("config.json", config);
    refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "trailing characters");
}

#[test]
fn a_config_that_is_no_object_is_refused() {
    for config in ["[]", "null", "48", "\"llama\""] {
        let broken = Broken::single().write("config.json", config);
        refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "not a JSON object");
    }
}

#[test]
fn a_config_of_deep_json_is_refused() {
    let deep = format!("{{\"model_type\": \"llama\", \"x\": {}1", "[".repeat(100_000));
    let broken = Broken::single().write("config.json", deep);
    refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "recursion limit");
}

#[test]
fn a_config_of_more_than_64_mib_is_refused() {
    let broken = Broken::single();
    let file = OpenOptions::new().write(true).open(broken.file("config.json")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "67108864 bytes");
}

#[test]
fn a_config_cut_at_any_byte_is_refused() {
    let broken = Broken::single();
    let file = OpenOptions::new().write(true).open(broken.file("config.json")).unwrap();
    for length in (0..file.metadata().unwrap().len()).rev() {
        file.set_len(length).unwrap();
        refused!(broken.open(), E::Field { .. }, broken.file("config.json").display());
    }
}

#[test]
fn an_unknown_kind_of_model_is_refused_with_the_known_ones() {
    let broken = Broken::single().config(json!({"model_type": "mamba"}));
    let path = broken.file("config.json");
    refused!(
        broken.open(),
        E::UnknownModel { .. },
        path.display(),
        "unknown model_type \"mamba\"; supported: llama, mistral, qwen2, opt, gptj"
    );
}

#[test]
fn a_config_without_a_kind_of_model_is_refused() {
    let broken = Broken::single().without("model_type");
    refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "model_type: missing");
}

#[test]
fn a_missing_field_is_named() {
    for field in [
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "vocab_size",
        "max_position_embeddings",
        "rms_norm_eps",
    ] {
        let broken = Broken::single().without(field);
        let missing = format!("missing field `{field}`");
        refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), missing);
    }
}

/// One test for each change of config.json. The message names the folder or the file, and says the words.
macro_rules! refuses {
    ($($test:ident: $change:tt => $variant:ident, $word:literal;)+) => {$(
        #[test]
        fn $test() {
            let broken = Broken::single().config(json!($change));
            refused!(broken.open(), E::$variant { .. }, broken.folder().display(), $word);
        }
    )+};
}

refuses! {
    a_size_that_is_a_string: {"hidden_size": "48"} =>
        Field, "config.json: field hidden_size: invalid type: string \"48\"";
    a_size_that_is_a_list: {"num_attention_heads": [6]} =>
        Field, "config.json: field num_attention_heads: invalid type: sequence";
    a_size_that_is_a_fraction: {"num_hidden_layers": 6.5} =>
        Field, "field num_hidden_layers: invalid type: floating point `6.5`";
    a_size_that_is_negative: {"vocab_size": -257} =>
        Field, "field vocab_size: invalid value: integer `-257`";
    a_size_beyond_64_bits: {"hidden_size": 1e25} => Field, "field hidden_size: invalid type: floating point";
    a_flag_that_is_a_string: {"tie_word_embeddings": "yes"} =>
        Field, "field tie_word_embeddings: invalid type: string \"yes\"";
    an_epsilon_that_is_a_string: {"rms_norm_eps": "small"} =>
        Field, "field rms_norm_eps: invalid type: string \"small\"";
    a_scaling_that_is_a_number: {"rope_scaling": 8} => Field, "field rope_scaling: invalid type";
    a_factor_that_is_a_string: {"rope_scaling": {"type": "linear", "factor": "2"}} =>
        Field, "field rope_scaling.factor: invalid type: string \"2\"";

    no_layers: {"num_hidden_layers": 0} => Config, "num_hidden_layers is 0, but must be at least 1";
    no_hidden_size: {"hidden_size": 0, "head_dim": 8} => Config, "hidden_size is 0, but must be at least 1";
    no_intermediate_size: {"intermediate_size": 0} =>
        Config, "intermediate_size is 0, but must be at least 1";
    no_heads: {"num_attention_heads": 0} =>
        Config, "num_attention_heads is 0, but must be a divisor of hidden_size, 48";
    no_heads_of_a_given_width: {"num_attention_heads": 0, "head_dim": 8} =>
        Config, "num_attention_heads is 0, but must be at least 1";
    no_key_value_heads: {"num_key_value_heads": 0} =>
        Config, "num_key_value_heads is 0, but must be at least 1";
    heads_of_no_width: {"head_dim": 0} => Config, "head_dim is 0, but must be at least 1";
    no_positions: {"max_position_embeddings": 0} =>
        Config, "max_position_embeddings is 0, but must be at least 1";

    heads_that_do_not_divide_the_hidden_size: {"num_attention_heads": 7} =>
        Config, "num_attention_heads is 7, but must be a divisor of hidden_size, 48";
    key_value_heads_that_do_not_divide_the_heads: {"num_key_value_heads": 4} =>
        Config, "num_key_value_heads is 4, but must be a divisor of num_attention_heads, 6";
    more_key_value_heads_than_heads: {"num_key_value_heads": 12} =>
        Config, "num_key_value_heads is 12, but must be a divisor of num_attention_heads, 6";
    heads_of_an_odd_width: {"head_dim": 7} => Config, "head_dim is 7, but must be even";
    heads_wider_than_a_table_of_angles_may_be: {"head_dim": 1_000_000} =>
        Config, "head_dim is 1000000, but must be at most 4096";
    an_epsilon_of_zero: {"rms_norm_eps": 0} => Config, "rms_norm_eps is 0, but must be above 0";
    an_epsilon_below_zero: {"rms_norm_eps": -1e-6} => Config, "rms_norm_eps is -0.000001, but must be above 0";
    an_epsilon_that_is_zero_in_f32: {"rms_norm_eps": 1e-300} => Config, "rms_norm_eps is 0.000";
    an_epsilon_that_is_infinite_in_f32: {"rms_norm_eps": 1e300} => Config, "rms_norm_eps is 1000";
    a_theta_of_zero: {"rope_theta": 0} => Config, "rope_theta is 0, but must be above 0";
    a_theta_below_zero: {"rope_theta": -10000} => Config, "rope_theta is -10000, but must be above 0";
    a_theta_below_zero_beside_the_scaling: {"rope_parameters": {"rope_theta": -1}} =>
        Config, "rope_theta is -1, but must be above 0";
    one_token: {"vocab_size": 1} => Config, "vocab_size is 1, but must be from 2";
    tokens_beyond_32_bits: {"vocab_size": 1_000_000_000_000u64} =>
        Config, "vocab_size is 1000000000000, but must be from 2 to 4294967295";
    another_activation: {"hidden_act": "gelu"} => Config, "hidden_act is gelu, but must be \"silu\"";

    as_many_layers_as_there_is_no_memory_for: {"num_hidden_layers": 1_000_000_000_000u64} =>
        Config, "num_hidden_layers is 1000000000000, but must be at most 7: there are 56 tensors";
    as_many_positions_as_there_is_no_memory_for: {"max_position_embeddings": 1_000_000_000_000u64} =>
        Config, "max_position_embeddings is 1000000000000, but must be at most 16777216";
    a_hidden_size_that_there_is_no_memory_for:
        {"hidden_size": 1_000_000_000_000_000_000u64, "head_dim": 8} =>
        Shape, "has shape [257, 48], but the configuration asks for [257, 1000000000000000000]";
    a_product_of_heads_and_width_that_overflows:
        {"num_attention_heads": 9_223_372_036_854_775_808u64, "num_key_value_heads": 1, "head_dim": 8} =>
        Config, "num_attention_heads is 9223372036854775808";
    an_intermediate_size_that_there_is_no_memory_for: {"intermediate_size": u64::MAX} =>
        Shape, "18446744073709551615";

    an_unknown_scaling: {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}} =>
        Config, "rope_scaling.rope_type is \"yarn\", but must be default, linear or llama3";
    an_unknown_scaling_in_the_old_spelling: {"rope_scaling": {"type": "dynamic", "factor": 2.0}} =>
        Config, "rope_scaling.rope_type is \"dynamic\", but must be default, linear or llama3";
    an_unknown_scaling_in_the_new_place: {"rope_parameters": {"rope_type": "longrope"}} =>
        Config, "rope_scaling.rope_type is \"longrope\", but must be default, linear or llama3";
    a_scaling_without_its_factor: {"rope_scaling": {"type": "linear"}} =>
        Config, "rope_scaling.factor is missing";
    a_factor_of_zero: {"rope_scaling": {"type": "linear", "factor": 0}} =>
        Config, "rope_scaling.factor is 0, but must be above 0 and finite";
    a_factor_below_zero: {"rope_scaling": {"type": "linear", "factor": -2.0}} =>
        Config, "rope_scaling.factor is -2, but must be above 0 and finite";
    a_factor_that_makes_angles_infinite: {"rope_scaling": {"type": "linear", "factor": 1e-37}} =>
        Config, "0 at frequency 0, but must be at least 0, and finite at all 256 positions";
    a_llama3_scaling_without_its_positions: {"rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}} =>
        Config, "rope_scaling.original_max_position_embeddings is missing";
    a_llama3_scaling_whose_factors_are_one: {"rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 128}} =>
        Config, "rope_scaling.high_freq_factor is 4, but must be above low_freq_factor, 4";
}

#[test]
fn a_number_too_large_for_a_float_is_refused() {
    let config = String::from_utf8(Broken::single().read("config.json")).unwrap();
    let broken = Broken::single().write("config.json", config.replace("1e-06", "1e999"));
    refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), "number out of range");
}

#[test]
fn a_scaling_that_is_named_in_both_spellings_is_read() {
    let scaling = json!({"type": "linear", "rope_type": "linear", "factor": 2.0});
    let both = Broken::single().config(json!({"rope_scaling": scaling})).open().unwrap();
    let scaling = json!({"type": "linear", "factor": 2.0});
    let old = Broken::single().config(json!({"rope_scaling": scaling})).open().unwrap();
    assert_eq!(crate::broken::logits(&both), crate::broken::logits(&old));
}

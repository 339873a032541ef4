//! Fields and tensors of OPT, GPT-J and relatives of Llama.

use adainfer_burn::LoadError as E;
use serde_json::json;

use crate::broken::Broken;

/// One test for each change of a model's config.json.
macro_rules! refuses {
    ($($test:ident: $model:literal $change:tt => $variant:ident, $word:literal;)+) => {$(
        #[test]
        fn $test() {
            let broken = Broken::copy($model).config(json!($change));
            refused!(broken.open(), E::$variant { .. }, broken.folder().display(), $word);
        }
    )+};
}

refuses! {
    opt_without_layers: "opt-pre" {"num_hidden_layers": 0} => Config, "num_hidden_layers is 0, but must be at least 1";
    opt_with_layers_beyond_its_tensors: "opt-pre" {"num_hidden_layers": 1_000_000} =>
        Config, "num_hidden_layers is 1000000, but must be at most 6: there are 52 tensors";
    opt_whose_heads_do_not_divide: "opt-pre" {"num_attention_heads": 5} =>
        Config, "num_attention_heads is 5, but must be a divisor of hidden_size, 32";
    opt_without_heads: "opt-pre" {"num_attention_heads": 0} =>
        Config, "num_attention_heads is 0, but must be a divisor of hidden_size, 32";
    opt_with_another_activation: "opt-pre" {"activation_function": "gelu"} =>
        Config, "activation_function is gelu, but must be \"relu\"";
    opt_without_norm_weights: "opt-pre" {"layer_norm_elementwise_affine": false} =>
        Config, "layer_norm_elementwise_affine is false, but must be true";
    opt_without_embedding: "opt-pre" {"word_embed_proj_dim": 0} =>
        Config, "word_embed_proj_dim is 0, but must be at least 1";
    opt_without_a_unit: "opt-pre" {"ffn_dim": 0} => Config, "ffn_dim is 0, but must be at least 1";
    opt_with_a_flag_that_is_a_number: "opt-pre" {"do_layer_norm_before": 1} =>
        Field, "do_layer_norm_before: invalid type: integer `1`";
    opt_with_more_positions_than_its_table: "opt-pre" {"max_position_embeddings": 65} =>
        Shape, "model.decoder.embed_positions.weight has shape [66, 32], but the configuration asks for [67, 32]";
    opt_with_projections_that_are_not_there: "opt-pre" {"word_embed_proj_dim": 16} =>
        Tensors, "2 tensors missing: model.decoder.project_in.weight, model.decoder.project_out.weight";
    opt_with_projections_that_are_left_over: "opt-post-proj" {"word_embed_proj_dim": 64} =>
        Tensors, "2 tensors unexpected: model.decoder.project_in.weight, model.decoder.project_out.weight";
    opt_with_a_norm_that_is_left_over: "opt-pre" {"_remove_final_layer_norm": true} =>
        Tensors, "2 tensors unexpected: model.decoder.final_layer_norm.bias";
    opt_with_a_head_that_is_not_there: "opt-pre" {"tie_word_embeddings": false} =>
        Tensors, "1 tensors missing: lm_head.weight";

    gptj_without_layers: "gptj" {"n_layer": 0} => Config, "n_layer is 0, but must be at least 1";
    gptj_with_layers_beyond_its_tensors: "gptj" {"n_layer": 1_000_000} =>
        Config, "n_layer is 1000000, but must be at most 4: there are 35 tensors";
    gptj_whose_heads_do_not_divide: "gptj" {"n_head": 7} =>
        Config, "n_head is 7, but must be a divisor of n_embd, 64";
    gptj_that_rotates_more_than_a_head: "gptj" {"rotary_dim": 18} =>
        Config, "rotary_dim is 18, but must be at most 16";
    gptj_that_rotates_nothing: "gptj" {"rotary_dim": 0} => Config, "rotary_dim is 0, but must be at least 1";
    gptj_that_rotates_an_odd_part: "gptj" {"rotary_dim": 7} =>
        Config, "rotary_dim is 7, but must be even, as must be the head width 16";
    gptj_with_another_activation: "gptj" {"activation_function": "relu"} =>
        Config, "activation_function is relu, but must be \"gelu_new\"";
    gptj_with_an_epsilon_of_zero: "gptj" {"layer_norm_epsilon": 0.0} =>
        Config, "layer_norm_epsilon is 0, but must be above 0 and finite";
    gptj_with_a_unit_of_another_size: "gptj" {"n_inner": 100} =>
        Shape, "has shape [256], but the configuration asks for [100]";
    gptj_with_a_hidden_size_that_there_is_no_memory_for: "gptj" {"n_embd": 4_611_686_018_427_387_904u64} =>
        Config, "n_embd / n_head is 1152921504606846976, but must be at most 4096";
    gptj_with_positions_that_there_is_no_memory_for: "gptj" {"n_positions": 1_000_000_000_000u64} =>
        Config, "n_positions is 1000000000000, but must be at most 16777216";

    mistral_with_a_window_of_nothing: "mistral" {"sliding_window": 0} =>
        Config, "sliding_window is 0, but must be at least 1";
    mistral_with_a_window_that_is_a_string: "mistral" {"sliding_window": "4096"} =>
        Field, "sliding_window: invalid type: string \"4096\"";
    qwen2_without_its_key_value_heads: "qwen2" {"num_key_value_heads": 3} =>
        Config, "num_key_value_heads is 3, but must be a divisor of num_attention_heads, 4";
}

#[test]
fn a_missing_field_is_named() {
    let opt = ["hidden_size", "ffn_dim", "num_hidden_layers", "num_attention_heads", "vocab_size"];
    let gptj = ["n_embd", "n_layer", "n_head", "n_positions", "rotary_dim", "vocab_size"];
    for (model, fields) in [("opt-pre", &opt[..]), ("gptj", &gptj[..])] {
        for field in fields {
            let broken = Broken::copy(model).without(field);
            let missing = format!("missing field `{field}`");
            refused!(broken.open(), E::Field { .. }, broken.file("config.json").display(), missing);
        }
    }
}

#[test]
fn qwen2_without_its_biases_names_them_all() {
    let broken =
        Broken::copy("qwen2").tensors(|tensors| tensors.0.retain(|name, _| !name.ends_with(".bias")));
    refused!(broken.open(), E::Tensors { .. }, "9 tensors missing", "model.layers.0.self_attn.k_proj.bias");
}

#[test]
fn gptj_with_the_masks_of_old_checkpoints_opens() {
    let broken = Broken::copy("gptj").tensors(|tensors| {
        let some = tensors.0["transformer.h.0.ln_1.bias"].clone();
        tensors.0.insert("transformer.h.0.attn.bias".to_owned(), some.clone());
        tensors.0.insert("transformer.h.0.attn.masked_bias".to_owned(), some);
    });
    broken.open().unwrap();
}

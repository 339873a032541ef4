//! GGUF files as models. What the format itself forbids is tested in `tests/gguf.rs`.

use std::fs::OpenOptions;

use adainfer_burn::backend::Flex;
use adainfer_burn::{LoadError, LoadError as E, Model};
use adainfer_core::LayeredModel;
use tempfile::NamedTempFile;

use crate::broken::{good, logits, open};
use crate::gguf_file::{Gguf, I32, STRING, string};

fn written(gguf: &Gguf) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), gguf.to_bytes()).unwrap();
    file
}

fn opened(gguf: &Gguf) -> Result<Model<Flex>, LoadError> {
    open(written(gguf).path())
}

/// Asserts that a file is refused, and that the message names it.
macro_rules! refused_file {
    ($gguf:expr, $variant:pat, $($word:expr),+) => {{
        let file = written(&$gguf);
        refused!(open(file.path()), $variant, file.path().display(), $($word),+);
    }};
}

#[test]
fn a_file_answers_as_its_folder_does() {
    let folder = open(good("llama-gqa-tied")).unwrap();
    let file = opened(&Gguf::llama()).unwrap();
    assert_eq!(logits(&file), logits(&folder));
    assert_eq!(file.end_tokens(), [2]);
    assert_eq!((file.spec().layers, file.spec().vocab, file.spec().max_positions), (6, 257, 256));
}

#[test]
fn a_file_of_qwen2_answers_as_its_folder_does() {
    let folder = open(good("qwen2")).unwrap();
    let file = opened(&Gguf::qwen2()).unwrap();
    assert_eq!(logits(&file), logits(&folder));
}

#[test]
fn a_window_of_attention_bounds_the_positions() {
    let file = Gguf::llama().int("llama.attention.sliding_window", 32);
    assert_eq!(opened(&file).unwrap().spec().max_positions, 32);
    let words = "sliding_window is 0, but must be at least 1";
    refused_file!(Gguf::llama().int("llama.attention.sliding_window", 0), E::Config { .. }, words);
}

#[test]
fn families_that_are_read_from_folders_only_are_refused() {
    for name in ["opt", "gptj", "mistral"] {
        let words = format!("unknown general.architecture \"{name}\"; supported: llama, qwen2");
        refused_file!(Gguf::llama().text("general.architecture", name), E::UnknownModel { .. }, words);
    }
}

#[test]
fn a_head_of_its_own_is_used() {
    let zeros = Gguf::llama().tensor("output.weight", &[257, 48], vec![0.0; 257 * 48]);
    assert!(logits(&opened(&zeros).unwrap()).iter().all(|&logit| logit == 0.0));
}

#[test]
fn another_architecture_is_refused_by_name() {
    let words = "unknown general.architecture \"mamba\"; supported: llama";
    refused_file!(Gguf::llama().text("general.architecture", "mamba"), E::UnknownModel { .. }, words);
}

#[test]
fn a_file_that_names_no_architecture_is_refused() {
    let words = "unknown general.architecture \"\"; supported: llama";
    refused_file!(Gguf::llama().without_key("general.architecture"), E::UnknownModel { .. }, words);
}

#[test]
fn a_missing_key_is_named() {
    for key in [
        "llama.block_count",
        "llama.embedding_length",
        "llama.feed_forward_length",
        "llama.attention.head_count",
        "llama.context_length",
        "llama.vocab_size",
        "llama.attention.layer_norm_rms_epsilon",
    ] {
        refused_file!(Gguf::llama().without_key(key), E::Field { .. }, format!("field {key}: missing"));
    }
}

#[test]
fn a_key_of_another_type_is_named() {
    let keys = ["general.architecture", "llama.rope.freq_base", "llama.rope.scaling.type"];
    for key in keys {
        refused_file!(Gguf::llama().int(key, 7), E::Gguf { .. }, format!("metadata {key:?} is a u32"));
    }
    for key in ["llama.block_count", "llama.attention.head_count_kv", "tokenizer.ggml.eos_token_id"] {
        let file = Gguf::llama().key(key, STRING, &string("six"));
        refused_file!(file, E::Gguf { .. }, format!("metadata {key:?} is a string, wanted an integer"));
    }
}

#[test]
fn a_negative_size_is_refused() {
    let file = Gguf::llama().key("llama.block_count", I32, &(-6i32).to_le_bytes());
    refused_file!(file, E::Gguf { .. }, "\"llama.block_count\" is a negative integer");
}

#[test]
fn sizes_of_zero_are_refused() {
    for key in ["block_count", "feed_forward_length", "attention.head_count_kv"] {
        refused_file!(Gguf::llama().int(&format!("llama.{key}"), 0), E::Config { .. }, "is 0, but must be");
    }
    let file = Gguf::llama().int("llama.attention.head_count", 0);
    refused_file!(file, E::Config { .. }, "num_attention_heads is 0, but must be a divisor");
    let file = Gguf::llama().int("llama.embedding_length", 0).without_key("llama.rope.dimension_count");
    refused_file!(file, E::Config { .. }, "hidden_size is 0, but must be at least 1");
}

#[test]
fn more_layers_than_there_is_memory_for_are_refused() {
    let file = Gguf::llama().long("llama.block_count", 1_000_000_000_000);
    refused_file!(file, E::Config { .. }, "is 1000000000000, but must be at most 7: there are 56 tensors");
}

#[test]
fn a_rotary_embedding_of_part_of_a_head_is_refused() {
    let file = Gguf::llama().int("llama.rope.dimension_count", 4);
    refused_file!(file, E::Config { .. }, "llama.rope.dimension_count is 4, but must be the head width 8");
}

#[test]
fn an_unknown_scaling_is_refused() {
    let file = Gguf::llama().text("llama.rope.scaling.type", "yarn");
    refused_file!(file, E::Config { .. }, "is \"yarn\", but must be default, linear or llama3");
}

#[test]
fn a_base_that_is_not_positive_is_refused() {
    for (base, word) in [(0.0, "is 0,"), (-1.0, "is -1,"), (f32::NAN, "is NaN,"), (f32::INFINITY, "is inf,")]
    {
        refused_file!(
            Gguf::llama().float("llama.rope.freq_base", base),
            E::Config { .. },
            "rope_theta",
            word
        );
    }
}

#[test]
fn factors_that_make_angles_infinite_are_refused() {
    for (factor, word) in [(0.0, "inf at frequency 0"), (-1.0, "-1 at frequency 0")] {
        let file = Gguf::llama().tensor("rope_freqs.weight", &[4], vec![factor; 4]);
        refused_file!(file, E::Config { .. }, word, "finite at all 256 positions");
    }
}

#[test]
fn a_weight_that_is_nan_is_named() {
    let file = Gguf::llama().tensor("output_norm.weight", &[48], vec![f32::NAN; 48]);
    refused_file!(file, E::NotFinite { .. }, "model.norm.weight holds NaN at element 0");
}

#[test]
fn all_missing_tensors_are_named() {
    let file = Gguf::llama().without_tensor("blk.3.attn_q.weight").without_tensor("output_norm.weight");
    let words = "2 tensors missing: model.layers.3.self_attn.q_proj.weight, model.norm.weight";
    refused_file!(file, E::Tensors { .. }, words);
}

#[test]
fn an_unexpected_tensor_is_named() {
    let file = Gguf::llama().tensor("blk.0.ffn_gate_inp.weight", &[8, 48], vec![0.0; 8 * 48]);
    refused_file!(file, E::Tensors { .. }, "1 tensors unexpected: blk.0.ffn_gate_inp.weight");
}

#[test]
fn a_tensor_of_another_shape_is_refused() {
    let file = Gguf::llama().tensor("blk.0.attn_k.weight", &[48, 16], vec![0.0; 48 * 16]);
    refused_file!(file, E::Shape { .. }, "k_proj.weight has shape [48, 16]", "asks for [16, 48]");
}

#[test]
fn a_tensor_that_passes_for_another_is_refused() {
    // The shape of the one and the values of the other do not fit.
    let file = Gguf::llama().tensor("output_norm.weight", &[8], vec![0.0; 8]);
    let file = file.tensor("model.norm.weight", &[48], vec![1.0; 48]);
    refused_file!(file, E::Tensors { .. }, "1 tensors unexpected: model.norm.weight");
    let file = Gguf::llama().tensor("blk.0.attn_k.weight", &[8], vec![0.0; 8]);
    let file = file.tensor("model.layers.0.self_attn.k_proj.weight", &[16, 48], vec![1.0; 768]);
    refused_file!(file, E::Tensors { .. }, "unexpected: model.layers.0.self_attn.k_proj.weight");
}

#[test]
fn an_end_token_out_of_range_is_refused() {
    for token in [257, 1u64 << 32, u64::MAX] {
        let file = Gguf::llama().long("tokenizer.ggml.eos_token_id", token);
        let words =
            format!("tokenizer.ggml.eos_token_id is {token}, but must be below the vocabulary size 257");
        refused_file!(file, E::Config { .. }, words);
    }
}

#[test]
fn a_model_may_have_no_end_token() {
    let file = Gguf::llama().without_key("tokenizer.ggml.eos_token_id");
    assert!(opened(&file).unwrap().end_tokens().is_empty());
}

#[test]
fn a_file_without_a_vocabulary_opens_and_has_no_tokenizer() {
    let file = written(&Gguf::llama());
    let model = open(file.path()).unwrap();
    refused!(model.tokenizer(), E::Tokenizer { .. }, file.path().display(), "the vocabulary is empty");
}

#[test]
fn a_special_token_beyond_32_bits_is_refused_with_the_tokenizer() {
    // 1 in the lower 32 bits.
    let file = written(&Gguf::llama().long("tokenizer.ggml.bos_token_id", (1 << 32) + 1));
    let model = open(file.path()).unwrap();
    refused!(model.tokenizer(), E::Gguf { .. }, file.path().display(), "tokenizer.ggml.bos_token_id");
}

#[test]
fn a_file_cut_short_is_refused() {
    let file = written(&Gguf::llama());
    let length = file.path().metadata().unwrap().len();
    let cut = OpenOptions::new().write(true).open(file.path()).unwrap();
    let (data, directory) = (475_776, length - 475_776);
    let lengths =
        [length - 1, length - data / 2, directory + 1].into_iter().chain((4..=directory).rev().step_by(7));
    for length in lengths {
        cut.set_len(length).unwrap();
        refused!(open(file.path()), E::Gguf { .. }, file.path().display());
    }
}

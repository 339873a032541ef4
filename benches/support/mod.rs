//! Shapes of known models, whose weights are random where they are measured: no download.
// Each bench uses a part of it.
#![allow(dead_code)]

use adainfer::prelude::TokenId;

/// A model of these shapes costs what the model of that name does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) layers: usize,
    pub(crate) vocab: u32,
    /// Its config.json.
    pub(crate) config: &'static str,
}

pub(crate) const SMOLLM2: Shape = Shape {
    name: "smollm2",
    layers: 30,
    vocab: 49_152,
    config: r#"{
        "model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
        "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152,
        "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 100000.0,
        "tie_word_embeddings": true
    }"#,
};

pub(crate) const LLAMA2_7B: Shape = Shape {
    name: "llama2-7b",
    layers: 32,
    vocab: 32_000,
    config: r#"{
        "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 32, "intermediate_size": 11008, "vocab_size": 32000,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "tie_word_embeddings": false
    }"#,
};

impl Shape {
    /// A prompt of so many tokens.
    pub(crate) fn prompt(&self, count: u32) -> Vec<TokenId> {
        (0..count).map(|i| (i * 7919 + 13) % self.vocab).collect()
    }
}

/// Two threads, unless RAYON_NUM_THREADS says otherwise.
pub(crate) fn set_threads() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        rayon::ThreadPoolBuilder::new().num_threads(2).build_global().expect("no pool was there before");
    }
}

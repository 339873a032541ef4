//! A small GGUF file, written as llama.cpp's converter writes it.

use crate::broken::good;
use crate::tensors::Tensors;

pub(crate) const U32: u32 = 4;
pub(crate) const I32: u32 = 5;
pub(crate) const F32: u32 = 6;
pub(crate) const STRING: u32 = 8;
pub(crate) const U64: u32 = 10;

/// A metadata entry: its key, the number of its type, and its value in bytes.
#[derive(Debug, Clone)]
struct Entry {
    key: String,
    kind: u32,
    value: Vec<u8>,
}

/// A tensor of f32.
#[derive(Debug, Clone)]
struct Tensor {
    name: String,
    /// Outermost first.
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// A file that is yet to be written.
#[derive(Debug, Clone)]
pub(crate) struct Gguf {
    entries: Vec<Entry>,
    tensors: Vec<Tensor>,
}

impl Gguf {
    /// The model llama-gqa-tied.
    pub(crate) fn llama() -> Self {
        let empty = Self { entries: Vec::new(), tensors: Vec::new() };
        let file = empty
            .text("general.architecture", "llama")
            .int("llama.block_count", 6)
            .int("llama.embedding_length", 48)
            .int("llama.feed_forward_length", 80)
            .int("llama.attention.head_count", 6)
            .int("llama.attention.head_count_kv", 2)
            .int("llama.rope.dimension_count", 8)
            .int("llama.context_length", 256)
            .int("llama.vocab_size", 257)
            .float("llama.attention.layer_norm_rms_epsilon", 1e-6)
            .float("llama.rope.freq_base", 100_000.0)
            .int("tokenizer.ggml.eos_token_id", 2);
        let weights = std::fs::read(good("llama-gqa-tied").join("model.safetensors")).unwrap();
        Tensors::from_bytes(&weights).0.iter().fold(file, |file, (name, stored)| {
            let values = match name.rsplit_once('.').unwrap().0.rsplit('.').next().unwrap() {
                "q_proj" => permuted(&stored.values(), 6, 8),
                "k_proj" => permuted(&stored.values(), 2, 8),
                _ => stored.values(),
            };
            file.tensor(&gguf_name(name), &stored.shape, values)
        })
    }

    /// The model qwen2, whose files keep query and key rows as checkpoints have them.
    pub(crate) fn qwen2() -> Self {
        let empty = Self { entries: Vec::new(), tensors: Vec::new() };
        let file = empty
            .text("general.architecture", "qwen2")
            .int("qwen2.block_count", 3)
            .int("qwen2.embedding_length", 32)
            .int("qwen2.feed_forward_length", 48)
            .int("qwen2.attention.head_count", 4)
            .int("qwen2.attention.head_count_kv", 2)
            .int("qwen2.context_length", 64)
            .int("qwen2.vocab_size", 96)
            .float("qwen2.attention.layer_norm_rms_epsilon", 1e-6)
            .float("qwen2.rope.freq_base", 10_000.0);
        let weights = std::fs::read(good("qwen2").join("model.safetensors")).unwrap();
        Tensors::from_bytes(&weights)
            .0
            .iter()
            .fold(file, |file, (name, stored)| file.tensor(&gguf_name(name), &stored.shape, stored.values()))
    }

    /// Sets a key.
    pub(crate) fn key(self, key: &str, kind: u32, value: &[u8]) -> Self {
        let mut file = self.without_key(key);
        file.entries.push(Entry { key: key.to_owned(), kind, value: value.to_vec() });
        file
    }

    pub(crate) fn int(self, key: &str, value: u32) -> Self {
        self.key(key, U32, &value.to_le_bytes())
    }

    pub(crate) fn long(self, key: &str, value: u64) -> Self {
        self.key(key, U64, &value.to_le_bytes())
    }

    pub(crate) fn float(self, key: &str, value: f32) -> Self {
        self.key(key, F32, &value.to_le_bytes())
    }

    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.key(key, STRING, &string(value))
    }

    pub(crate) fn without_key(mut self, key: &str) -> Self {
        self.entries.retain(|entry| entry.key != key);
        self
    }

    /// Sets a tensor.
    pub(crate) fn tensor(self, name: &str, shape: &[usize], values: Vec<f32>) -> Self {
        let mut file = self.without_tensor(name);
        file.tensors.push(Tensor { name: name.to_owned(), shape: shape.to_vec(), values });
        file
    }

    pub(crate) fn without_tensor(mut self, name: &str) -> Self {
        self.tensors.retain(|tensor| tensor.name != name);
        self
    }

    /// The whole file, version 3. All tensors have a multiple of 32 bytes, so that none is padded.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [&b"GGUF"[..], &3u32.to_le_bytes()].concat();
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.entries.len() as u64).to_le_bytes());
        for Entry { key, kind, value } in &self.entries {
            bytes.extend([string(key), kind.to_le_bytes().to_vec(), value.clone()].concat());
        }
        let mut offset = 0u64;
        for Tensor { name, shape, values } in &self.tensors {
            let lengths = shape.iter().rev().flat_map(|&length| (length as u64).to_le_bytes());
            bytes.extend([string(name), (shape.len() as u32).to_le_bytes().to_vec()].concat());
            bytes.extend(lengths.chain(0u32.to_le_bytes()).chain(offset.to_le_bytes()));
            offset += 4 * values.len() as u64;
        }
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        let values = self.tensors.iter().flat_map(|tensor| &tensor.values);
        bytes.extend(values.flat_map(|value| value.to_le_bytes()));
        bytes
    }
}

/// A string with its length before it.
pub(crate) fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// Query or key rows in the order that GGUF has them: of each head, the first row of either half, then the
/// second of either half, and so on.
fn permuted(values: &[f32], heads: usize, width: usize) -> Vec<f32> {
    let columns = values.len() / heads / width;
    let row = |head: usize, row: usize| &values[(head * width + row) * columns..][..columns];
    let pairs = |head| (0..width / 2).flat_map(move |i| [(head, i), (head, width / 2 + i)]);
    (0..heads).flat_map(pairs).flat_map(|(head, i)| row(head, i).iter().copied()).collect()
}

fn gguf_name(checkpoint: &str) -> String {
    let parts = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("model.layers", "blk"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    parts.iter().fold(checkpoint.to_owned(), |name, (theirs, gguf)| name.replace(theirs, gguf))
}

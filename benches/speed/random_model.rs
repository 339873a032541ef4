//! A model of SmolLM2-135M's shapes with random weights, as a Hugging Face folder.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use adainfer::prelude::*;
use serde_json::{Map, Value, json};

pub(crate) const VOCAB: usize = 49_152;
const LAYERS: usize = 30;
const HIDDEN: usize = 576;
const KEYS: usize = 192;
const INTERMEDIATE: usize = 1536;

/// Writes the folder once, 270 MB in bf16, and opens it.
pub(crate) fn open() -> anyhow::Result<Model<backend::Flex>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("random-smollm2");
    let weights = folder.join("model.safetensors");
    if !weights.exists() {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("config.json"), config().to_string())?;
        let unfinished = folder.join("unfinished");
        write(&unfinished)?;
        fs::rename(unfinished, weights)?;
    }
    Ok(Model::open(folder, &Default::default())?)
}

fn config() -> Value {
    json!({
        "model_type": "llama", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": 9,
        "num_key_value_heads": 3, "intermediate_size": INTERMEDIATE, "vocab_size": VOCAB,
        "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 100000.0,
        "tie_word_embeddings": true
    })
}

fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut all = vec![("model.embed_tokens.weight".to_owned(), vec![VOCAB, HIDDEN])];
    for layer in 0..LAYERS {
        for (name, shape) in [
            ("input_layernorm", vec![HIDDEN]),
            ("self_attn.q_proj", vec![HIDDEN, HIDDEN]),
            ("self_attn.k_proj", vec![KEYS, HIDDEN]),
            ("self_attn.v_proj", vec![KEYS, HIDDEN]),
            ("self_attn.o_proj", vec![HIDDEN, HIDDEN]),
            ("post_attention_layernorm", vec![HIDDEN]),
            ("mlp.gate_proj", vec![INTERMEDIATE, HIDDEN]),
            ("mlp.up_proj", vec![INTERMEDIATE, HIDDEN]),
            ("mlp.down_proj", vec![HIDDEN, INTERMEDIATE]),
        ] {
            all.push((format!("model.layers.{layer}.{name}.weight"), shape));
        }
    }
    all.push(("model.norm.weight".to_owned(), vec![HIDDEN]));
    all
}

fn write(path: &Path) -> io::Result<()> {
    let tensors = tensors();
    let (mut header, mut offset) = (Map::new(), 0);
    for (name, shape) in &tensors {
        let end = offset + 2 * shape.iter().product::<usize>();
        header.insert(name.clone(), json!({"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}));
        offset = end;
    }
    let header = Value::Object(header).to_string();
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for (_, shape) in &tensors {
        // Norms near 1, matrices so that activations keep their size: uniform, of variance 1 / inputs.
        let (centre, width) = match shape[..] {
            [_, inputs] => (0.0, (12.0 / inputs as f32).sqrt()),
            _ => (1.0, 0.2),
        };
        for _ in 0..shape.iter().product::<usize>() {
            // xorshift64: any numbers will do.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let value = centre + width * ((random >> 40) as f32 / (1u64 << 24) as f32 - 0.5);
            file.write_all(&((value.to_bits() >> 16) as u16).to_le_bytes())?;
        }
    }
    file.flush()
}

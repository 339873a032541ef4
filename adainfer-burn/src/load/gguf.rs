//! A GGUF file seen as a Hugging Face checkpoint: the same names, and rows in the same order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Source;
use crate::LoadError;
use crate::gguf::{GgufFile, TensorInfo, TensorKind};
use crate::ops::Heads;
use crate::rope::halves_from_pairs;

/// What a tensor of a decoder layer is called in a checkpoint and in a GGUF file.
const LAYER_NAMES: [(&str, &str); 16] = [
    ("input_layernorm.weight", "attn_norm.weight"),
    ("self_attn.q_proj.weight", "attn_q.weight"),
    ("self_attn.q_proj.bias", "attn_q.bias"),
    ("self_attn.k_proj.weight", "attn_k.weight"),
    ("self_attn.k_proj.bias", "attn_k.bias"),
    ("self_attn.v_proj.weight", "attn_v.weight"),
    ("self_attn.v_proj.bias", "attn_v.bias"),
    ("self_attn.o_proj.weight", "attn_output.weight"),
    ("self_attn.o_proj.bias", "attn_output.bias"),
    ("post_attention_layernorm.weight", "ffn_norm.weight"),
    ("mlp.gate_proj.weight", "ffn_gate.weight"),
    ("mlp.gate_proj.bias", "ffn_gate.bias"),
    ("mlp.up_proj.weight", "ffn_up.weight"),
    ("mlp.up_proj.bias", "ffn_up.bias"),
    ("mlp.down_proj.weight", "ffn_down.weight"),
    ("mlp.down_proj.bias", "ffn_down.bias"),
];

/// The same for tensors that there is one of.
const GLOBAL_NAMES: [(&str, &str); 4] = [
    ("model.embed_tokens.weight", "token_embd.weight"),
    ("model.norm.weight", "output_norm.weight"),
    ("lm_head.weight", "output.weight"),
    ("rope_freqs.weight", "rope_freqs.weight"),
];

/// The weights of a GGUF file.
pub(crate) struct GgufSource {
    path: PathBuf,
    file: GgufFile,
    heads: Heads,
    /// Whether query and key rows pair neighbours for the rotary embedding, as files of the llama
    /// architecture do, and not halves, as checkpoints do.
    pairs: bool,
}

impl GgufSource {
    /// # Errors
    /// Tensors that are already called as checkpoints call them: they could be taken for the one that
    /// goes by that name here.
    pub(crate) fn new(path: &Path, file: GgufFile, heads: Heads, pairs: bool) -> Result<Self, LoadError> {
        let path = path.to_path_buf();
        let taken = |name: &&str| gguf_name(&checkpoint_name(name)) != **name;
        let unexpected: Vec<String> =
            file.tensors().map(TensorInfo::name).filter(taken).map(str::to_owned).collect();
        if !unexpected.is_empty() {
            return Err(LoadError::Tensors { path, missing: Vec::new(), unexpected });
        }
        Ok(Self { path, file, heads, pairs })
    }
}

impl Source for GgufSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        self.file.tensors().map(|t| (checkpoint_name(t.name()), t.shape().to_vec())).collect()
    }

    fn append(
        &mut self,
        name: &str,
        out: &mut Vec<f32>,
        raw: &mut dyn FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        let start = out.len();
        let stored = gguf_name(name);
        self.file
            .read_into(&stored, out, raw)
            .map_err(|source| LoadError::Gguf { path: self.path.clone(), source })?;
        self.order(name, &mut out[start..]);
        Ok(())
    }

    fn stored(
        &mut self,
        name: &str,
        raw: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<(TensorKind, Vec<u8>)>, LoadError> {
        let stored = gguf_name(name);
        let kind =
            self.file.tensor(&stored).map(TensorInfo::kind).filter(|kind| kind.block_format().is_some());
        let Some(kind) = kind else { return Ok(None) };
        let wrong = |source| LoadError::Gguf { path: self.path.clone(), source };
        let mut bytes = self.file.read_bytes(&stored).map_err(wrong)?;
        raw(&bytes);
        self.order(name, &mut bytes);
        Ok(Some((kind, bytes)))
    }
}

impl GgufSource {
    /// Puts the rows of queries and keys into a checkpoint's order.
    fn order<T: Copy + Default>(&self, name: &str, rows: &mut [T]) {
        let heads = match name.rsplit_once("self_attn.").map_or("", |(_, projection)| projection) {
            "q_proj.weight" | "q_proj.bias" => self.heads.query,
            "k_proj.weight" | "k_proj.bias" => self.heads.key_value,
            _ => return,
        };
        if self.pairs {
            halves_from_pairs(rows, heads, self.heads.width, self.heads.width);
        }
    }
}

fn checkpoint_name(stored: &str) -> String {
    if let Some((layer, rest)) = stored.strip_prefix("blk.").and_then(|s| s.split_once('.'))
        && let Some((name, _)) = LAYER_NAMES.iter().find(|(_, gguf)| *gguf == rest)
    {
        return format!("model.layers.{layer}.{name}");
    }
    let global = GLOBAL_NAMES.iter().find(|(_, gguf)| *gguf == stored);
    global.map_or(stored, |(name, _)| name).to_owned()
}

fn gguf_name(name: &str) -> String {
    if let Some((layer, rest)) = name.strip_prefix("model.layers.").and_then(|s| s.split_once('.'))
        && let Some((_, gguf)) = LAYER_NAMES.iter().find(|(checkpoint, _)| *checkpoint == rest)
    {
        return format!("blk.{layer}.{gguf}");
    }
    let global = GLOBAL_NAMES.iter().find(|(checkpoint, _)| *checkpoint == name);
    global.map_or(name, |(_, gguf)| gguf).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_translate_both_ways() {
        for name in ["model.layers.12.self_attn.q_proj.weight", "model.norm.weight", "lm_head.weight", "odd"]
        {
            assert_eq!(checkpoint_name(&gguf_name(name)), name);
        }
        assert_eq!(gguf_name("model.layers.3.mlp.up_proj.weight"), "blk.3.ffn_up.weight");
        assert_eq!(checkpoint_name("blk.3.unknown.weight"), "blk.3.unknown.weight");
    }
}

//! A folder as Hugging Face publishes models.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use adainfer_core::TokenId;
use serde::Deserialize;

use super::safetensors::SafetensorsFile;
use super::{Source, read_json};
use crate::LoadError;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The weights of a folder: one file, or shards.
pub(crate) struct FolderSource {
    folder: PathBuf,
    shards: Vec<SafetensorsFile>,
    /// Which shard holds a tensor.
    shard_of: BTreeMap<String, usize>,
}

/// Opens the weights of a folder and checks that its shards hold what their index says.
pub(crate) fn open_folder(folder: &Path) -> Result<FolderSource, LoadError> {
    let (single, index) = (folder.join(SINGLE), folder.join(INDEX));
    // Where both are there, the index is what transformers falls back to.
    let shards = if single.exists() || !index.exists() {
        vec![SafetensorsFile::open(&single)?]
    } else {
        open_shards(folder, &index)?
    };
    let mut shard_of = BTreeMap::new();
    for (i, shard) in shards.iter().enumerate() {
        for (name, _) in shard.tensors() {
            if let Some(other) = shard_of.insert(name.clone(), i) {
                let (a, b) = (shards[other].path().display(), shard.path().display());
                let reason = format!("tensor {name} lies in two shards, {a} and {b}");
                return Err(LoadError::Index { path: index, reason });
            }
        }
    }
    Ok(FolderSource { folder: folder.to_path_buf(), shards, shard_of })
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

fn open_shards(folder: &Path, index: &Path) -> Result<Vec<SafetensorsFile>, LoadError> {
    let bad = |reason: String| LoadError::Index { path: index.to_path_buf(), reason };
    let ShardIndex { weight_map } = read_json(index)?;
    let files: BTreeSet<&String> = weight_map.values().collect();
    let mut shards = Vec::new();
    let mut found = BTreeMap::new();
    for file in files {
        if !is_plain_name(file) {
            return Err(bad(format!("{file:?} is not a plain file name")));
        }
        let shard = SafetensorsFile::open(&folder.join(file))?;
        found.extend(shard.tensors().map(|(name, _)| (name, file)));
        shards.push(shard);
    }
    for (name, file) in &weight_map {
        match found.get(name) {
            Some(_) => {}
            None => return Err(bad(format!("tensor {name} is not in {file}, where the index puts it"))),
        }
    }
    match found.keys().find(|name| !weight_map.contains_key(*name)) {
        Some(name) => Err(bad(format!("tensor {name} of shard {} is not listed", found[name]))),
        None => Ok(shards),
    }
}

/// A name in the folder itself: no `..`, no folder, no root.
fn is_plain_name(file: &str) -> bool {
    let mut parts = Path::new(file).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !file.contains('\\')
}

impl Source for FolderSource {
    fn path(&self) -> &Path {
        &self.folder
    }

    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        self.shards.iter().flat_map(SafetensorsFile::tensors).collect()
    }

    fn append(
        &mut self,
        name: &str,
        out: &mut Vec<f32>,
        raw: &mut dyn FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        let shard = self.shard_of.get(name).copied().unwrap_or(0);
        self.shards[shard].append(name, out, raw)
    }
}

/// What ends a text: a number or a list of numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(TokenId),
    More(Vec<TokenId>),
}

#[derive(Deserialize)]
struct EndTokens {
    eos_token_id: Option<OneOrMore>,
}

/// The end-of-sequence tokens: generation_config.json's, else config.json's, else none.
pub(crate) fn end_tokens(folder: &Path) -> Result<Vec<TokenId>, LoadError> {
    for file in ["generation_config.json", "config.json"] {
        let path = folder.join(file);
        if !path.exists() {
            continue;
        }
        match read_json::<EndTokens>(&path)?.eos_token_id {
            Some(OneOrMore::One(token)) => return Ok(vec![token]),
            Some(OneOrMore::More(tokens)) => return Ok(tokens),
            None => {}
        }
    }
    Ok(Vec::new())
}

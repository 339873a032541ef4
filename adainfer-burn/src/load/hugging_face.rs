//! A folder as Hugging Face publishes models.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use adainfer_core::TokenId;
use serde::Deserialize;

use super::safetensors::SafetensorsFile;
use super::{Source, end_token, read_json};
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
        shard_of.extend(shard.tensors().map(|(name, _)| (name, i)));
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
    if files.is_empty() {
        return Err(bad("its weight_map lists no tensor".to_owned()));
    }
    let mut shards = Vec::new();
    let mut found = BTreeMap::new();
    for file in files {
        let path = folder.join(file);
        if !is_plain_name(file) {
            return Err(bad(format!("{file:?} is not a plain file name")));
        }
        if !path.is_file() {
            return Err(bad(format!("the shard {file} is not there")));
        }
        let shard = SafetensorsFile::open(&path)?;
        for (name, _) in shard.tensors() {
            if let Some(other) = found.insert(name.clone(), file) {
                return Err(bad(format!("tensor {name} lies in two shards, {other} and {file}")));
            }
        }
        shards.push(shard);
    }
    if let Some((name, file)) = weight_map.iter().find(|(name, file)| found.get(*name) != Some(file)) {
        return Err(bad(format!("tensor {name} is not in {file}, where the index puts it")));
    }
    match found.keys().find(|name| !weight_map.contains_key(*name)) {
        Some(name) => Err(bad(format!("tensor {name} of shard {} is not listed", found[name]))),
        None => Ok(shards),
    }
}

/// A name in the folder itself: no `..`, no folder, no root.
fn is_plain_name(file: &str) -> bool {
    let mut parts = Path::new(file).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(name)), None) if name == file)
        && !file.contains('\\')
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
#[serde(untagged, expecting = "expected a token or a list of tokens")]
enum OneOrMore {
    One(u64),
    More(Vec<u64>),
}

#[derive(Deserialize)]
struct EndTokens {
    eos_token_id: Option<OneOrMore>,
}

/// The end-of-sequence tokens: generation_config.json's, else config.json's, else none. All are below
/// `vocab`.
pub(crate) fn end_tokens(folder: &Path, vocab: usize) -> Result<Vec<TokenId>, LoadError> {
    for file in ["generation_config.json", "config.json"] {
        let path = folder.join(file);
        if !path.exists() {
            continue;
        }
        let found = match read_json::<EndTokens>(&path)?.eos_token_id {
            Some(OneOrMore::One(token)) => vec![token],
            Some(OneOrMore::More(tokens)) => tokens,
            None => continue,
        };
        let checked = |token: &u64| end_token(&path, "eos_token_id", *token, vocab);
        return found.iter().map(checked).collect();
    }
    Ok(Vec::new())
}

//! Models from the Hugging Face Hub, kept in the cache folder that all its tools share.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hf_hub::progress::{DownloadEvent, ProgressEvent, ProgressHandler};
use hf_hub::{HFClient, HFClientSync, HFError};
use indicatif::{ProgressBar, ProgressStyle};

use super::model::Reach;

/// What a model consists of: the files that adainfer reads.
const FILES: [&str; 7] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*-of-*.safetensors",
];

/// The folder of the model `id`, which is `owner/name`.
///
/// A copy already on this computer is used as it is. `None` if there is none and `reach` is local.
///
/// # Errors
///
/// If `id` is no such name, if the download fails, or if the model has no weights in safetensors.
pub(crate) fn snapshot(id: &str, reach: Reach) -> Result<Option<PathBuf>> {
    snapshot_with(HFClient::new()?, id, reach)
}

fn snapshot_with(client: HFClient, id: &str, reach: Reach) -> Result<Option<PathBuf>> {
    let parts = id.split_once('/').filter(|(owner, name)| !owner.is_empty() && !name.is_empty());
    let (owner, name) = parts.with_context(|| format!("{id} is not of the form owner/name"))?;
    let model = HFClientSync::from_inner(client)?.model(owner, name);
    let local = match model.snapshot_download().local_files_only(true).send() {
        Ok(folder) => Some(folder).filter(|folder| is_complete(folder)),
        Err(HFError::LocalEntryNotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if reach == Reach::Local || local.as_deref().is_some_and(|folder| folder.join("tokenizer.json").exists())
    {
        return Ok(local);
    }
    eprintln!("looking up {id} on the Hugging Face Hub");
    let files = FILES.map(String::from).to_vec();
    let folder = model.snapshot_download().allow_patterns(files).progress(Bar::new()?).send()?;
    ensure!(is_complete(&folder), "{id} has no config.json or no complete model.safetensors");
    Ok(Some(folder))
}

/// Whether a folder holds a configuration and all weights.
fn is_complete(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    let whole = has("model.safetensors");
    has("config.json") && (whole || (has("model.safetensors.index.json") && has_all_shards(folder)))
}

/// Whether there are as many shards as their names say: `model-00001-of-00003.safetensors`.
fn has_all_shards(folder: &Path) -> bool {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let totals: Vec<usize> = names
        .filter_map(|name| {
            let name = name.to_str()?.strip_prefix("model-")?.strip_suffix(".safetensors")?;
            name.split_once("-of-")?.1.parse().ok()
        })
        .collect();
    !totals.is_empty() && totals.iter().all(|&total| total == totals.len())
}

/// Shows the bytes of a download.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Result<Self> {
        let style = "{spinner} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
        let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?);
        bar.enable_steady_tick(Duration::from_millis(100));
        Ok(Self(bar))
    }
}

impl ProgressHandler for Bar {
    fn on_progress(&self, event: &ProgressEvent) {
        match event {
            ProgressEvent::Download(DownloadEvent::Start { total_bytes, .. }) => {
                self.0.set_length(*total_bytes);
            }
            ProgressEvent::Download(DownloadEvent::AggregateProgress { bytes_completed, .. }) => {
                self.0.set_position(*bytes_completed);
            }
            ProgressEvent::Download(DownloadEvent::Complete) => self.0.finish_and_clear(),
            _ => {}
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client without a network whose cache is `folder`.
    fn offline(folder: &Path) -> HFClient {
        // Nothing listens on port 1.
        let client = HFClient::builder().endpoint("http://127.0.0.1:1").retry_max_attempts(0);
        client.cache_dir(folder).build().unwrap()
    }

    /// Puts a snapshot of `files` into a cache, as the Hub's tools do.
    fn cached(cache: &Path, files: &[&str]) -> PathBuf {
        let model = cache.join("models--owner--name");
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let snapshot = model.join("snapshots").join(commit);
        fs::create_dir_all(&snapshot).unwrap();
        fs::create_dir_all(model.join("refs")).unwrap();
        fs::write(model.join("refs/main"), commit).unwrap();
        for file in files {
            fs::write(snapshot.join(file), "").unwrap();
        }
        snapshot
    }

    #[test]
    fn a_name_without_an_owner_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for id in ["name", "owner/", "/name"] {
            let error = snapshot_with(offline(folder.path()), id, Reach::Local).unwrap_err();
            assert_eq!(error.to_string(), format!("{id} is not of the form owner/name"));
        }
    }

    #[test]
    fn a_model_never_downloaded_is_not_local() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(snapshot_with(offline(folder.path()), "owner/name", Reach::Local).unwrap(), None);
        assert!(snapshot_with(offline(folder.path()), "owner/name", Reach::Network).is_err());
    }

    #[test]
    fn a_model_already_downloaded_needs_no_network() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = cached(folder.path(), &["config.json", "model.safetensors", "tokenizer.json"]);
        for reach in [Reach::Local, Reach::Network] {
            let found = snapshot_with(offline(folder.path()), "owner/name", reach).unwrap();
            assert_eq!(found.as_deref(), Some(snapshot.as_path()));
        }
    }

    #[test]
    fn a_model_with_a_shard_missing_is_not_local() {
        let folder = tempfile::tempdir().unwrap();
        let first = ["config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"];
        let snapshot = cached(folder.path(), &first);
        assert_eq!(snapshot_with(offline(folder.path()), "owner/name", Reach::Local).unwrap(), None);
        fs::write(snapshot.join("model-00002-of-00002.safetensors"), "").unwrap();
        let found = snapshot_with(offline(folder.path()), "owner/name", Reach::Local).unwrap();
        assert_eq!(found.as_deref(), Some(snapshot.as_path()));
    }
}

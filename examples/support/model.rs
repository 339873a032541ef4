//! The order of the search.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::cache::{Cache, Cached, DEFAULT_MODEL, Env};
use super::fetch::Fetcher;

/// What decides which model an example runs.
#[derive(Debug)]
pub(crate) struct Search {
    asked: Option<Asked>,
    cache: Option<Cache>,
}

/// A model that was asked for, and by what.
#[derive(Debug)]
struct Asked {
    by: &'static str,
    model: String,
}

/// How far the search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This computer only.
    Local,
    /// The network too.
    Network,
}

/// The function that finds `owner/name` on the Hugging Face Hub.
type Hub = fn(&str, Reach) -> Result<Option<PathBuf>>;

/// That function if the feature is on; empty if not.
const HUB: &[Hub] = &[
    #[cfg(feature = "hub")]
    super::hub::snapshot,
];

impl Search {
    /// A search for `model`, the value of `--model`, or for what the environment names.
    pub(crate) fn new(model: Option<&str>, env: &Env<'_>) -> Self {
        let option = model.map(|model| Asked { by: "--model", model: model.into() });
        let variable = || {
            let model = env.set("ADAINFER_MODEL")?.to_string_lossy().into_owned();
            Some(Asked { by: "ADAINFER_MODEL", model })
        };
        Self {
            asked: option.or_else(variable),
            cache: Cache::of_user(std::env::consts::OS, env, DEFAULT_MODEL),
        }
    }

    /// All steps.
    ///
    /// # Errors
    ///
    /// If the model asked for is not there, or none was asked for and the default one cannot be downloaded.
    pub(crate) fn find(&self, fetcher: &Fetcher) -> Result<PathBuf> {
        if let Some(path) = self.find_within(Reach::Network)? {
            return Ok(path);
        }
        let Some(cache) = &self.cache else { bail!("{}", ways(None)) };
        fetcher.fetch(cache).with_context(|| ways(Some(cache)))
    }

    /// The steps that need no network.
    ///
    /// # Errors
    ///
    /// If the model asked for is not there.
    pub(crate) fn find_local(&self) -> Result<Option<PathBuf>> {
        self.find_within(Reach::Local)
    }

    fn find_within(&self, reach: Reach) -> Result<Option<PathBuf>> {
        match (&self.asked, &self.cache) {
            (Some(asked), _) => asked.find(reach),
            (None, Some(cache)) => cached(cache),
            (None, None) => Ok(None),
        }
    }
}

impl Asked {
    fn find(&self, reach: Reach) -> Result<Option<PathBuf>> {
        let Self { by, model } = self;
        let Some(id) = model.strip_prefix("hf:") else {
            let path = PathBuf::from(model);
            return match path.try_exists() {
                Ok(true) => Ok(Some(path)),
                Ok(false) => bail!("{by} names {model}, which does not exist"),
                Err(error) => Err(error).with_context(|| format!("{by} names {model}, which cannot be read")),
            };
        };
        match HUB.first() {
            Some(hub) => hub(id, reach).with_context(|| format!("{by} names {model}")),
            None => bail!(
                "{by} names {model}, a model on the Hugging Face Hub, and this program was built without \
                 access to it: run it with `--features hub`, as in `cargo run --features hub --example ..`"
            ),
        }
    }
}

fn cached(cache: &Cache) -> Result<Option<PathBuf>> {
    Ok(match cache.look()? {
        Cached::Whole(path) => Some(path),
        Cached::Absent => None,
        Cached::Damaged(why) => {
            eprintln!("not using the model in the cache: {why}");
            None
        }
    })
}

/// What a user can do who has no model.
fn ways(cache: Option<&Cache>) -> String {
    let cached = match cache {
        Some(cache) => format!("put {} into {}", cache.file.name, cache.folder.display()),
        None => "set ADAINFER_CACHE to a folder into which the default model may be downloaded".into(),
    };
    format!(
        "there is no model to run. Do one of these:
  - pass `--model PATH`, a GGUF file or a Hugging Face folder
  - set the environment variable ADAINFER_MODEL to such a path
  - {cached}
  - pass `--model hf:owner/name` and build with `--features hub`"
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::super::cache::tests::TINY;
    use super::*;

    fn no_python() -> Fetcher {
        Fetcher { pythons: vec![vec!["no-such-python".into()]], ..Fetcher::default() }
    }

    /// A search whose environment names `variable` and whose cache is `folder`.
    fn search(model: Option<&str>, variable: Option<&Path>, folder: &Path) -> Search {
        let var = |name: &str| match name {
            "ADAINFER_MODEL" => Some(variable.map(OsString::from).unwrap_or_default()),
            "ADAINFER_CACHE" => Some(folder.into()),
            _ => None,
        };
        let mut search = Search::new(model, &Env { var: &var, home: None });
        search.cache.as_mut().unwrap().file = TINY;
        search
    }

    #[test]
    fn the_option_comes_before_the_variable_and_that_before_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let [option, variable] = ["option.gguf", "variable.gguf"].map(|name| folder.path().join(name));
        let cached = folder.path().join(TINY.name);
        for path in [&option, &variable, &cached] {
            std::fs::write(path, "model").unwrap();
        }
        let found = |model, variable| search(model, variable, folder.path()).find(&no_python()).unwrap();
        assert_eq!(found(option.to_str(), Some(&variable)), option);
        assert_eq!(found(None, Some(&variable)), variable);
        assert_eq!(found(None, None), cached);
    }

    #[test]
    fn a_path_that_does_not_exist_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = search(Some("no/such.gguf"), None, folder.path()).find_local().unwrap_err();
        assert_eq!(error.to_string(), "--model names no/such.gguf, which does not exist");
        let error = search(None, Some(Path::new("nor/this")), folder.path()).find_local().unwrap_err();
        assert_eq!(error.to_string(), "ADAINFER_MODEL names nor/this, which does not exist");
    }

    #[test]
    fn a_hub_model_needs_the_feature() {
        if cfg!(feature = "hub") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let error = search(Some("hf:owner/name"), None, folder.path()).find_local().unwrap_err();
        assert!(error.to_string().contains("`--features hub`"), "{error}");
    }

    #[test]
    fn an_empty_cache_has_no_local_model() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(search(None, None, folder.path()).find_local().unwrap(), None);
    }

    #[test]
    fn a_damaged_file_in_the_cache_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(TINY.name), "too long").unwrap();
        assert_eq!(search(None, None, folder.path()).find_local().unwrap(), None);
    }

    #[test]
    fn without_python_the_error_says_how_to_supply_a_model() {
        let folder = tempfile::tempdir().unwrap();
        let error = search(None, None, folder.path()).find(&no_python()).unwrap_err();
        let text = format!("{error:#}");
        let place = format!("put {} into {}", TINY.name, folder.path().display());
        for part in ["--model PATH", "ADAINFER_MODEL", "--model hf:owner/name", "no-such-python", &place] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn without_a_cache_folder_the_error_says_how_to_name_one() {
        let search = Search { asked: None, cache: None };
        assert!(search.find(&no_python()).unwrap_err().to_string().contains("set ADAINFER_CACHE"));
    }
}

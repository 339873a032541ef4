//! What the examples share: above all finding a model, so that each of them runs as it is.
//!
//! The search stops at the first of these:
//!
//! 1. `--model PATH`: a GGUF file or a Hugging Face folder;
//! 2. `--model hf:owner/name`: that model from the Hugging Face Hub (needs `--features hub`);
//! 3. `ADAINFER_MODEL`, in either form;
//! 4. the default model in the cache folder (where that is, `cache::Cache` says);
//! 5. the default model, downloaded into the cache folder: 93 MB, once.
//!
//! An example puts [`ModelArgs`] into its own arguments:
//!
//! ```ignore
//! mod support;
//!
//! #[derive(clap::Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     model: support::ModelArgs,
//! }
//! ```
//!
//! and calls `args.model.open()?`, or `args.model.find()?` for the path alone. Its `main` is [`run`].

// Each example compiles its own copy of this module and calls only a part of it.
#![allow(dead_code, unused_imports)]

mod cache;
mod exit;
mod fetch;
#[cfg(feature = "hub")]
mod hub;
mod input;
mod model;
mod opening;
mod outcome;
mod program;
mod prompts;
mod stopwatch;

use std::path::{Path, PathBuf};

use adainfer::burn::{AnyModel, Device, Dtype, LinearLens, WeightFormat};
use anyhow::Result;

use cache::Env;
pub(crate) use exit::ExitArgs;
use fetch::Fetcher;
pub(crate) use input::Input;
use model::Search;
pub(crate) use opening::{open, tokenizer};
pub(crate) use outcome::{Outcome, Summary, settled};
pub(crate) use program::run;
pub(crate) use prompts::{Prompt, first_of_each, shared_prefix, shuffle};
pub(crate) use stopwatch::{median, timed};

/// The arguments by which an example is told its model.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ModelArgs {
    /// A GGUF file, a Hugging Face folder or hf:owner/name; without it the variable ADAINFER_MODEL,
    /// and without that a small default model, downloaded once
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    #[arg(long, value_name = "DEVICE", default_value_t = Device::Cpu, help = device_help())]
    pub(crate) device: Device,
    /// The number format of weights and activations: f32, and f16 or bf16 where the device computes in it
    #[arg(long, value_name = "DTYPE", default_value_t = Dtype::F32)]
    pub(crate) dtype: Dtype,
    /// How matrices are held: float (numbers of --dtype), int8 (8 bits, and a scale for 32), or stored (the blocks of a
    /// GGUF file as they are)
    #[arg(long, value_name = "FORMAT", default_value_t = WeightFormat::Float)]
    pub(crate) weights: WeightFormat,
    /// Look through a fitted lens, as the example `fit_lens` writes it; "raw" or nothing is the model's own head
    #[arg(long, value_name = "FILE")]
    pub(crate) lens: Option<PathBuf>,
}

impl ModelArgs {
    /// Does [`find`] for these arguments.
    ///
    /// # Errors
    ///
    /// As [`find`].
    pub(crate) fn find(&self) -> Result<PathBuf> {
        find(self.model.as_deref())
    }

    /// Finds and opens the model, with its lens.
    ///
    /// # Errors
    ///
    /// As [`find`] and [`open`]; if the lens cannot be read, or is another model's.
    pub(crate) fn open(&self) -> Result<AnyModel> {
        let model = open(&self.find()?, &self.device, self.dtype, self.weights)?;
        match self.lens() {
            Some(path) => Ok(model.with_lens(&LinearLens::load(path)?)?),
            None => Ok(model),
        }
    }

    /// What traces call the lens.
    pub(crate) fn lens_name(&self) -> &'static str {
        if self.lens().is_some() { "linear" } else { "logit" }
    }

    /// The lens's file; none where the model's own head is to be looked through.
    pub(crate) fn lens(&self) -> Option<&Path> {
        self.lens.as_deref().filter(|path| *path != Path::new("raw"))
    }
}

fn device_help() -> String {
    let names: Vec<_> = Device::names().collect();
    format!("What it runs on; this build has: {}", names.join(", "))
}

/// The path of the model to use: a GGUF file or a Hugging Face folder.
///
/// # Errors
///
/// If the model asked for is not there, or none was asked for and the default one cannot be downloaded.
pub(crate) fn find(model: Option<&str>) -> Result<PathBuf> {
    search(model).find(&Fetcher::default())
}

/// As [`find`], but never uses the network: `None` where [`find`] would start a download.
///
/// # Errors
///
/// If the model asked for is not there.
pub(crate) fn find_local(model: Option<&str>) -> Result<Option<PathBuf>> {
    search(model).find_local()
}

fn search(model: Option<&str>) -> Search {
    let process = Env { var: &|name| std::env::var_os(name), home: std::env::home_dir() };
    Search::new(model, &process)
}

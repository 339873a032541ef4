//! Opening a model with a progress bar.

use std::path::Path;

use adainfer::burn::backend::Flex;
use adainfer::burn::text::Tokenizer;
use adainfer::prelude::*;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// The model that the examples run: on the CPU.
pub(crate) type CpuModel = Model<Flex>;

/// Opens the model at `path`; the bar is on standard error, and only on a terminal.
///
/// # Errors
///
/// If there is no such model, or it is damaged.
pub(crate) fn open(path: &Path) -> Result<CpuModel> {
    let style = "loading {bar:40} {percent}% of {human_len} weights";
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?);
    let model = CpuModel::open_with(path, &Default::default(), &mut |progress: Progress<'_>| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    Ok(model?)
}

/// The tokenizer, for programs that can do without: where there is none, standard error says so.
pub(crate) fn tokenizer(model: &CpuModel) -> Option<&Tokenizer> {
    let tokenizer = model.tokenizer();
    tokenizer.inspect_err(|error| eprintln!("tokens will have no text: {error}")).ok()
}

//! Opening a model with a progress bar.

use std::path::Path;

use adainfer::burn::text::Tokenizer;
use adainfer::burn::{AnyModel, Device};
use adainfer::prelude::*;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Opens the model at `path` on a device; the bar is on standard error, and only on a terminal.
///
/// # Errors
///
/// If there is no such model or device, or the model is damaged.
pub(crate) fn open(path: &Path, device: &Device) -> Result<AnyModel> {
    let style = "loading {bar:40} {percent}% of {human_len} weights";
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?);
    let model = AnyModel::open_with(path, device, &mut |progress: Progress<'_>| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    Ok(model?)
}

/// The tokenizer, for programs that can do without: where there is none, standard error says so.
pub(crate) fn tokenizer(model: &AnyModel) -> Option<&Tokenizer> {
    let tokenizer = model.tokenizer();
    tokenizer.inspect_err(|error| eprintln!("tokens will have no text: {error}")).ok()
}

//! Opening a model with a progress bar.

use std::path::Path;

use adainfer::burn::text::Tokenizer;
use adainfer::prelude::*;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Opens the model at `path` on a device, in a number format and with its weights held in a format; the bar is on standard error, and only on a
/// terminal.
///
/// # Errors
///
/// If there is no such model or device, the device does not compute in the format, or the model is damaged.
pub(crate) fn open(path: &Path, device: &Device, dtype: Dtype, weights: WeightFormat) -> Result<AnyModel> {
    let style = "loading {bar:40} {percent}% of {human_len} weights";
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?);
    let mut report = |progress: Progress<'_>| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let options = LoadOptions::new().dtype(dtype).weights(weights).progress(&mut report);
    let model = AnyModel::open_with(path, device, options);
    bar.finish_and_clear();
    Ok(model?)
}

/// The tokenizer, for programs that can do without: where there is none, standard error says so.
pub(crate) fn tokenizer(model: &AnyModel) -> Option<&Tokenizer> {
    let tokenizer = model.tokenizer();
    tokenizer.inspect_err(|error| eprintln!("tokens will have no text: {error}")).ok()
}

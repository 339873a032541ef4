//! Records what every layer would answer to each of many prompts: traces, from which policies are trained.
//!
//! ```text
//! cargo run --release --example record -- --prompts prompts.jsonl --out traces.jsonl
//! ```

mod support;

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;

use adainfer::policies::{TokenTrace, TraceSource, TraceWriter};
use adainfer::prelude::*;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

/// Record what a model would answer to each prompt after every layer.
///
/// The prompts are JSON Lines, as {"id": "7", "prompt": "Q: 2 + 2\nA:", "answer": " 4"}. The first token of the answer,
/// which may be left out, is the gold token. For a model without a tokenizer, "tokens" may stand for the prompt and
/// "gold" for the answer. Every prompt is run once through all layers, with a look after each.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    /// The prompts, one JSON object a line
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    /// Where the traces go
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Also record the cosines with the layer before, the KL divergence from it, and the entropy
    #[arg(long)]
    all: bool,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let prompts = support::Prompt::read(&args.prompts)?;
    let model = args.model.open()?;
    let file = File::create(&args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    let mut traces =
        TraceWriter::new(BufWriter::new(file), &TraceSource::new(model.spec(), args.model.lens_name()))?;

    let extras = if args.all { Extras::ALL } else { Extras::NONE };
    let engine = EarlyExit::new(&model, Watch::new(extras))?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} prompts, {eta} left")?;
    let bar = ProgressBar::new(prompts.len() as u64).with_style(style);
    for prompt in bar.wrap_iter(prompts.iter()) {
        let place = || format!("prompt {:?}", prompt.id);
        let (tokens, gold) = prompt.tokens(&model)?;
        let mut session = engine.watched(Recorder::default())?;
        session.feed(&tokens).with_context(place)?;
        for recorded in session.into_observer().tokens() {
            traces.write(&TokenTrace::recorded(prompt.id.as_str(), gold, recorded)?)?;
        }
    }
    traces.into_inner().into_inner().map_err(std::io::IntoInnerError::into_error)?;
    println!("{} prompts recorded in {}", prompts.len(), args.out.display());
    Ok(())
}

//! Fits a lens through which the middle layers of a model can be read.
//!
//! ```text
//! cargo run --release --example fit_lens --features fit -- --prompts prompts.jsonl --out lens.safetensors
//! cargo run --release --example record -- --lens lens.safetensors --prompts others.jsonl --out traces.jsonl
//! ```

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use adainfer::burn::{AnyModel, LensPrompt, LensReport, LinearLensParams};
use adainfer::policies::{Guard, GuardedLayer, TokenTrace, TraceSet, TraceSource};
use adainfer::prelude::*;
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

/// Fit a linear lens: for each layer, a map from its hidden state to the model's last one, of which the model's own
/// head then reads the answer.
///
/// The prompts are JSON Lines, as {"id": "7", "prompt": "Q: 2 + 2\nA:"}; a few hundred of the kind that the lens is for. It
/// looks at the end of each, where the answer comes. Some are held out: on them the report is made, and layers are
/// closed where the lens is confidently wrong.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    /// The prompts, one JSON object a line
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    /// Where the lens goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// No map before this layer, counted from 1
    #[arg(long, value_name = "LAYER", default_value_t = 1)]
    from: usize,
    /// Keep the maps of these layers alone, as 22,24
    #[arg(long, value_name = "LAYERS", value_delimiter = ',', conflicts_with = "from")]
    keep: Vec<usize>,
    /// Round its numbers to half precision: the file takes half the room
    #[arg(long)]
    half: bool,
    /// Which prompts are held out depends on it
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    ensure!(args.model.lens().is_none(), "a lens is fitted on the model itself: leave --lens out");
    let prompts = support::Prompt::read(&args.prompts)?;
    let model = args.model.open()?;
    let read = |prompt: &support::Prompt| Ok(LensPrompt::last(prompt.id.as_str(), prompt.tokens(&model)?.0));
    let prompts = prompts.iter().map(read).collect::<Result<Vec<_>>>()?;

    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style);
    let first = args.keep.iter().min().copied().unwrap_or(args.from);
    let params = LinearLensParams::default().from(first).seed(args.seed);
    let (mut lens, mut report) = params.fit(&model, &prompts, |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(progress.layer.map_or("prompts".to_owned(), |layer| format!("layer {layer}")));
    })?;
    bar.finish_and_clear();
    if !args.keep.is_empty() {
        let others: Vec<_> = lens.layers().filter(|layer| !args.keep.contains(layer)).collect();
        others.into_iter().for_each(|layer| drop(lens.close(layer)));
    }
    if args.half {
        lens = lens.to_half();
    }

    let held_out: BTreeSet<_> = report.held_out.iter().collect();
    let held_out: Vec<_> = prompts.iter().filter(|prompt| held_out.contains(&prompt.id)).collect();
    let looks = record(&model.with_lens(&lens)?, &held_out)?;
    let guarded = Guard::default().inspect(&looks);
    report.layers.retain(|(layer, _)| lens.map(*layer).is_some());
    print(&report, &guarded, &agreements(&record(&model, &held_out)?), &agreements(&looks))?;
    guarded.iter().filter(|layer| layer.is_closed).for_each(|layer| drop(lens.close(layer.layer)));
    lens.save(&args.out)?;
    println!("a lens for {} layers in {}", lens.layers().len(), args.out.display());
    Ok(())
}

/// What the model shows after every layer that it can be looked at.
fn record(model: &AnyModel, prompts: &[&LensPrompt]) -> Result<TraceSet> {
    let mut traces = TraceSet::new(TraceSource::new(model.spec(), "held out"));
    let engine = EarlyExit::new(model, Watch::new(Extras::NONE))?;
    for prompt in prompts {
        let mut session = engine.watched(Recorder::default())?;
        session.feed(&prompt.tokens).with_context(|| format!("prompt {:?}", prompt.id))?;
        for recorded in session.into_observer().tokens() {
            traces.push(TokenTrace::recorded(prompt.id.as_str(), None, recorded)?)?;
        }
    }
    Ok(traces)
}

/// The share of prompts whose token after each layer is the last one's; index 0 is layer 1.
fn agreements(traces: &TraceSet) -> Vec<f64> {
    let mut right = vec![0.0; traces.source().layers];
    for trace in traces.tokens() {
        for probe in trace.probes().iter().filter(|probe| probe.top.token == trace.answer()) {
            right[probe.layer - 1] += 1.0 / traces.tokens().len() as f64;
        }
    }
    right
}

fn print(report: &LensReport, guarded: &[GuardedLayer], raw: &[f64], linear: &[f64]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let (fitted, held_out, positions) = (report.prompts, report.held_out.len(), report.positions);
    writeln!(out, "{fitted} prompts fitted on, {held_out} held out")?;
    if report.is_underdetermined() {
        let width = report.width;
        writeln!(
            out,
            "{positions} positions for {width} inputs: the ridge decides much; more prompts would help"
        )?;
    }
    writeln!(
        out,
        "layer    ridge  explained   raw  linear  agreement with the last layer; held-out prompts"
    )?;
    for (layer, quality) in &report.layers {
        let (raw, linear) = (raw[layer - 1], linear[layer - 1]);
        write!(out, "{layer:5} {:8} {:10.3} {raw:5.2} {linear:7.2}", quality.ridge, quality.r2)?;
        match guarded.iter().find(|guarded| guarded.layer == *layer && guarded.is_closed) {
            Some(GuardedLayer { confident, right, claim, .. }) => {
                writeln!(out, "  closed: sure {confident} times, right {right}, claimed {claim:.2}")?;
            }
            None => writeln!(out)?,
        }
    }
    Ok(())
}

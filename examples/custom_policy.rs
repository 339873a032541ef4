//! An exit policy of your own, in ten lines.
//!
//! ```text
//! cargo run --release --example custom_policy
//! ```

mod support;

use std::io::Write;
use std::process::ExitCode;

use adainfer::core::At;
use adainfer::prelude::*;
use anyhow::Result;

/// Run one prompt with a policy that is written in this example, and print where it stopped.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    /// The text to go on from
    #[arg(long, value_name = "TEXT", default_value = "The capital of France is")]
    prompt: String,
}

/// Exits where the top token has been the same for `looks` looks and leads by more than `lead`.
///
/// A policy holds its settings and nothing else. What it knows of the token being decided is the trace that it
/// is handed, so one policy serves any number of sessions and threads, and there is nothing to reset.
struct Steady {
    looks: usize,
    lead: f32,
}

impl ExitPolicy for Steady {
    // Asked after every layer in `wants`, with all that was seen so far, the newest last.
    fn decide(&self, trace: Trace<'_>) -> Decision {
        let top = trace.last().top.token;
        let same = trace.iter().rev().take_while(|probe| probe.top.token == top).count();
        Decision::exit_if(same >= self.looks && trace.last().gap() > self.lead)
    }

    // Asked before a look is paid for. The middle layers of many models agree for long, with a great lead, on a
    // token that is not the answer, often a space: only the last quarter of the layers is worth a look.
    fn wants(&self, at: At) -> bool {
        4 * at.layer > 3 * at.layers
    }
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let model = args.model.open()?;
    let tokenizer = model.tokenizer()?;
    let prompt = tokenizer.encode(&args.prompt, true)?;
    let text = |token| tokenizer.token_text(token).unwrap_or_default();

    // Policies combine: `Steady { .. }.every_nth(2)`, `.or(..)`, `.starting_at(8)` are policies too.
    let engine = EarlyExit::new(&model, Steady { looks: 3, lead: 0.1 })?;
    // An observer sees every look; this one keeps them.
    let mut session = engine.watched(Recorder::default())?;
    let step = session.feed(&prompt)?;
    // The dense model, for comparison: the policy that never exits.
    let dense = EarlyExit::new(&model, Never)?.session()?.feed(&prompt)?;

    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", args.prompt)?;
    for probe in session.into_observer().tokens().iter().flat_map(|token| &token.probes) {
        let Probe { layer, top, .. } = probe;
        writeln!(out, "  layer {layer}: {:?} leads by {:.3}", text(top.token), probe.gap())?;
    }
    writeln!(out, "stopped after layer {} of {}: {:?}", step.layers_run, step.layers, text(step.token))?;
    writeln!(out, "the whole model answers {:?}", text(dense.token))?;
    Ok(())
}

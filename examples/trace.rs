//! What the model would answer after every layer, and how sure it is: one JSON object a layer.
//!
//! ```text
//! cargo run --release --example trace -- --prompt "The capital of France is"
//! ```

mod support;

use std::io::Write;
use std::process::ExitCode;

use adainfer::prelude::*;
use anyhow::Result;

/// Print what a model would answer after every layer, one JSON object a line.
///
/// `top_token` is the likeliest next token after that layer, `top_prob` its probability, and `gap` by how much
/// it leads the second. `null` is what was not asked for, or what the first layer has nothing to compare with.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    #[command(flatten)]
    input: support::Input,
    /// Which features to compute
    #[arg(long, value_enum, default_value_t = Features::Lens)]
    features: Features,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Features {
    /// The two likeliest tokens and their probabilities
    Lens,
    /// Also the cosines with the layer before, and the KL divergence from it
    All,
}

/// One line of the output.
#[derive(serde::Serialize)]
struct Line {
    layer: usize,
    layers: usize,
    top_token: TokenId,
    top_text: Option<String>,
    second_token: TokenId,
    // f64, because f32 is printed with no more digits than tell it from its neighbours.
    top_prob: f64,
    gap: f64,
    cos_hidden: Option<f64>,
    cos_attn: Option<f64>,
    cos_mlp: Option<f64>,
    kl: Option<f64>,
}

impl Line {
    fn new(probe: &Probe, layers: usize, top_text: Option<String>) -> Self {
        Self {
            layer: probe.layer,
            layers,
            top_token: probe.top.token,
            top_text,
            second_token: probe.second.token,
            top_prob: probe.top_prob().into(),
            gap: probe.gap().into(),
            cos_hidden: probe.cos_hidden.map(f64::from),
            cos_attn: probe.cos_attn.map(f64::from),
            cos_mlp: probe.cos_mlp.map(f64::from),
            kl: probe.kl.map(f64::from),
        }
    }
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let model = args.model.open()?;
    let prompt = args.input.tokens(&model)?;
    let tokenizer = support::tokenizer(&model);
    let extras = match args.features {
        Features::Lens => Extras::NONE,
        Features::All => Extras::ALL,
    };
    // A policy that looks after every layer and never exits, and an observer that keeps what it sees.
    let engine = EarlyExit::new(&model, Watch::new(extras))?;
    let mut session = engine.watched(Recorder::default())?;
    session.feed(&prompt)?;

    let mut out = std::io::stdout().lock();
    for probe in session.into_observer().tokens().iter().flat_map(|token| &token.probes) {
        let text = tokenizer.and_then(|tokenizer| tokenizer.token_text(probe.top.token));
        writeln!(out, "{}", serde_json::to_string(&Line::new(probe, model.spec().layers, text))?)?;
    }
    Ok(())
}

//! Our side of the comparison with PyTorch: times what it is asked to on standard input, one JSON object a line.
//! The protocol is in `benches/peers/README.md`.

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use adainfer::prelude::*;
use anyhow::Result;

/// Time prefill and decoding of the dense model, as requests on standard input ask: one JSON object a line.
///
/// benches/peers/peers.py starts this program; benches/peers/README.md describes what the two say.
#[derive(clap::Parser)]
struct Args {
    /// A Hugging Face folder or a GGUF file
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// How matrices are held: float, int8 or stored
    #[arg(long, value_name = "FORMAT", default_value_t = WeightFormat::Float)]
    weights: WeightFormat,
    /// How many threads compute
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
}

#[derive(serde::Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Request {
    Prefill { tokens: Vec<TokenId> },
    Decode { tokens: Vec<TokenId>, steps: usize },
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Answer {
    Prefill { ms: f64, token: TokenId },
    Decode { ms: f64, tokens: Vec<TokenId> },
    Error { error: String },
}

type Engine<'a> = EarlyExit<&'a Model<backend::Flex>, Never>;

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(args.threads.into()).build_global()?;
    let model = Model::<backend::Flex>::open_with(
        &args.model,
        &Default::default(),
        LoadOptions::new().weights(args.weights),
    )?;
    let engine = EarlyExit::new(&model, Never)?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lines() {
        let answer =
            answer(&engine, &line?).unwrap_or_else(|error| Answer::Error { error: format!("{error:#}") });
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}

fn answer(engine: &Engine<'_>, request: &str) -> Result<Answer> {
    match serde_json::from_str(request)? {
        Request::Prefill { tokens } => prefill(engine, &tokens),
        Request::Decode { tokens, steps } => decode(engine, &tokens, steps),
    }
}

fn prefill(engine: &Engine<'_>, tokens: &[TokenId]) -> Result<Answer> {
    let mut session = engine.session()?;
    let (step, ms) = support::timed(|| session.feed(tokens));
    Ok(Answer::Prefill { ms, token: step?.token })
}

fn decode(engine: &Engine<'_>, prompt: &[TokenId], steps: usize) -> Result<Answer> {
    anyhow::ensure!(steps > 0, "there are no steps to time");
    let mut session = engine.session()?;
    let mut last = session.feed(prompt)?.token;
    let (mut tokens, mut times) = (Vec::new(), Vec::new());
    for _ in 0..steps {
        let (step, ms) = support::timed(|| session.feed(&[last]));
        last = step?.token;
        tokens.push(last);
        times.push(ms);
    }
    Ok(Answer::Decode { ms: support::median(times), tokens })
}

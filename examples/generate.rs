//! Goes on from a prompt, and shows the text as it comes.
//!
//! ```text
//! cargo run --release --example generate -- --prompt "Once upon a time" --max-tokens 40
//! ```

mod support;

use std::io::{StdoutLock, Write};
use std::process::ExitCode;
use std::time::Instant;

use adainfer::burn::text::{TextStream, Tokenizer};
use adainfer::core::Sampler;
use adainfer::prelude::*;
use anyhow::Result;

/// Go on from a prompt until the model ends the text or --max-tokens are made.
///
/// Every layer is run unless --exit-layer or --gap says where to stop; the likeliest token is taken unless
/// --temperature is given.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    #[command(flatten)]
    input: support::Input,
    /// The most tokens to make
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    max_tokens: usize,
    /// How freely tokens are drawn; 0 takes the likeliest, 1 follows the model's probabilities
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    temperature: f64,
    /// Draw from the fewest likeliest tokens that have this probability together
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    top_p: f64,
    /// The same seed draws the same tokens
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    exit: support::ExitArgs,
    /// Print one JSON object at the end instead: tokens, text, and the layers run for each token
    #[arg(long)]
    json: bool,
}

impl Args {
    /// `None` takes the likeliest token. Numbers out of range are refused in any case.
    fn sampler(&self) -> Result<Option<Sampler>> {
        let sampling = Sampling::new().temperature(self.temperature).top_p(self.top_p).seed(self.seed);
        Ok(Some(sampling.sampler()?).filter(|_| self.temperature > 0.0))
    }
}

/// What `--json` prints.
#[derive(Default, serde::Serialize)]
struct Generated {
    tokens: Vec<TokenId>,
    text: Option<String>,
    layers_run: Vec<usize>,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let sampler = args.sampler()?;
    let model = args.model.open()?;
    let prompt = args.input.tokens(&model)?;
    let tokenizer = support::tokenizer(&model);
    let policy = args.exit.policy(model.spec().layers)?.unwrap_or_else(|| Box::new(Never));

    let engine = EarlyExit::new(&model, policy)?;
    let mut session = engine.session()?;
    let mut generation = session.generate(&prompt).max_tokens(args.max_tokens).stop_at(model.end_tokens());
    if let Some(sampler) = sampler {
        generation = generation.sampler(sampler);
    }
    let mut made = Generated::default();
    let mut shown = Shown { out: std::io::stdout().lock(), text: tokenizer.map(Tokenizer::stream) };
    let mut speed = Speed { prompt: prompt.len(), start: Instant::now(), first: None, tokens: 0 };
    for step in generation {
        let step = step?;
        speed.count();
        made.tokens.push(step.token);
        made.layers_run.push(step.layers_run);
        if !args.json {
            shown.token(step.token)?;
        }
    }
    speed.report();
    if !args.json {
        return shown.end();
    }
    made.text = tokenizer.map(|tokenizer| tokenizer.decode(&made.tokens)).transpose()?;
    Ok(writeln!(shown.out, "{}", serde_json::to_string(&made)?)?)
}

/// Standard output: text as soon as its characters are whole, or token numbers where there is no tokenizer.
struct Shown<'a> {
    out: StdoutLock<'static>,
    text: Option<TextStream<'a>>,
}

impl Shown<'_> {
    fn token(&mut self, token: TokenId) -> Result<()> {
        match &mut self.text {
            Some(text) => write!(self.out, "{}", text.push(token)?.unwrap_or_default())?,
            None => writeln!(self.out, "{token}")?,
        }
        Ok(self.out.flush()?)
    }

    fn end(mut self) -> Result<()> {
        if let Some(text) = self.text {
            writeln!(self.out, "{}", text.finish()?)?;
        }
        Ok(())
    }
}

/// Tokens a second, of the prompt and of what came after the first token.
struct Speed {
    prompt: usize,
    start: Instant,
    first: Option<Instant>,
    tokens: usize,
}

impl Speed {
    fn count(&mut self) {
        self.first.get_or_insert_with(Instant::now);
        self.tokens += 1;
    }

    fn report(&self) {
        let Some(first) = self.first else { return };
        let rate = |tokens: usize, seconds: f64| tokens as f64 / seconds;
        let prompt = rate(self.prompt, (first - self.start).as_secs_f64());
        eprint!("prompt: {} tokens, {prompt:.1} tokens/s", self.prompt);
        match self.tokens {
            1 => eprintln!("; generated: 1 token"),
            n => eprintln!(
                "; generated: {n} tokens, {:.1} tokens/s",
                rate(n - 1, first.elapsed().as_secs_f64())
            ),
        }
    }
}

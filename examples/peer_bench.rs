//! Our side of the comparison with PyTorch and llama.cpp: times what it is asked to on standard input, one JSON object
//! a line. The protocol is in `benches/peers/README.md`.

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use adainfer::burn::{Candidates, LinearLens, ModelError, first_tokens};
use adainfer::core::Session;
use adainfer::policies::SavedPolicy;
use adainfer::prelude::*;
use anyhow::{Context, Result};

/// Time prefill, decoding and queries after a shared prefix, as requests on standard input ask: one JSON object a line.
///
/// The scripts in benches/peers start this program; the README there describes what the two say.
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
    /// Answer queries through this lens, with --policy and --label
    #[arg(long, value_name = "FILE", requires = "policy")]
    lens: Option<PathBuf>,
    /// And exit early where this policy says so
    #[arg(long, value_name = "FILE", requires = "lens", requires = "label")]
    policy: Option<PathBuf>,
    /// Ask for the first token of this text alone, and of others for which it is given again
    #[arg(long, value_name = "TEXT", requires = "policy")]
    label: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Request {
    Encode { text: String },
    Prefill { tokens: Vec<TokenId> },
    Decode { tokens: Vec<TokenId>, steps: usize },
    Prefix { tokens: Vec<TokenId> },
    Query { tokens: Vec<TokenId>, dense: bool },
    Queries { queries: Vec<Vec<TokenId>> },
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Answer {
    Tokens { tokens: Vec<TokenId> },
    Step { ms: f64, token: TokenId, layers: usize },
    Steps { ms: f64, tokens: Vec<TokenId> },
    Decoded { ms: f64, tokens: Vec<TokenId> },
    Error { error: String },
}

type Cpu = Model<backend::Flex>;

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(args.threads.into()).build_global()?;
    let options = LoadOptions::new().weights(args.weights);
    let model = Cpu::open_with(&args.model, &Default::default(), options)?;
    let (Some(lens), Some(policy)) = (&args.lens, &args.policy) else {
        return serve(&model, &EarlyExit::new(&model, Never)?);
    };
    let labels = first_tokens(model.tokenizer()?, &args.label)?;
    let candidates = Candidates::new(model.with_lens(&LinearLens::load(lens)?)?, &labels)?;
    serve(&model, &EarlyExit::new(candidates, SavedPolicy::load(policy)?)?)
}

/// Answers until the input ends.
fn serve<M, P>(model: &Cpu, early: &EarlyExit<M, P>) -> Result<()>
where
    M: LayeredModel<Error = ModelError>,
    P: ExitPolicy,
{
    let dense = EarlyExit::new(model, Never)?;
    let mut bench = Bench { dense: &dense, early, dense_prefix: None, early_prefix: None };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lines() {
        let answer =
            serde_json::from_str(&line?).map_err(Into::into).and_then(|request| bench.answer(request));
        let answer = answer.unwrap_or_else(|error| Answer::Error { error: format!("{error:#}") });
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}

/// Both ways to answer, and what their queries share.
struct Bench<'a, M: LayeredModel, P> {
    dense: &'a EarlyExit<&'a Cpu, Never>,
    early: &'a EarlyExit<M, P>,
    /// None where nothing is shared.
    dense_prefix: Option<Session<'a, &'a Cpu, Never, ()>>,
    early_prefix: Option<Session<'a, M, P, ()>>,
}

impl<M, P> Bench<'_, M, P>
where
    M: LayeredModel<Error = ModelError>,
    P: ExitPolicy,
{
    fn answer(&mut self, request: Request) -> Result<Answer> {
        match request {
            Request::Encode { text } => {
                Ok(Answer::Tokens { tokens: self.dense.model().tokenizer()?.encode(&text, false)? })
            }
            Request::Prefill { tokens } => {
                let mut session = self.dense.session()?;
                step(support::timed(|| session.feed(&tokens)))
            }
            Request::Decode { tokens, steps } => self.decode(&tokens, steps),
            Request::Prefix { tokens } => {
                (self.dense_prefix, self.early_prefix) = (None, None);
                if !tokens.is_empty() {
                    self.dense_prefix = Some(self.dense.prefix(&tokens)?);
                    self.early_prefix = Some(self.early.prefix(&tokens)?);
                }
                Ok(Answer::Tokens { tokens })
            }
            Request::Queries { queries } => self.queries(&queries),
            Request::Query { tokens, dense: true } => query(self.dense, self.dense_prefix.as_ref(), &tokens),
            Request::Query { tokens, dense: false } => query(self.early, self.early_prefix.as_ref(), &tokens),
        }
    }

    /// All at once, after the prefix.
    fn queries(&self, queries: &[Vec<TokenId>]) -> Result<Answer> {
        let prefix = self.early_prefix.as_ref().context("there is no prefix")?;
        let (steps, ms) = support::timed(|| prefix.answer_each(queries));
        let tokens = steps?.into_iter().map(|step| step.map(|step| step.token)).collect::<Result<_, _>>()?;
        Ok(Answer::Steps { ms, tokens })
    }

    fn decode(&self, prompt: &[TokenId], steps: usize) -> Result<Answer> {
        anyhow::ensure!(steps > 0, "there are no steps to time");
        let mut session = self.dense.session()?;
        let mut last = session.feed(prompt)?.token;
        let (mut tokens, mut times) = (Vec::new(), Vec::new());
        for _ in 0..steps {
            let (step, ms) = support::timed(|| session.feed(&[last]));
            last = step?.token;
            tokens.push(last);
            times.push(ms);
        }
        Ok(Answer::Decoded { ms: support::median(times), tokens })
    }
}

/// Times the first token after what goes before, if anything does.
fn query<'a, M, P>(
    engine: &'a EarlyExit<M, P>,
    prefix: Option<&Session<'a, M, P, ()>>,
    tokens: &[TokenId],
) -> Result<Answer>
where
    M: LayeredModel<Error = ModelError>,
    P: ExitPolicy,
{
    step(support::timed(|| match prefix {
        Some(prefix) => prefix.fork()?.feed(tokens),
        None => engine.session()?.feed(tokens),
    }))
}

fn step<E: std::error::Error + Send + Sync + 'static>((step, ms): (Result<Step, E>, f64)) -> Result<Answer> {
    let step = step?;
    Ok(Answer::Step { ms, token: step.token, layers: step.layers_run })
}

//! Classifies reviews with a shared few-shot prompt, with every layer and with an early exit, and compares the
//! answers and the times.
//!
//! ```text
//! cargo run --release --example quickstart
//! ```

mod support;

use std::io::Write;
use std::process::ExitCode;

use adainfer::burn::text::Tokenizer;
use adainfer::burn::{AnyModel, Candidates, LinearLens, ModelError, first_tokens};
use adainfer::policies::SavedPolicy;
use adainfer::prelude::*;
use anyhow::{Context, Result};
use support::{Outcome, Summary, median, settled, timed};

/// Tell whether reviews are positive or negative, with early exit and without, and compare.
///
/// Without --exit-layer or --gap, the default model is looked at through a lens that was fitted for it, among the two
/// labels alone, and stops where a policy says so that is certified to change at most one answer in twenty. Any other
/// model is looked at once, three layers before the last, and stops there if the top token leads by more than 0.65.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    #[command(flatten)]
    exit: support::ExitArgs,
}

/// Where the default model's rule comes from.
const MADE: &str = "A lens that was fitted for it sees most answers after layer 22, and a look among two labels costs next to nothing.
Lens and certified policy were made from 1300 sentences, none of them here; see examples/assets.";
/// And any other's.
const GUESSED: &str =
    "The rule is a guess: fit a lens and certify a policy for your model with the example `suitability`.";

/// What every query shares; it is run once.
const DEMONSTRATIONS: &str = include_str!("assets/demonstrations.txt");

/// For the default model: a lens for one layer, and a policy that is certified for it. `assets/make.sh` made them from
/// sentences of its own; none of these reviews is among them.
const LENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/assets/reviews.lens.safetensors");
const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/assets/reviews.policy.json");

const REVIEWS: [(&str, &str); 12] = [
    ("A warm and funny film that I would gladly see again.", "positive"),
    ("The battery dies after twenty minutes.", "negative"),
    ("What a beautiful garden, we stayed the whole afternoon.", "positive"),
    ("The book is dull and far too long.", "negative"),
    ("They repaired my bike in an hour and were friendly too.", "positive"),
    ("The train was dirty, crowded and two hours late.", "negative"),
    ("An excellent teacher who makes hard things easy.", "positive"),
    ("I regret buying this terrible phone.", "negative"),
    ("The cake was delicious and everyone asked for more.", "positive"),
    ("The game crashes whenever I try to save.", "negative"),
    ("I love this coat, it is light and keeps me warm.", "positive"),
    ("The hotel was noisy and smelled of smoke.", "negative"),
];

/// Each review is run so often, with and without early exit in turns; the median of the times counts.
const REPEATS: usize = 3;

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let model = args.model.open()?;
    let tokenizer = model.tokenizer()?;
    let layers = model.spec().layers;
    // Dense; and with a look after every layer, to learn what there is to see.
    let (dense, watch) = (EarlyExit::new(&model, Never)?, EarlyExit::new(&model, Watch::default())?);
    let engines = (&dense, &watch);
    let asked = args.exit.policy(layers)?;
    let lens = LinearLens::load(LENS)?;
    if asked.is_none() && args.model.lens().is_none() && lens.model() == model.spec().fingerprint {
        let words = [" positive", " negative"];
        let candidates = Candidates::new(model.with_lens(&lens)?, &first_tokens(tokenizer, &words)?)?;
        let early = EarlyExit::new(&candidates, SavedPolicy::load(POLICY)?)?;
        return compare(tokenizer, &early, engines, MADE);
    }
    let (policy, origin): (Box<dyn ExitPolicy>, _) = match asked {
        Some(policy) => (policy, "The rule is the one that was asked for."),
        None => (Box::new(GapThreshold::new(0.65)?.at_layers([layers.saturating_sub(3).max(1)])), GUESSED),
    };
    compare(tokenizer, &EarlyExit::new(&model, policy)?, engines, origin)
}

/// Answers every review with each engine, and prints what came of it.
fn compare<M, P>(
    tokenizer: &Tokenizer,
    early: &EarlyExit<M, P>,
    (dense, watch): (&EarlyExit<&AnyModel, Never>, &EarlyExit<&AnyModel, Watch>),
    origin: &str,
) -> Result<()>
where
    M: LayeredModel<Error = ModelError>,
    P: ExitPolicy,
{
    let layers = early.model().spec().layers;
    let shared = tokenizer.encode(DEMONSTRATIONS, true)?;
    let (early, dense, watch) = (early.prefix(&shared)?, dense.prefix(&shared)?, watch.prefix(&shared)?);
    let prefixes = Prefixes { early, dense, watch };
    prefixes.classify(&query(tokenizer, &shared, REVIEWS[0].0)?)?; // warms up

    let mut out = std::io::stdout().lock();
    writeln!(out, "answer    layers  ms      dense     ms      settled  review")?;
    let mut outcomes = Vec::new();
    for (review, label) in REVIEWS {
        let mut outcome = prefixes.classify(&query(tokenizer, &shared, review)?)?;
        let [answer, whole] = [&outcome.early, &outcome.dense]
            .map(|step| tokenizer.token_text(step.token).unwrap_or_default().trim().to_owned());
        outcome.right = answer == label;
        let Outcome { early, early_ms, dense_ms, settled, .. } = &outcome;
        write!(out, "{answer:9} {:2}/{layers:<4} {early_ms:<7.1} ", early.layers_run)?;
        writeln!(out, "{whole:9} {dense_ms:<7.1} {settled:<8} {review}")?;
        out.flush()?;
        outcomes.push(outcome);
    }
    write!(out, "\n{}", Summary(&outcomes))?;
    writeln!(out, "{origin}")?;
    Ok(())
}

/// The tokens of a review, which follow those of the demonstrations.
fn query(tokenizer: &Tokenizer, shared: &[TokenId], review: &str) -> Result<Vec<TokenId>> {
    let whole = tokenizer.encode(&format!("{DEMONSTRATIONS}\n\nReview: {review}\nSentiment:"), true)?;
    let query =
        whole.strip_prefix(shared).context("the tokenizer joins the demonstrations and the review")?;
    Ok(query.to_vec())
}

/// The demonstrations, run once by each engine. A review goes on from a fork, which shares what is computed.
struct Prefixes<'e, M: LayeredModel, P> {
    early: Session<'e, M, P, ()>,
    dense: Session<'e, &'e AnyModel, Never, ()>,
    watch: Session<'e, &'e AnyModel, Watch, ()>,
}

impl<M: LayeredModel<Error = ModelError>, P: ExitPolicy> Prefixes<'_, M, P> {
    fn classify(&self, query: &[TokenId]) -> Result<Outcome> {
        let ((dense, dense_ms), (early, early_ms)) =
            (answer(&self.dense, query)?, answer(&self.early, query)?);
        let (mut dense_times, mut early_times) = (vec![dense_ms], vec![early_ms]);
        for _ in 1..REPEATS {
            dense_times.push(answer(&self.dense, query)?.1);
            early_times.push(answer(&self.early, query)?.1);
        }
        let mut watched = self.watch.fork_watched(Recorder::default())?;
        let (step, watch_ms) = timed(|| watched.feed(query));
        step?;
        let settled = watched.into_observer().tokens().first().map_or(0, |token| settled(&token.probes));
        let (early_ms, dense_ms) = (median(early_times), median(dense_times));
        Ok(Outcome { early, early_ms, dense, dense_ms, watch_ms, settled, right: false })
    }
}

fn answer<M, P>(prefix: &Session<'_, M, P, ()>, query: &[TokenId]) -> Result<(Step, f64)>
where
    M: LayeredModel<Error = ModelError>,
    P: ExitPolicy,
{
    let (step, ms) = timed(|| prefix.fork()?.feed(query));
    Ok((step?, ms))
}

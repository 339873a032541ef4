//! Classifies reviews with a shared few-shot prompt, with every layer and with an early exit, and compares the
//! answers and the times.
//!
//! ```text
//! cargo run --release --example quickstart
//! ```

mod support;

use std::io::Write;
use std::process::ExitCode;

use adainfer::burn::AnyModel;
use adainfer::burn::text::Tokenizer;
use adainfer::prelude::*;
use anyhow::{Context, Result};
use support::{Outcome, Summary, median, settled, timed};

/// Tell whether reviews are positive or negative, with early exit and without, and compare.
///
/// Without --exit-layer or --gap there is one look, three layers before the last, and the run stops there if the
/// top token leads by more than 0.65. That was chosen for the default model, on 52 reviews with these twelve among
/// them: how well it agrees here is no independent test.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    #[command(flatten)]
    exit: support::ExitArgs,
}

/// What every query shares; it is run once.
const DEMONSTRATIONS: &str = "\
Review: The staff were kind and the room had a lovely view.\nSentiment: positive\n\n\
Review: The soup was cold and the waiter ignored us.\nSentiment: negative\n\n\
Review: It broke on the second day and nobody answered my mail.\nSentiment: negative\n\n\
Review: My daughter laughed all evening and wants to go again.\nSentiment: positive\n\n\
Review: A tired plot, wooden actors, and an ending that makes no sense.\nSentiment: negative\n\n\
Review: The best bread I have eaten in years.\nSentiment: positive\n\n\
Review: The songs are fresh and the singer is wonderful.\nSentiment: positive\n\n\
Review: I waited an hour and left hungry and angry.\nSentiment: negative";

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
    let asked = args.exit.policy(layers)?;
    let by_default = asked.is_none();
    let policy: Box<dyn ExitPolicy> = match asked {
        Some(policy) => policy,
        None => Box::new(GapThreshold::new(0.65)?.at_layers([layers.saturating_sub(3).max(1)])),
    };
    // One model, three engines: stop early; never stop; look after every layer, to learn what there is to see.
    let early = EarlyExit::new(&model, policy)?;
    let dense = EarlyExit::new(&model, Never)?;
    let watch = EarlyExit::new(&model, Watch::default())?;

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
    if by_default {
        writeln!(out, "The default rule was chosen on 52 reviews, these among them: no independent test.")?;
    }
    Ok(())
}

/// The tokens of a review, which follow those of the demonstrations.
fn query(tokenizer: &Tokenizer, shared: &[TokenId], review: &str) -> Result<Vec<TokenId>> {
    let whole = tokenizer.encode(&format!("{DEMONSTRATIONS}\n\nReview: {review}\nSentiment:"), true)?;
    let query =
        whole.strip_prefix(shared).context("the tokenizer joins the demonstrations and the review")?;
    Ok(query.to_vec())
}

type Prefix<'e, P> = Session<'e, &'e AnyModel, P, ()>;

/// The demonstrations, run once by each engine. A review goes on from a fork, which shares what is computed.
struct Prefixes<'e> {
    early: Prefix<'e, Box<dyn ExitPolicy>>,
    dense: Prefix<'e, Never>,
    watch: Prefix<'e, Watch>,
}

impl Prefixes<'_> {
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

fn answer<P: ExitPolicy>(prefix: &Prefix<'_, P>, query: &[TokenId]) -> Result<(Step, f64)> {
    let (step, ms) = timed(|| prefix.fork()?.feed(query));
    Ok((step?, ms))
}

//! Fits a label probe: a small classifier on the model's hidden states, which is often right where the model is not, and exits
//! early where it is sure.
//!
//! ```text
//! cargo run --release --example label_probe --features eval,fit -- --prompts labelled.jsonl --eval others.jsonl --out probe
//! ```

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use adainfer::burn::{AnyModel, LabelProbeParams, LabelProbeReport, LabelQuality, Labelled, LabelledPrompt};
use adainfer::eval::wilson;
use adainfer::policies::{
    Calibration, Certificate, Replay, Risk, SavedPolicy, TokenTrace, TopProbThreshold, TraceSet, TraceSource,
};
use adainfer::prelude::*;
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

/// Fit a label probe on labelled prompts, certify it, and compare it with the model on other prompts.
///
/// The prompts are JSON Lines, as {"id": "7", "prompt": "Review: dull.\nSentiment:", "answer": " negative"}; the first token of an answer
/// stands for the label. The first --fit prompts, in the order of a seed, are fitted on; on the others the probability is
/// chosen above which it exits: with at most the share EPSILON of wrong answers, but for a probability DELTA.
///
/// The folder gets probe.safetensors and policy.json.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    /// Labelled prompts, one JSON object a line
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    /// Other labelled prompts, on which the report is made
    #[arg(long, value_name = "FILE")]
    eval: PathBuf,
    /// The folder for the probe and its policy
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many prompts it is fitted on
    #[arg(long, value_name = "N", default_value_t = 300)]
    fit: usize,
    /// No look before this layer, counted from 1
    #[arg(long, value_name = "LAYER", default_value_t = 1)]
    from: usize,
    /// The share of answers that may be wrong
    #[arg(long, default_value_t = 0.25)]
    epsilon: f64,
    /// The probability that more are
    #[arg(long, default_value_t = 0.05)]
    delta: f64,
    /// Which prompts are fitted on
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    ensure!(args.model.lens().is_none(), "a label probe reads the model's own states: leave --lens out");
    let calibration = Calibration::new(args.epsilon, args.delta)?.risk(Risk::WrongAnswer);
    let model = args.model.open()?;
    let mut fitted = read(&args.prompts, &model)?;
    let evaluated = read(&args.eval, &model)?;
    support::shuffle(&mut fitted, args.seed, |prompt| &prompt.id);
    let count = fitted.len();
    ensure!(
        args.fit < count,
        "{} has {count} prompts: none is left to certify on if {} are fitted on",
        args.prompts.display(),
        args.fit
    );
    let calibrated = fitted.split_off(args.fit);

    let bar = progress("fitting", 0)?;
    let params = LabelProbeParams::default().from(args.from).seed(args.seed);
    let (probe, report) = params.fit(&model, &fitted, |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    })?;
    bar.finish_and_clear();
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    probe.save(args.out.join("probe.safetensors"))?;

    let labelled = Labelled::new(&model, probe.clone())?;
    let traces = record(&labelled, &calibrated)?;
    let certified = calibration.calibrate(&TopProbThreshold::new(0.5)?, &traces)?;
    let policy = SavedPolicy::from(certified);
    policy.save(args.out.join("policy.json"))?;
    // The same exits, judged by what the model itself would have answered.
    let by_dense = judged_by(&traces, &answers(&model, &calibrated)?)?;
    let by_dense = calibration.calibrate(&TopProbThreshold::new(0.5)?, &by_dense)?;

    let seen = record(&labelled, &evaluated)?;
    let right = |tokens: &mut dyn Iterator<Item = TokenId>| {
        tokens.zip(&evaluated).filter(|(token, prompt)| *token == prompt.label).count()
    };
    let found = Found {
        replay: Replay::new(&policy, &seen),
        last: right(&mut seen.tokens().iter().map(TokenTrace::answer)),
        dense: right(&mut answers(&model, &evaluated)?.into_iter()),
        prompts: evaluated.len(),
    };
    let gold = policy.certificate().context("a calibrated policy has a certificate")?;
    print(args, &report, &Certificates { gold, dense: by_dense.certificate() }, &found)
}

/// What is certified of one policy, by the labels and by the model's own answers.
struct Certificates<'a> {
    gold: &'a Certificate,
    dense: &'a Certificate,
}

/// On prompts that nothing was fitted on.
struct Found {
    /// Of the certified policy.
    replay: Replay,
    /// Right answers of the probe after the last layer.
    last: usize,
    /// Right answers of the model.
    dense: usize,
    prompts: usize,
}

fn read(path: &std::path::Path, model: &AnyModel) -> Result<Vec<LabelledPrompt>> {
    let labelled = |prompt: &support::Prompt| {
        let (tokens, gold) = prompt.tokens(model)?;
        let label = gold.with_context(|| format!("prompt {:?} has no answer", prompt.id))?;
        Ok(LabelledPrompt { id: prompt.id.clone(), tokens, label })
    };
    support::Prompt::read(path)?.iter().map(labelled).collect()
}

/// What the probe says after every layer.
fn record(model: &Labelled<&AnyModel>, prompts: &[LabelledPrompt]) -> Result<TraceSet> {
    let engine = EarlyExit::new(model, Watch::default())?;
    let mut traces = TraceSet::new(TraceSource::new(model.spec(), "label probe"));
    let bar = progress("looking", prompts.len())?;
    for prompt in bar.wrap_iter(prompts.iter()) {
        let mut session = engine.watched(Recorder::default())?;
        session.feed(&prompt.tokens).with_context(|| format!("prompt {:?}", prompt.id))?;
        for recorded in session.into_observer().tokens() {
            traces.push(TokenTrace::recorded(prompt.id.as_str(), Some(prompt.label), recorded)?)?;
        }
    }
    Ok(traces)
}

/// The model's own answers, whatever they are.
fn answers(model: &AnyModel, prompts: &[LabelledPrompt]) -> Result<Vec<TokenId>> {
    let engine = EarlyExit::new(model, Never)?;
    let bar = progress("asking the model", prompts.len())?;
    bar.wrap_iter(prompts.iter()).map(|prompt| Ok(engine.session()?.feed(&prompt.tokens)?.token)).collect()
}

/// The same traces with other gold tokens.
fn judged_by(traces: &TraceSet, gold: &[TokenId]) -> Result<TraceSet> {
    let mut judged = TraceSet::new(traces.source().clone());
    for (trace, token) in traces.tokens().iter().zip(gold) {
        judged.push(trace.clone().with_gold(Some(*token)))?;
    }
    Ok(judged)
}

fn print(args: &Args, report: &LabelProbeReport, certificates: &Certificates, found: &Found) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "fitted on {} prompts; by cross-validation:", report.prompts)?;
    writeln!(out, "layer  penalty  temperature  accuracy  log loss")?;
    for (layer, quality) in &report.layers {
        let LabelQuality { penalty, temperature, accuracy, log_loss, .. } = quality;
        writeln!(out, "{layer:5} {penalty:8} {temperature:12.2} {accuracy:9.3} {log_loss:9.3}")?;
    }
    let say = |certificate: &Certificate| match certificate.threshold {
        Some(threshold) => {
            format!("exits above {threshold:.3} ({} of {} wrong there)", certificate.k, certificate.n)
        }
        None => "nothing can be certified".to_owned(),
    };
    writeln!(out, "\nat most {} wrong, but for a probability of {}:", args.epsilon, args.delta)?;
    writeln!(out, "  by the labels           {}", say(certificates.gold))?;
    writeln!(out, "  by the model's answers  {}", say(certificates.dense))?;
    let Found { replay, last, dense, prompts } = found;
    let (layers, all) = (replay.mean_layers, replay.layers);
    let row = |right: usize| {
        let (low, high) = wilson(right, *prompts);
        format!("{:.3} [{low:.3}, {high:.3}]", right as f64 / *prompts as f64)
    };
    let early = (replay.accuracy.unwrap_or(0.0) * *prompts as f64).round() as usize;
    writeln!(out, "\n{prompts} other prompts         accuracy, and its 95 % interval   layers")?;
    writeln!(out, "  the model               {:32} {all:6}", row(*dense))?;
    writeln!(out, "  the probe, last layer   {:32} {all:6}", row(*last))?;
    writeln!(out, "  the probe, early exit   {:32} {layers:6.2}", row(early))?;
    writeln!(out, "written to {}", args.out.display())?;
    Ok(())
}

fn progress(what: &str, length: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {eta} left")?;
    Ok(ProgressBar::new(length as u64).with_style(style).with_message(what.to_owned()))
}

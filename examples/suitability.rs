//! Is early exit worth it for a model and its prompts? Fits a lens, plans where to look, certifies a policy, and says.
//!
//! ```text
//! cargo run --release --example suitability --features eval,fit -- --prompts prompts.jsonl --out report
//! ```

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adainfer::burn::{AnyModel, Candidates, LensPrompt, LinearLens, LinearLensParams, ModelError};
use adainfer::eval::{LensSuitability, LensTraces, SuitabilityParams};
use adainfer::policies::{Calibration, CostParams, SavedPolicy, TokenTrace, TraceSet, TraceSource};
use adainfer::prelude::*;
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use support::{median, timed};

/// Say whether early exit is worth it for a model and prompts of yours.
///
/// The prompts are JSON Lines, as {"id": "7", "prompt": "Q: 2 + 2\nA:", "answer": " 4"}; a thousand of the kind that the model will get
/// are good. On three in ten a linear lens is fitted, unless --lens gives one; on the others the layers to look after are
/// chosen, a policy is trained and certified, and what it does is reported; on those of --eval instead, where given. Costs are
/// measured on this device.
///
/// The folder gets report.txt, report.json and report.svg, and for each lens the plan and the policy.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    /// The prompts, one JSON object a line
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    /// Other prompts to report on
    #[arg(long, value_name = "FILE")]
    eval: Option<PathBuf>,
    /// The folder for the report
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Ask for the first tokens of the prompts' answers alone, too: then a look costs next to nothing
    #[arg(long)]
    candidates: bool,
    /// Run what all prompts begin with once, as a program does that asks many questions after the same demonstrations
    #[arg(long)]
    shared_prefix: bool,
    /// No look before this layer, counted from 1
    #[arg(long, value_name = "LAYER", default_value_t = 1)]
    from: usize,
    /// The share of answers that early exit may change
    #[arg(long, default_value_t = 0.05)]
    epsilon: f64,
    /// The probability that it changes more
    #[arg(long, default_value_t = 0.05)]
    delta: f64,
    /// Which prompts are used for what
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Of all prompts, those that a lens is fitted on.
const FITTED: f64 = 0.3;
/// Prompts that costs are measured on.
const MEASURED: usize = 7;
/// Prompts that dense and the best policy answer in turns, at the end.
const RACED: usize = 60;

/// A prompt, ready to run.
#[derive(Clone)]
struct Ready {
    id: String,
    tokens: Vec<TokenId>,
    gold: Option<TokenId>,
}

/// The prompts that are looked at.
struct Prompts {
    /// What all begin with, if that is run once.
    shared: Vec<TokenId>,
    /// To plan, train and certify on, and to report on if there are no others.
    own: Vec<Ready>,
    /// To report on.
    eval: Vec<Ready>,
}

impl Prompts {
    /// Where prompts go on from.
    fn open<'e, M, P>(&self, engine: &'e EarlyExit<M, P>) -> Result<Session<'e, M, P, ()>>
    where
        M: LayeredModel<Error = ModelError>,
        P: ExitPolicy,
    {
        Ok(if self.shared.is_empty() { engine.session()? } else { engine.prefix(&self.shared)? })
    }

    fn all(&self) -> impl Iterator<Item = &Ready> {
        self.own.iter().chain(&self.eval)
    }

    /// What follows what all begin with.
    fn rest<'p>(&self, prompt: &'p Ready) -> &'p [TokenId] {
        &prompt.tokens[self.shared.len()..]
    }
}

/// The prompts of a file.
fn read(path: &Path, model: &AnyModel) -> Result<Vec<Ready>> {
    let ready = |prompt: &support::Prompt| {
        let (tokens, gold) = prompt.tokens(model)?;
        Ok(Ready { id: prompt.id.clone(), tokens, gold })
    };
    support::Prompt::read(path)?.iter().map(ready).collect()
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let calibration = Calibration::new(args.epsilon, args.delta)?;
    let plain = support::ModelArgs { lens: None, ..args.model.clone() }.open()?;
    let layers = plain.spec().layers;
    ensure!((1..layers).contains(&args.from), "the model has {layers} layers; look from one before the last");
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let own = read(&args.prompts, &plain)?;
    let eval = args.eval.as_ref().map_or(Ok(Vec::new()), |path| read(path, &plain))?;
    let names: BTreeSet<_> = own.iter().chain(&eval).map(|prompt| &prompt.id).collect();
    ensure!(names.len() == own.len() + eval.len(), "two prompts have one id; it must tell them apart");

    let (lens, own) = match args.model.lens() {
        Some(path) => (LinearLens::load(path)?, own),
        None => fit(args, &plain, own)?,
    };
    let shared = match args.shared_prefix {
        true => support::shared_prefix(own.iter().chain(&eval).map(|prompt| prompt.tokens.as_slice())),
        false => Vec::new(),
    };
    let prompts = Prompts { shared, own, eval };
    let linear = plain.with_lens(&lens)?;
    let mut seen = vec![look(args, "logit", &plain, &prompts)?, look(args, "linear", &linear, &prompts)?];
    let candidates = match args.candidates {
        true => Some(Candidates::new(&linear, &answers(&prompts)?)?),
        false => None,
    };
    if let Some(candidates) = &candidates {
        seen.push(look(args, "candidates", candidates, &prompts)?);
    }
    let report = SuitabilityParams::new(calibration).seed(args.seed).assess(&seen)?;
    write(&args.out, "report.txt", &report.to_string())?;
    write(&args.out, "report.json", &report.to_json()?)?;
    write(&args.out, "report.svg", &report.to_svg()?)?;
    for lens in &report.lenses {
        lens.plan.save(args.out.join(format!("{}.plan.json", lens.lens)))?;
        lens.policy.save(args.out.join(format!("{}.policy.json", lens.lens)))?;
    }

    let mut out = std::io::stdout().lock();
    write!(out, "{report}")?;
    if let Some(best) = report.best() {
        let race = match (best.lens.as_str(), &candidates) {
            ("candidates", Some(candidates)) => race(args, &plain, candidates, best, &prompts)?,
            ("linear", _) => race(args, &plain, &linear, best, &prompts)?,
            _ => race(args, &plain, &plain, best, &prompts)?,
        };
        writeln!(out, "\n{race}")?;
        write(&args.out, "race.txt", &race)?;
    }
    writeln!(out, "written to {}", args.out.display())?;
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A lens, fitted on some of the prompts and saved; and the other prompts.
fn fit(args: &Args, model: &AnyModel, prompts: Vec<Ready>) -> Result<(LinearLens, Vec<Ready>)> {
    let mut prompts = prompts;
    support::shuffle(&mut prompts, args.seed, |prompt| &prompt.id);
    let rest = prompts.split_off((FITTED * prompts.len() as f64) as usize);
    let fitted: Vec<_> =
        prompts.into_iter().map(|Ready { id, tokens, .. }| LensPrompt::last(id, tokens)).collect();
    let bar = progress("fitting a lens", 0)?;
    let (lens, _) =
        LinearLensParams::default().from(args.from).seed(args.seed).fit(model, &fitted, |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        })?;
    bar.finish_and_clear();
    lens.save(args.out.join("lens.safetensors"))?;
    Ok((lens, rest))
}

/// The first tokens of all answers.
fn answers(prompts: &Prompts) -> Result<Vec<TokenId>> {
    let gold = |prompt: &Ready| prompt.gold.with_context(|| format!("prompt {:?} has no answer", prompt.id));
    let found = prompts.all().map(gold).collect::<Result<BTreeSet<_>>>()?;
    Ok(found.into_iter().collect())
}

/// What every layer shows through a lens, and what looking through it costs here.
fn look<M>(args: &Args, lens: &str, model: &M, prompts: &Prompts) -> Result<LensTraces>
where
    M: LayeredModel<Error = ModelError>,
{
    let layers = args.from..model.spec().layers;
    let engine = EarlyExit::new(model, Watch::default().at_layers(layers))?;
    let start = prompts.open(&engine)?;
    let bar = progress(&format!("looking: {lens}"), prompts.all().count())?;
    let see = |some: &[Ready]| {
        let mut traces = TraceSet::new(TraceSource::new(model.spec(), lens));
        for prompt in bar.wrap_iter(some.iter()) {
            let mut session = start.fork_watched(Recorder::default())?;
            session.feed(prompts.rest(prompt)).with_context(|| format!("prompt {:?}", prompt.id))?;
            for recorded in session.into_observer().tokens() {
                traces.push(TokenTrace::recorded(prompt.id.as_str(), prompt.gold, recorded)?)?;
            }
        }
        anyhow::Ok(traces)
    };
    let (own, eval) = (see(&prompts.own)?, see(&prompts.eval)?);
    // From the shortest to the longest, as often as they come.
    let mut lengths: Vec<_> = prompts.all().map(|prompt| prompts.rest(prompt)).collect();
    lengths.sort_by_key(|tokens| tokens.len());
    let step = (lengths.len() / MEASURED).max(1);
    let measured: Vec<_> =
        lengths.into_iter().skip(step / 2).step_by(step).map(<[TokenId]>::to_vec).collect();
    let device = args.model.device.to_string();
    let costs = CostParams::default().prefix(prompts.shared.as_slice()).measure(model, device, &measured)?;
    let traces = LensTraces::new(lens, own, costs);
    Ok(if prompts.eval.is_empty() { traces } else { traces.reported(eval) })
}

/// Dense and a policy on the same prompts, in turns: what the clock says.
fn race<M>(
    args: &Args,
    plain: &AnyModel,
    model: &M,
    lens: &LensSuitability,
    prompts: &Prompts,
) -> Result<String>
where
    M: LayeredModel<Error = ModelError>,
{
    let raced = if prompts.eval.is_empty() { &prompts.own } else { &prompts.eval };
    let mut raced: Vec<_> = raced.iter().collect();
    support::shuffle(&mut raced, args.seed.wrapping_add(2), |prompt| &prompt.id);
    raced.truncate(RACED);
    let policy: &SavedPolicy = &lens.policy;
    let (dense, early) = (EarlyExit::new(plain, Never)?, EarlyExit::new(model, policy)?);
    let (dense, early) = (prompts.open(&dense)?, prompts.open(&early)?);
    let (mut dense_s, mut early_s, mut layers, mut same) = (0.0, 0.0, 0.0, 0);
    let bar = progress("dense against early exit", raced.len())?;
    for prompt in bar.wrap_iter(raced.iter()) {
        let tokens = prompts.rest(prompt);
        let (mut dense_ms, mut early_ms, mut steps) = (Vec::new(), Vec::new(), None);
        for _ in 0..3 {
            let (whole, ms) = timed(|| dense.fork()?.feed(tokens));
            dense_ms.push(ms);
            let (step, ms) = timed(|| early.fork()?.feed(tokens));
            early_ms.push(ms);
            steps = Some((whole?, step?));
        }
        let Some((whole, step)) = steps else { continue };
        same += usize::from(whole.token == step.token);
        layers += step.layers_run as f64;
        dense_s += median(dense_ms) / 1000.0;
        early_s += median(early_ms) / 1000.0;
    }
    let (count, all) = (raced.len() as f64, plain.spec().layers as f64);
    let (speed_up, possible) = (dense_s / early_s, count * all / layers);
    let efficiency = match possible > 1.0 {
        true => format!(" (exit efficiency {:.2})", (speed_up - 1.0) / (possible - 1.0)),
        false => String::new(),
    };
    Ok(format!(
        "by the clock, on {count} of these prompts, {} lens: {:.1} of {all} layers, {same} answers as dense's, \
         {:.1} ms against {:.1}: speed-up {speed_up:.3} where the layers saved allow {possible:.3}{efficiency}",
        lens.lens,
        layers / count,
        1000.0 * early_s / count,
        1000.0 * dense_s / count
    ))
}

fn progress(what: &str, length: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {eta} left")?;
    Ok(ProgressBar::new(length as u64).with_style(style).with_message(what.to_owned()))
}

//! Trains a policy on recorded traces, and chooses its threshold with a certificate.
//!
//! ```text
//! cargo run --release --example train --features svm -- --traces traces.jsonl --policy logistic --out policy.json
//! ```

// It opens no model: of what the examples share, it needs only how a program ends.
#[path = "support/program.rs"]
mod support;

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use adainfer::policies::{
    AnyPolicy, Calibration, CrfParams, EntropyThreshold, FeatureSet, Fit, FitReport, GapThreshold, Label,
    LogisticParams, Patience, Replay, SavedPolicy, TopProbThreshold, TraceSet,
};
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

/// Train a policy on recorded traces, and choose its threshold so that what it changes stays bounded.
///
/// Half of the prompts train, the other half calibrate: of further prompts like these, at most the share EPSILON
/// gets another answer than from the whole model, but for a probability DELTA. Where nothing can be certified, the
/// policy that is written never exits.
#[derive(clap::Parser)]
struct Args {
    /// Traces, as the example `record` writes them
    #[arg(long, value_name = "FILE")]
    traces: PathBuf,
    /// What is trained; those up to patience have only a threshold
    #[arg(long, value_enum, default_value_t = Kind::Logistic)]
    policy: Kind,
    /// What a trained policy looks at [default: base; eight for logistic]
    #[arg(long, value_enum)]
    features: Option<Features>,
    /// Where an exit is held to be right, in training
    #[arg(long, value_enum, default_value_t = Right::Dense)]
    label: Right,
    /// The first layer that it looks after
    #[arg(long, value_name = "LAYER", default_value_t = 1)]
    look_from: usize,
    #[arg(long, default_value_t = 0.05)]
    epsilon: f64,
    #[arg(long, default_value_t = 0.05)]
    delta: f64,
    /// Which prompts train
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the policy goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    Gap,
    TopProb,
    Entropy,
    Patience,
    Logistic,
    Crf,
    #[cfg(feature = "svm")]
    Svm,
    #[cfg(feature = "svm")]
    SvmLinear,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Features {
    /// Gap and top prob
    Base,
    /// Their changes from layer to layer and their products too
    Six,
    /// And how often, and whether again, the token is the same
    Eight,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Right {
    /// Where the token is the last layer's
    Dense,
    /// Where it is the gold token
    Gold,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let calibration = Calibration::new(args.epsilon, args.delta)?;
    let steps = ProgressBar::new(3).with_style(ProgressStyle::with_template("{bar:40} {msg}")?);
    steps.set_message("reading the traces");
    let file = File::open(&args.traces).with_context(|| format!("cannot read {}", args.traces.display()))?;
    let traces = TraceSet::read(BufReader::new(file))
        .with_context(|| format!("{} is not a file of traces", args.traces.display()))?;
    let layers = traces.source().layers;
    ensure!(
        (1..layers).contains(&args.look_from),
        "the model has {layers} layers; look from one before the last"
    );
    let (training, held_out) = traces.at_layers(args.look_from..layers).split(0.5, args.seed);

    steps.inc(1);
    steps.set_message("training");
    let (policy, report) = args.fit(&training)?;
    steps.inc(1);
    steps.set_message("calibrating");
    let certified = calibration.calibrate(&policy, &held_out)?;
    let saved = SavedPolicy::from(certified);
    saved.save(&args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    steps.finish_and_clear();

    let mut out = std::io::stdout().lock();
    if let Some(report) = report {
        let FitReport { rows, sampled_from, right, iterations, objective, .. } = report;
        writeln!(out, "trained on          {rows} of {sampled_from} probes, an exit was right at {right}")?;
        writeln!(out, "solver              {iterations} steps, objective {objective:.6}")?;
        if let Some(vectors) = report.support_vectors {
            writeln!(out, "support vectors     {vectors}")?;
        }
    }
    writeln!(out, "calibrated on       {} prompts", held_out.prompts().len())?;
    match saved.certificate().and_then(|certificate| certificate.threshold) {
        Some(threshold) => {
            let replay = Replay::new(&saved, &held_out);
            writeln!(out, "threshold           {threshold:.4}")?;
            writeln!(out, "agreement there     {:.4}", replay.agreement)?;
            writeln!(
                out,
                "mean layers         {:.2} of {layers}, heads {:.2}",
                replay.mean_layers, replay.mean_heads
            )?;
        }
        None => writeln!(out, "threshold           none can be certified: the policy never exits")?,
    }
    writeln!(out, "written to          {}", args.out.display())?;
    Ok(())
}

impl Args {
    fn fit(&self, traces: &TraceSet) -> Result<(AnyPolicy, Option<FitReport>)> {
        let label = match self.label {
            Right::Dense => Label::Dense,
            Right::Gold => Label::Gold,
        };
        let features = match self.features {
            Some(Features::Six) => FeatureSet::six(),
            Some(Features::Eight) => FeatureSet::eight(),
            None if self.policy == Kind::Logistic => FeatureSet::eight(),
            _ => FeatureSet::base(),
        };
        Ok(match self.policy {
            Kind::Gap => (GapThreshold::default().into(), None),
            Kind::TopProb => (TopProbThreshold::new(0.9)?.into(), None),
            Kind::Entropy => (EntropyThreshold::new(0.5)?.into(), None),
            Kind::Patience => (Patience::new(3).into(), None),
            Kind::Logistic => fitted(&LogisticParams::default().features(features).label(label), traces)?,
            Kind::Crf => fitted(&CrfParams::default().features(features).label(label), traces)?,
            #[cfg(feature = "svm")]
            Kind::Svm => fitted(&svm(features, label), traces)?,
            #[cfg(feature = "svm")]
            Kind::SvmLinear => {
                fitted(&svm(features, label).kernel(adainfer::policies::SvmKernel::Linear), traces)?
            }
        })
    }
}

#[cfg(feature = "svm")]
fn svm(features: FeatureSet, label: Label) -> adainfer::policies::SvmParams {
    adainfer::policies::SvmParams::default().features(features).label(label)
}

fn fitted<F: Fit<Policy: Into<AnyPolicy>>>(
    params: &F,
    traces: &TraceSet,
) -> Result<(AnyPolicy, Option<FitReport>)> {
    let (policy, report) = params.fit(traces)?;
    Ok((policy.into(), Some(report)))
}

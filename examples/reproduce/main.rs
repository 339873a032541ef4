//! The paper's experiments: every table and figure, for the models that are at hand.
//!
//! ```text
//! cargo run --release --example reproduce --features eval,fit,svm -- --data tasks --limit 20 --shots 0,5 --out results
//! ```

mod asked;
mod plan;
#[path = "../support/question.rs"]
mod question;
mod record;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adainfer::core::Extras;
use adainfer::eval::{Question, Recording};
use adainfer::prelude::*;
use anyhow::{Context, Result, bail};
use asked::{Asked, Split, Tasks};
use indicatif::{ProgressBar, ProgressStyle};
use plan::{Plan, PlannedModel, Shots};
use record::{Models, record};

/// Reproduce the paper's tables and figures: tasks, methods, and how policies generalise.
///
/// Every model runs each prompt once, to its last layer, with a look after each; what a policy would have done is replayed from that.
/// A linear lens is fitted, policies are trained and certified on the tasks' pools, and everything is evaluated on the other
/// questions.
///
/// The folder gets the traces and the lens while it runs, from which an interrupted run goes on, and at the end report.json,
/// report.html, tables as Markdown and CSV, and figures as SVG.
#[derive(clap::Parser)]
struct Args {
    /// What to run, as TOML; without it the paper's experiments
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The folder of the tasks: in it one a task, with train.jsonl and eval.jsonl or the files that the benchmark is published in
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The first model of the plan, instead of the one that it names: a GGUF file, a Hugging Face folder or hf:owner/name
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    #[arg(long, value_name = "DEVICE", default_value_t = adainfer::burn::Device::Cpu)]
    device: adainfer::burn::Device,
    /// No more than so many questions of a task, and prompts to train on
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only these numbers of demonstrations of the plan, as 0,5
    #[arg(long, value_name = "K", value_delimiter = ',')]
    shots: Option<Vec<usize>>,
    /// What draws demonstrations and training prompts, instead of the plan's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn main() -> ExitCode {
    support::run(run)
}

/// All that is recorded.
#[derive(Default)]
struct Recorded {
    train: Vec<Recording>,
    eval: Vec<Recording>,
}

fn run(args: &Args) -> Result<()> {
    let plan = args.plan()?;
    let traces = args.out.join("traces");
    std::fs::create_dir_all(&traces).with_context(|| format!("cannot make {}", traces.display()))?;
    let open = |task: &plan::PlannedTask| Ok((task.name.clone(), Tasks::open(task, args.data.as_deref())?));
    let tasks = plan.tasks.iter().map(open).collect::<Result<Vec<_>>>()?;

    let mut recorded = Recorded::default();
    for planned in &plan.models {
        let Some(path) = &planned.path else { continue };
        let model = support::ModelArgs {
            model: (path != "default").then(|| path.clone()),
            device: args.device.clone(),
            dtype: adainfer::burn::Dtype::F32,
            lens: None,
        };
        record_model(&plan, planned, model.open()?, &tasks, &args.out, &mut recorded)?;
    }
    for recording in recorded.train.iter().chain(&recorded.eval) {
        println!(
            "{} {} {} {}: {} traces",
            recording.model,
            recording.lens,
            recording.task,
            recording.shots,
            recording.traces.tokens().len()
        );
    }
    Ok(())
}

impl Args {
    fn plan(&self) -> Result<Plan> {
        let mut plan = Plan::read(self.plan.as_deref())?;
        if let Some(limit) = self.limit {
            plan = plan.limited(limit);
        }
        if let Some(shots) = &self.shots {
            plan = plan.with_shots(shots)?;
        }
        if let (Some(model), Some(first)) = (&self.model, plan.models.first_mut()) {
            first.path = Some(model.clone());
        }
        plan.seed = self.seed.unwrap_or(plan.seed);
        if plan.models.iter().all(|model| model.path.is_none()) {
            bail!("no model of the plan has a path: name one with --model");
        }
        Ok(plan)
    }
}

/// Prompts that layers are judged by, of each task.
const JUDGES: usize = 4;

fn record_model(
    plan: &Plan,
    planned: &PlannedModel,
    model: AnyModel,
    tasks: &[(String, Tasks)],
    out: &Path,
    recorded: &mut Recorded,
) -> Result<()> {
    let style = ProgressStyle::with_template("{bar:40} {percent}% {msg}, {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style);
    let Some(&main) = plan.shots.iter().find(|shots| shots.train > 0) else { return Ok(()) };
    let ask = |shots: Shots, split, skip, limit| -> Result<Vec<(String, Vec<Asked>)>> {
        let ask = |(name, task): &(String, Tasks)| {
            let asked = task.ask(&model, shots, split, skip, limit, plan.seed);
            Ok((name.clone(), asked.with_context(|| format!("task {name:?}, {} shots", shots.k))?))
        };
        tasks.iter().map(ask).collect()
    };
    let flat = |asked: Vec<(String, Vec<Asked>)>| -> Vec<Question> {
        asked.into_iter().flat_map(|(_, asked)| asked).flat_map(|asked| asked.questions).collect()
    };
    let most = plan.shots.iter().map(|shots| shots.train).max().unwrap_or(0);
    let fitted = flat(ask(main, Split::Lens, most, plan.lens)?);
    let judges = flat(ask(main, Split::Train, 0, JUDGES)?);
    let stem = slug(&planned.name);
    let lens = out.join(format!("{stem}.lens.safetensors"));
    let models = Models::new(model.clone(), &lens, &fitted, planned.pruned, &judges, &bar)?;

    let mut work = Vec::new();
    for &shots in &plan.shots {
        work.push((shots, Split::Train, ask(shots, Split::Train, 0, shots.train)?));
        work.push((shots, Split::Eval, ask(shots, Split::Eval, 0, shots.limit)?));
    }
    let pruned = match &models.pruned {
        Some(_) => {
            let ask = |shots: &Shots| ask(*shots, Split::Eval, 0, plan.pruned.min(shots.limit));
            plan.shots.iter().map(ask).collect::<Result<Vec<_>>>()?
        }
        None => Vec::new(),
    };
    let tokens = |asked: &Asked| -> u64 {
        asked.questions.iter().map(|question| (question.tokens.len() - asked.shared.len()) as u64).sum()
    };
    let whole: u64 = work.iter().flat_map(|(.., tasks)| tasks).flat_map(|(_, asked)| asked).map(tokens).sum();
    let less: u64 = pruned.iter().flatten().flat_map(|(_, asked)| asked).map(tokens).sum();
    bar.reset();
    bar.set_length(whole + less);

    let mut keep = |model: &str, lens: &str, task: &str, shots: usize, split, asked: &[Asked], traces| {
        let questions = asked.iter().flat_map(|asked| asked.questions.iter().cloned()).collect();
        let (model, lens, task) = (model.to_owned(), lens.to_owned(), task.to_owned());
        let recording = Recording { model, lens, task, shots, questions, traces };
        if split == Split::Train { recorded.train.push(recording) } else { recorded.eval.push(recording) }
    };
    let file = |name: &str, task: &str, k: usize, split: Split| {
        let (out, end) = (out.join("traces"), format!("{task}.{k}.{}", split.name()));
        let name = slug(name);
        move |lens: &str| out.join(format!("{name}.{lens}.{end}.jsonl"))
    };
    for (shots, split, tasks) in &work {
        for (task, asked) in tasks {
            bar.set_message(format!("{}: {task}, {} shots, {}", planned.name, shots.k, split.name()));
            let lenses = [("logit", &models.plain), ("linear", &models.linear)];
            let file = file(&planned.name, task, shots.k, *split);
            for ((lens, _), traces) in lenses.iter().zip(record(&lenses, Extras::ALL, asked, file, &bar)?) {
                keep(&planned.name, lens, task, shots.k, *split, asked, traces);
            }
        }
    }
    let name = format!("{} without {}", planned.name, planned.pruned);
    for (shots, tasks) in plan.shots.iter().zip(&pruned) {
        let Some(model) = &models.pruned else { continue };
        for (task, asked) in tasks {
            bar.set_message(format!("{name}: {task}, {} shots", shots.k));
            let file = file(&name, task, shots.k, Split::Eval);
            for traces in record(&[("logit", model)], Extras::NONE, asked, file, &bar)? {
                keep(&name, "logit", task, shots.k, Split::Eval, asked, traces);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// A name as a part of a file's.
fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

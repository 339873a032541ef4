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
mod run;
#[path = "../support/spoken.rs"]
mod spoken;
#[path = "../support/mod.rs"]
mod support;
mod timed;
mod written;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use adainfer::burn::{Device, Dtype, WeightFormat};
use adainfer::eval::{ModelEntry, Study, TaskEntry};
use anyhow::{Context, Result, bail, ensure};
use asked::Tasks;
use plan::{Plan, PlannedTask};
use run::{Recorded, Running};

/// Reproduce the paper's tables and figures: tasks, methods, and how policies generalise.
///
/// Every model runs each prompt once, to its last layer, with a look after each; what a policy would have done is replayed from that.
/// A linear lens is fitted, policies are trained and certified on the tasks' pools, and everything is evaluated on the other
/// questions. Then dense and early exit answer some questions in turns, by the clock and in words.
///
/// The folder gets the lens, traces and answers while it runs, from which an interrupted run goes on, and at the end the policies,
/// report.json, report.html, tables as Markdown and CSV, and figures as SVG.
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
    /// What models run on
    #[arg(long, value_name = "DEVICE", default_value_t = Device::Cpu)]
    device: Device,
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

fn run(args: &Args) -> Result<()> {
    let plan = args.plan()?;
    let open = |task: &PlannedTask| Ok((task.clone(), Tasks::open(task, args.data.as_deref())?));
    let tasks = plan.tasks.iter().map(open).collect::<Result<Vec<_>>>()?;
    for folder in ["traces", "answers", "policies"] {
        let folder = args.out.join(folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }

    let (mut recorded, mut running, mut models) = (Recorded::default(), Vec::new(), Vec::new());
    for planned in &plan.models {
        let Some(path) = &planned.path else {
            models.push(not_run(&planned.name, planned.layers));
            continue;
        };
        let model = support::ModelArgs {
            model: (path != "default").then(|| path.clone()),
            device: args.device.clone(),
            dtype: Dtype::F32,
            weights: WeightFormat::Float,
            lens: None,
        };
        let model = Running::new(&plan, planned, model.open()?, &tasks, &args.out)?;
        model.record(&mut recorded)?;
        models.extend(model.entries());
        running.push(model);
    }

    let entry = |task: &PlannedTask| TaskEntry { name: task.name.clone(), kind: task.kind.clone() };
    let entries = plan.tasks.iter().map(entry).collect();
    let study = Study::new(models, entries, &recorded.train, &recorded.eval)?.seed(plan.seed);
    eprintln!("training policies");
    let methods = study.train()?;
    for method in &methods {
        let name = slug(&format!("{} {} {}", method.model, method.lens, method.name));
        method.policy.save(args.out.join("policies").join(format!("{name}.json")))?;
    }
    eprintln!("replaying them");
    let mut report = study.report(&methods)?;
    for model in &running {
        model.time(&methods, &args.device, &mut report)?;
    }
    let mut out = std::io::stdout().lock();
    for table in written::write(&report, &args.out)? {
        writeln!(out, "{table}")?;
    }
    Ok(writeln!(out, "written to {}", args.out.display())?)
}

impl Args {
    fn plan(&self) -> Result<Plan> {
        let mut plan = Plan::read(self.plan.as_deref())?;
        if let Some(limit) = self.limit {
            ensure!(limit > 0, "a limit of 0 leaves nothing to run");
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

fn not_run(name: &str, layers: Option<usize>) -> ModelEntry {
    ModelEntry { name: name.to_owned(), layers, fingerprint: None, hidden: 0, vocab: 0, pruned_from: None }
}

/// A name as a part of a file's.
fn slug(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(keep).collect()
}

//! Prompts of a task, as JSON Lines for the examples that take prompts.
//!
//! ```text
//! cargo run --release --example render --features eval -- --task plurals --shots 3 --out plurals.jsonl
//! ```

// It opens no model: of what the examples share, it needs only how a program ends.
#[path = "support/program.rs"]
mod support;
#[allow(dead_code)]
#[path = "support/render.rs"]
mod tasks;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tasks::RenderArgs;

/// Write the prompts of a task as JSON Lines: {"id": "7", "prompt": "Q: 2 + 2\nA:", "answer": [" 4"]}.
///
/// Tasks are those of the example `evaluate`. `fit_lens`, `record`, `suitability`, `label_probe` and `evaluate` take such files.
#[derive(clap::Parser)]
struct Args {
    /// The task's name
    #[arg(long)]
    task: String,
    /// Whose prompts: of the questions for evaluation, or of those for training and demonstrations
    #[arg(long, default_value = "eval", value_parser = ["eval", "pool"])]
    split: String,
    #[command(flatten)]
    render: RenderArgs,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let task = args.render.task(&args.task)?;
    let questions = if args.split == "pool" { &task.pool } else { &task.eval };
    let prompts = args.render.prompts(questions, &task.pool, None)?;
    ensure!(!prompts.is_empty(), "a limit of 0 leaves no prompt to write");
    let write = || {
        let mut file = BufWriter::new(File::create(&args.out)?);
        for prompt in &prompts {
            let line = json!({"id": prompt.id, "prompt": prompt.text, "answer": prompt.answers});
            writeln!(file, "{line}")?;
        }
        file.flush()
    };
    write().with_context(|| format!("cannot write {}", args.out.display()))?;
    Ok(writeln!(std::io::stdout().lock(), "{} prompts written to {}", prompts.len(), args.out.display())?)
}

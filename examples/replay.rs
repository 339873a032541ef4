//! Runs a policy over recorded traces, without the model: what it would have answered, for every threshold.
//!
//! ```text
//! cargo run --release --example replay -- --traces traces.jsonl --policy policy.json --csv frontier.csv --svg frontier.svg
//! ```

// It opens no model: of what the examples share, it needs only how a program ends.
#[path = "support/program.rs"]
mod support;

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adainfer::policies::{Replay, SavedPolicy, ScoringPolicy, TraceSet};
use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

/// Run a policy over recorded traces: what it would have answered, and what that would have cost, at its own
/// threshold and at others.
#[derive(clap::Parser)]
struct Args {
    /// Traces, as the example `record` writes them
    #[arg(long, value_name = "FILE")]
    traces: PathBuf,
    /// A policy, as the example `train` writes it
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Rows of the table at most: thresholds of the policy's grid that differ in what they do
    #[arg(long, value_name = "N", default_value_t = 12)]
    rows: usize,
    /// Write every threshold of the grid as CSV too
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw the frontier
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let file = File::open(&args.traces).with_context(|| format!("cannot read {}", args.traces.display()))?;
    let traces = TraceSet::read(BufReader::new(file))
        .with_context(|| format!("{} is not a file of traces", args.traces.display()))?;
    let saved = SavedPolicy::load(&args.policy)
        .with_context(|| format!("{} is not a policy", args.policy.display()))?;
    saved.accepts(traces.source())?;

    let grid = saved.policy().grid();
    let swept = Replay::sweep(saved.policy(), &traces, &grid);
    let points: Vec<_> = grid.iter().copied().zip(swept).collect();
    let own = Replay::new(&saved, &traces);

    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:>10} {:>9} {:>8} {:>11} {:>8} {:>11}",
        "threshold", "agreement", "accuracy", "mean layers", "pruned", "mean heads"
    )?;
    // Many thresholds of a grid do the same; of those, the first.
    let different: Vec<_> = points.chunk_by(|a, b| a.1 == b.1).filter_map(<[_]>::first).collect();
    let step = different.len().div_ceil(args.rows.max(1));
    for (threshold, replay) in different.into_iter().step_by(step) {
        row(&mut out, &format!("{threshold:.4}"), replay)?;
    }
    row(&mut out, "its own", &own)?;
    let settled = (own.mean_optimal_layer, own.mean_saturation_layer);
    writeln!(
        out,
        "first right after layer {:.2} on average, right from layer {:.2} on",
        settled.0, settled.1
    )?;
    if let Some(path) = &args.csv {
        csv(path, &points).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &args.svg {
        draw(path, &points, &own).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn row(out: &mut impl Write, name: &str, replay: &Replay) -> Result<()> {
    let accuracy = replay.accuracy.map_or("-".to_owned(), |accuracy| format!("{accuracy:.4}"));
    let Replay { agreement, mean_layers, pruning_ratio, mean_heads, .. } = replay;
    let pruned = format!("{:.1} %", 100.0 * pruning_ratio);
    Ok(writeln!(
        out,
        "{name:>10} {agreement:>9.4} {accuracy:>8} {mean_layers:>11.2} {pruned:>8} {mean_heads:>11.2}"
    )?)
}

fn csv(path: &Path, points: &[(f64, Replay)]) -> Result<()> {
    let mut file = std::io::BufWriter::new(File::create(path)?);
    writeln!(file, "threshold,tokens,agreement,accuracy,mean_layers,variance,pruning_ratio,mean_heads")?;
    for (threshold, replay) in points {
        let Replay { tokens, agreement, mean_layers, variance, pruning_ratio, mean_heads, .. } = replay;
        let accuracy = replay.accuracy.map(|accuracy| accuracy.to_string()).unwrap_or_default();
        writeln!(
            file,
            "{threshold},{tokens},{agreement},{accuracy},{mean_layers},{variance},{pruning_ratio},{mean_heads}"
        )?;
    }
    Ok(file.flush()?)
}

/// Agreement against mean layers: a line through the grid's thresholds, and a dot for the policy's own.
fn draw(path: &Path, points: &[(f64, Replay)], own: &Replay) -> Result<()> {
    let place = |replay: &Replay| (replay.mean_layers, replay.agreement);
    let lowest = points.iter().map(|(_, replay)| replay.agreement).fold(own.agreement, f64::min);
    let area = SVGBackend::new(path, (640, 440)).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("What an earlier exit changes", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..own.layers as f64, (lowest - 0.02).max(0.0)..1.005)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc("mean layers run")
        .y_desc("agreement with the whole model")
        .light_line_style(WHITE)
        .draw()
        .map_err(failed)?;
    let line = points.iter().map(|(_, replay)| place(replay));
    chart.draw_series(LineSeries::new(line, BLUE.stroke_width(2))).map_err(failed)?;
    chart.draw_series([Circle::new(place(own), 5, RED.filled())]).map_err(failed)?;
    area.present().map_err(failed)
}

fn failed(error: impl std::error::Error) -> anyhow::Error {
    anyhow!("{error}")
}

//! Criterion's results as Markdown: what each backend takes, and what leaving early saves.
//!
//! ```text
//! cargo bench --bench backends
//! cargo run --example bench_table
//! ```

// It opens no model: of what the examples share, it needs only how a program ends.
#[path = "support/program.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// Print criterion's results as Markdown: a table of medians, and one of the functions "exit L of N".
///
/// A ratio is to the first group of the same model, the text before " on ". A perfect exit takes its layers'
/// share of the dense time, so its speed-up is N / L; efficiency is (speed-up - 1) / (perfect - 1).
#[derive(clap::Parser)]
struct Args {
    /// Criterion's folder [default: criterion in CARGO_TARGET_DIR, or target/criterion]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Show the groups whose names contain this [default: those that have an "exit L of N"]
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,
}

impl Args {
    fn folder(&self) -> PathBuf {
        let target = || env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
        let default = || PathBuf::from(target().unwrap_or("target".into())).join("criterion");
        self.from.clone().unwrap_or_else(default)
    }
}

/// What was measured: criterion's `benchmark.json`. Beside it are the times, `estimates.json`.
#[derive(Deserialize)]
struct BenchmarkId {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

/// A median, and by how many percent the upper end of its confidence interval is above the lower.
#[derive(Debug, Clone, Copy)]
struct Time {
    ms: f64,
    spread: f64,
}

impl Time {
    fn of(estimates: &Value) -> Option<Self> {
        let nanoseconds = |key| estimates.pointer(key)?.as_f64().filter(|&time| time > 0.0);
        let lower = nanoseconds("/median/confidence_interval/lower_bound")?;
        let upper = nanoseconds("/median/confidence_interval/upper_bound")?;
        let ms = nanoseconds("/median/point_estimate")? / 1e6;
        Some(Self { ms, spread: (upper / lower - 1.0) * 100.0 })
    }
}

/// A group's times by function.
type Group = BTreeMap<String, Time>;
/// Named groups, in the order in which they are shown.
type Groups<'a> = Vec<(&'a str, &'a Group)>;

/// Adds every `new/benchmark.json` below the folder; beside `new` are older runs.
fn read(folder: &Path, groups: &mut BTreeMap<String, Group>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            read(&entry.path(), groups)?;
        }
    }
    let (path, estimates) = (folder.join("benchmark.json"), folder.join("estimates.json"));
    if folder.ends_with("new") && path.exists() {
        let BenchmarkId { group_id, function_id, value_str } = parse(&path)?;
        let time = Time::of(&parse(&estimates)?)
            .with_context(|| format!("{} has no median with an interval", estimates.display()))?;
        let function = [function_id, value_str].into_iter().flatten().collect::<Vec<_>>().join("/");
        let other = groups.entry(group_id).or_default().insert(function, time);
        ensure!(other.is_none(), "{} names what another folder names too", path.display());
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not criterion's", path.display()))
}

/// A run that stops after a layer.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Exit {
    layers: u32,
    layer: u32,
}

impl Exit {
    fn of(function: &str) -> Option<Self> {
        let (layer, layers) = function.strip_prefix("exit ")?.split_once(" of ")?;
        let exit = Self { layers: layers.parse().ok()?, layer: layer.parse().ok()? };
        (1..=exit.layers).contains(&exit.layer).then_some(exit)
    }

    /// The speed-up if time were layers.
    fn perfect(&self) -> f64 {
        f64::from(self.layers) / f64::from(self.layer)
    }

    /// How much of a perfect exit's gain a speed-up is; after the last layer there is none.
    fn efficiency(&self, speed_up: f64) -> Option<f64> {
        (self.layer < self.layers).then(|| (speed_up - 1.0) / (self.perfect() - 1.0))
    }
}

fn model_and_device(group: &str) -> (&str, &str) {
    group.rsplit_once(" on ").unwrap_or((group, ""))
}

/// Orders functions as a query meets them, and 32 before 300: of two numbers the longer is the greater.
fn function_order(function: &str) -> (usize, Vec<(usize, &[u8])>) {
    let kinds = ["prefill", "decode", "probe"];
    let kind = kinds.iter().position(|kind| function.starts_with(kind)).unwrap_or(kinds.len());
    let parts = function.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let digits = |part: &[u8]| part.iter().filter(|byte| byte.is_ascii_digit()).count();
    (kind, parts.map(|part| (digits(part), part)).collect())
}

/// The groups that contain one of the names, each of which must be there; without names, those with exits.
fn chosen<'a>(groups: &'a BTreeMap<String, Group>, names: &[String]) -> Result<Groups<'a>> {
    let all = groups.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(name) = names.iter().find(|&name| !groups.keys().any(|group| group.contains(name))) {
        bail!("no group has {name:?} in its name; there are: {all}");
    }
    let is_chosen = |group: &str, functions: &Group| match names {
        [] => functions.keys().any(|function| Exit::of(function).is_some()),
        _ => names.iter().any(|name| group.contains(name)),
    };
    let groups = groups.iter().map(|(name, group)| (name.as_str(), group));
    let mut groups: Groups<'_> = groups.filter(|(name, group)| is_chosen(name, group)).collect();
    ensure!(!groups.is_empty(), "no group has an \"exit L of N\"; name some of: {all}");
    groups.sort_by_key(|&(name, _)| {
        let (model, device) = model_and_device(name);
        (model, device != "cpu", device)
    });
    Ok(groups)
}

/// The power of ten of the first of three figures: 1 for 9.996, which is rounded to 10.0.
fn exponent(value: f64) -> i32 {
    format!("{value:.2e}").rsplit_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0)
}

/// Three figures, or all that are before the point.
fn time(ms: f64) -> String {
    format!("{ms:.*}", (2 - exponent(ms)).max(0) as usize)
}

/// Two places, or as many as two figures need.
fn ratio(value: f64) -> String {
    format!("{value:.*}", (1 - exponent(value)).max(2) as usize)
}

fn markdown(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: String = rows.map(|cells| format!("| {} |\n", cells.join(" | "))).collect();
    if rows.is_empty() {
        return rows;
    }
    format!("| {} |\n|---|{}\n{rows}\n", header.join(" | "), "---:|".repeat(header.len() - 1))
}

/// What was not measured is an empty cell; what is measured in the model's first group too has a ratio.
fn functions_table(groups: &Groups<'_>) -> String {
    let first = |name: &str| {
        let is_first = |group: &&(&str, &Group)| model_and_device(group.0).0 == model_and_device(name).0;
        groups.iter().find(is_first).filter(|group| group.0 != name)
    };
    let cell = |function: &str, (name, group): &(&str, &Group)| {
        let ms = group.get(function)?.ms;
        let first = first(name).and_then(|first| first.1.get(function));
        Some(time(ms) + &first.map_or(String::new(), |first| format!(" ({})", ratio(ms / first.ms))))
    };
    let functions = groups.iter().flat_map(|group| group.1.keys()).filter(|name| Exit::of(name).is_none());
    let functions: BTreeSet<_> = functions.map(|name| (function_order(name), name)).collect();
    let rows = functions.into_iter().map(|(_, function)| {
        let cells = groups.iter().map(|group| cell(function, group).unwrap_or_default());
        [function.clone()].into_iter().chain(cells).collect()
    });
    let header: Vec<_> = ["ms (ratio)"].into_iter().chain(groups.iter().map(|group| group.0)).collect();
    markdown(&header, rows)
}

fn exits_table(groups: &Groups<'_>) -> String {
    let places = |value: Option<f64>| value.map(|value| format!("{value:.2}")).unwrap_or_default();
    let rows = groups.iter().flat_map(|&(name, group)| {
        let exits = group.iter().filter_map(|(function, time)| Some((Exit::of(function)?, time.ms)));
        BTreeMap::from_iter(exits).into_iter().map(move |(exit, ms)| {
            let Exit { layers, layer } = exit;
            let dense = group.get(&format!("exit {layers} of {layers}"));
            let speed_up = dense.map(|dense| dense.ms / ms);
            let efficiency = speed_up.and_then(|speed_up| exit.efficiency(speed_up));
            let [fraction, perfect] = [1.0 / exit.perfect(), exit.perfect()].map(|value| places(Some(value)));
            let exit = format!("{layer} of {layers}");
            vec![name.to_owned(), exit, fraction, time(ms), places(speed_up), perfect, places(efficiency)]
        })
    });
    markdown(&["group", "exit", "fraction", "ms", "speed-up", "perfect", "efficiency"], rows)
}

/// How noisy the run was.
fn widest_spread(groups: &Groups<'_>) -> String {
    let spreads = groups.iter().flat_map(|(group, times)| {
        times.iter().map(move |(function, time)| (time.spread, format!("{function}, {group}")))
    });
    let (spread, place) = spreads.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
    format!(
        "Widest spread, upper over lower end of a median's confidence interval: {spread:.1} % ({place}).\n"
    )
}

fn run(args: &Args) -> Result<()> {
    let folder = args.folder();
    ensure!(folder.is_dir(), "{} is no folder; run the benchmark or give --from", folder.display());
    let mut groups = BTreeMap::new();
    read(&folder, &mut groups)?;
    ensure!(!groups.is_empty(), "{} has no results of criterion", folder.display());
    let groups = chosen(&groups, &args.groups)?;
    let text = functions_table(&groups) + &exits_table(&groups) + &widest_spread(&groups);
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

fn main() -> ExitCode {
    support::run(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efficiency_is_1_of_a_perfect_exit_and_0_of_one_that_saves_nothing() {
        let exit = Exit::of("exit 8 of 30").unwrap();
        assert_eq!(exit.efficiency(exit.perfect()), Some(1.0));
        assert_eq!(exit.efficiency(1.0), Some(0.0));
        assert_eq!(Exit::of("exit 30 of 30").unwrap().efficiency(1.0), None);
        assert!(["exit 0 of 30", "exit 31 of 30", "exit 8", "probe"].iter().all(|f| Exit::of(f).is_none()));
    }

    #[test]
    fn functions_are_in_natural_order() {
        let wanted = ["prefill 32", "prefill 300", "prefill 1000", "decode after 300", "probe", "a"];
        assert!(wanted.is_sorted_by_key(|function| function_order(function)));
    }

    #[test]
    fn figures_that_say_something_are_shown() {
        assert_eq!([1234.5, 12.34, 9.996, 0.001234].map(time), ["1234", "12.3", "10.0", "0.00123"]);
        assert_eq!([12.34, 0.454, 0.0043].map(ratio), ["12.34", "0.45", "0.0043"]);
    }

    #[test]
    fn what_was_not_measured_is_an_empty_cell() {
        let group = |functions: &[&str]| {
            Group::from_iter(functions.iter().map(|f| (f.to_string(), Time { ms: 2.0, spread: 0.0 })))
        };
        let (cpu, gpu) = (group(&["probe"]), group(&["decode", "probe", "exit 1 of 2"]));
        let groups = vec![("m on cpu", &cpu), ("m on gpu", &gpu)];
        assert!(
            functions_table(&groups).ends_with("\n| decode |  | 2.00 |\n| probe | 2.00 | 2.00 (1.00) |\n\n")
        );
        assert!(exits_table(&groups).ends_with("\n| m on gpu | 1 of 2 | 0.50 | 2.00 |  | 2.00 |  |\n\n"));
    }

    #[test]
    fn a_malformed_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("new")).unwrap();
        let path = |name| folder.path().join("new").join(name).with_extension("json");
        let id = r#"{"group_id": "g"}"#;
        let steps = [
            ("benchmark", "{", "benchmark"),
            ("benchmark", id, "estimates"),
            ("estimates", "{}", "estimates"),
        ];
        for (file, text, named) in steps.map(|(file, text, named)| (path(file), text, path(named))) {
            fs::write(file, text).unwrap();
            let error = read(folder.path(), &mut BTreeMap::new()).unwrap_err().to_string();
            assert!(error.contains(&*named.to_string_lossy()), "{error}");
        }
    }
}

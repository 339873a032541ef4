//! The example `bench_table`, run as its users run it, on folders like those that criterion leaves.
// Clippy lets tests unwrap, but not the functions that they share.
#![allow(clippy::unwrap_used)]

// Cargo runs no tests in an example, so they run here.
#[allow(dead_code)]
#[path = "../examples/bench_table.rs"]
mod bench_table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;
use tempfile::TempDir;

/// Groups with their functions, and the milliseconds that these take.
const MEASURED: [(&str, &[(&str, f64)]); 4] = [
    (
        "smollm2 f32 on cpu",
        &[
            ("prefill 300", 480.04),
            ("prefill 32", 65.0),
            ("prefill 1000", 1732.3),
            ("decode after 300", 21.1),
            ("probe", 3.8),
            ("exit 30 of 30", 500.0),
            ("exit 15 of 30", 250.0),
            ("exit 8 of 30", 200.0),
            ("exit 23 of 30", 505.0),
        ],
    ),
    (
        "smollm2 f32 on accelerate",
        &[("prefill 300", 2.4), ("prefill 32", 29.25), ("decode before", 0.0123), ("exit 15 of 30", 9.996)],
    ),
    ("llama2-7b f16 on cuda:0", &[("probe", 1.0), ("exit 32 of 32", 12.0)]),
    ("session", &[("overhead of 32 layers", 0.00062)]),
];

const TABLES: &str = "\
| ms (ratio) | llama2-7b f16 on cuda:0 | smollm2 f32 on cpu | smollm2 f32 on accelerate |
|---|---:|---:|---:|
| prefill 32 |  | 65.0 | 29.2 (0.45) |
| prefill 300 |  | 480 | 2.40 (0.0050) |
| prefill 1000 |  | 1732 |  |
| decode after 300 |  | 21.1 |  |
| decode before |  |  | 0.0123 |
| probe | 1.00 | 3.80 |  |

| group | exit | fraction | ms | speed-up | perfect | efficiency |
|---|---:|---:|---:|---:|---:|---:|
| llama2-7b f16 on cuda:0 | 32 of 32 | 1.00 | 12.0 | 1.00 | 1.00 |  |
| smollm2 f32 on cpu | 8 of 30 | 0.27 | 200 | 2.50 | 3.75 | 0.55 |
| smollm2 f32 on cpu | 15 of 30 | 0.50 | 250 | 2.00 | 2.00 | 1.00 |
| smollm2 f32 on cpu | 23 of 30 | 0.77 | 505 | 0.99 | 1.30 | -0.03 |
| smollm2 f32 on cpu | 30 of 30 | 1.00 | 500 | 1.00 | 1.00 |  |
| smollm2 f32 on accelerate | 15 of 30 | 0.50 | 10.0 |  | 2.00 |  |

Widest spread, upper over lower end of a median's confidence interval: 10.0 % (prefill 1000, smollm2 f32 on cpu).
";

const SESSION: &str = "\
| ms (ratio) | session |
|---|---:|
| overhead of 32 layers | 0.000620 |

Widest spread, upper over lower end of a median's confidence interval: 5.0 % (overhead of 32 layers, session).
";

/// Writes what criterion does after a measurement, and beside it what an older run left. The interval is 5 %
/// wide, and 10 % for 1000 tokens.
fn measured(criterion: &Path, group: &str, function: &str, ms: f64) {
    let folder = criterion.join(group.replace(':', "_")).join(function);
    for (run, ms) in [("base", ms * 2.0), ("new", ms)] {
        let folder = folder.join(run);
        fs::create_dir_all(&folder).unwrap();
        let upper = if function.contains("1000") { 1.1 } else { 1.05 };
        let estimate = |ns: f64| {
            let interval =
                json!({"confidence_level": 0.95, "lower_bound": ns * 0.99, "upper_bound": ns * 0.99 * upper});
            json!({"confidence_interval": interval, "point_estimate": ns, "standard_error": 1.0})
        };
        let estimates = json!({"mean": estimate(ms * 3e6), "median": estimate(ms * 1e6), "slope": null});
        let id = json!({
            "group_id": group, "function_id": function, "value_str": null, "throughput": {"Elements": 32},
            "full_id": format!("{group}/{function}"), "directory_name": "", "title": ""
        });
        fs::write(folder.join("estimates.json"), estimates.to_string()).unwrap();
        fs::write(folder.join("benchmark.json"), id.to_string()).unwrap();
    }
    fs::create_dir_all(folder.join("report")).unwrap();
}

/// A target folder with results in it.
fn target() -> TempDir {
    let target = tempfile::tempdir().unwrap();
    for (group, functions) in MEASURED {
        for &(function, ms) in functions {
            measured(&target.path().join("criterion"), group, function, ms);
        }
    }
    target
}

/// The built example: this test lies in `deps` beside the folder `examples`. Cargo builds examples for
/// `cargo test`, but not for `cargo test --test bench_table`.
fn example(target: &Path, args: &[&str]) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile: PathBuf = test.parent().and_then(|deps| deps.parent()).unwrap().into();
    let file = format!("bench_table{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(file);
    assert!(path.exists(), "{} is not built: run `cargo build --examples`", path.display());
    let mut command = Command::new(path);
    command.env_remove("RUST_LOG").env("CARGO_TARGET_DIR", target).stdin(Stdio::null()).args(args);
    command
}

/// Its standard output; it must succeed.
fn printed(target: &Path, args: &[&str]) -> String {
    let output = example(target, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Its standard error; it must fail, print nothing else, and not panic.
fn refused(target: &Path, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = example(target, args).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.len()), (Some(1), 0), "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn groups_with_exits_are_shown() {
    let target = target();
    assert_eq!(printed(target.path(), &[]), TABLES);
    let from = target.path().join("criterion");
    assert_eq!(printed(Path::new("no/such"), &["--from", from.to_str().unwrap()]), TABLES);
}

#[test]
fn named_groups_are_shown_in_their_place() {
    let target = target();
    assert_eq!(printed(target.path(), &["sess"]), SESSION);
    let text = printed(target.path(), &["session", "on cpu", "cpu"]);
    assert!(text.starts_with("| ms (ratio) | session | smollm2 f32 on cpu |\n"), "{text}");
}

#[test]
fn a_group_that_is_not_there_is_an_error_that_names_those_that_are() {
    let target = target();
    let said = refused(target.path(), &["session", "rocm"]);
    assert!(
        said.contains("\"rocm\"") && said.contains("llama2-7b f16 on cuda:0, session, smollm2"),
        "{said}"
    );
}

#[test]
fn a_folder_without_results_is_an_error_in_one_line() {
    let target = tempfile::tempdir().unwrap();
    let criterion = target.path().join("criterion");
    let is_line = |wanted: &str| {
        let said = refused(target.path(), &[]);
        assert_eq!(said, format!("error: {} {wanted}\n", criterion.display()));
    };
    is_line("is no folder; run the benchmark or give --from");
    fs::create_dir_all(criterion.join("report")).unwrap();
    is_line("has no results of criterion");
    measured(&criterion, "look", "one probe", 3.8);
    let said = refused(target.path(), &[]);
    assert_eq!(said, "error: no group has an \"exit L of N\"; name some of: look\n");
}

#[test]
fn a_damaged_file_and_a_second_one_of_the_same_name_are_errors_that_name_it() {
    let target = target();
    let new = target.path().join("criterion/session/again/new");
    let path = new.join("benchmark.json");
    measured(&target.path().join("criterion"), "session", "again", 1.0);
    let id = json!({"group_id": "session", "function_id": "overhead of 32 layers"}).to_string();
    for (text, wanted) in [("[", "is not criterion's"), (&id, "names what another folder names too")] {
        fs::write(&path, text).unwrap();
        let said = refused(target.path(), &[]);
        assert!(said.contains(wanted) && said.contains("benchmark.json"), "{said}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let target = target();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = example(target.path(), &[]);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn it_explains_itself() {
    let text = printed(Path::new(""), &["--help"]);
    assert!(text.contains("Usage: ") && text.contains("--from") && text.contains("[GROUP]..."), "{text}");
}

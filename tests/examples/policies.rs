//! The examples `record`, `train` and `replay`, one after the other.

use std::fs::{read_to_string, write};
use std::path::Path;

use super::{folder, printed, refused};

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

/// Traces of so many short prompts through a model of a few layers.
fn recorded(scratch: &tempfile::TempDir, model: &str, prompts: u32) -> String {
    let (from, to) = (path(scratch, "prompts.jsonl"), path(scratch, &format!("{model}.jsonl")));
    let line = |i: u32| {
        let tokens = [5 + i * 7 % 200, 6 + i * 13 % 200, 7 + i % 50];
        format!("{{\"id\": \"{i}\", \"tokens\": {tokens:?}, \"gold\": {}}}\n", i % 300)
    };
    write(&from, (0..prompts).map(line).collect::<String>()).unwrap();
    let said = printed("record", &["--model", &folder(model), "--prompts", &from, "--out", &to, "--all"]);
    assert_eq!(said, format!("{prompts} prompts recorded in {to}\n"));
    to
}

fn train(traces: &str, policy: &str, to: &str) -> String {
    printed(
        "train",
        &["--traces", traces, "--policy", policy, "--epsilon", "0.6", "--delta", "0.2", "--out", to],
    )
}

#[test]
fn traces_become_policies_and_frontiers() {
    let scratch = tempfile::tempdir().unwrap();
    let traces = recorded(&scratch, "llama-mha", 120);
    assert_eq!(read_to_string(&traces).unwrap().lines().count(), 121);
    for kind in ["gap", "top_prob", "entropy", "patience", "logistic", "crf"] {
        let policy = path(&scratch, &format!("{kind}.json"));
        let said = train(&traces, kind, &policy);
        assert!(said.contains("calibrated on       60 prompts"), "{said}");
        assert_eq!(said.contains("trained on"), ["logistic", "crf"].contains(&kind), "{said}");

        let (csv, svg) = (path(&scratch, "frontier.csv"), path(&scratch, "frontier.svg"));
        let args = ["--traces", &traces, "--policy", &policy, "--csv", &csv, "--svg", &svg];
        let table = printed("replay", &args);
        assert!(table.starts_with(" threshold agreement accuracy mean layers"), "{table}");
        assert!(table.contains("   its own ") && table.lines().count() <= 15, "{table}");
        let lines =
            read_to_string(&csv).unwrap().lines().map(|line| line.split(',').count()).collect::<Vec<_>>();
        assert!(lines.len() > 1 && lines.iter().all(|fields| *fields == 8), "{kind}: {lines:?}");
        let drawn = read_to_string(&svg).unwrap();
        assert!(drawn.starts_with("<svg ") && drawn.contains("mean layers run"), "{drawn}");
    }
}

#[cfg(feature = "fit")]
#[test]
fn a_lens_is_fitted_recorded_through_and_trained_on() {
    let scratch = tempfile::tempdir().unwrap();
    recorded(&scratch, "llama-mha", 80);
    let [prompts, lens, traces, policy] =
        ["prompts.jsonl", "lens", "through.jsonl", "policy.json"].map(|name| path(&scratch, name));
    let model = folder("llama-mha");
    let fit = |from: &'static str| {
        ["--model", model.as_str(), "--prompts", &prompts, "--out", &lens, "--from", from]
    };
    let said = printed("fit_lens", &fit("2"));
    assert!(said.starts_with("64 prompts fitted on, 16 held out\n"), "{said}");
    assert!(said.contains("a lens for ") && said.lines().count() >= 5, "{said}");

    printed("record", &["--model", &model, "--prompts", &prompts, "--lens", &lens, "--out", &traces]);
    let file = read_to_string(&traces).unwrap();
    assert!(file.lines().next().unwrap().contains("linear") && file.lines().count() == 81, "{file}");
    train(&traces, "gap", &policy);
    let said = refused(
        "record",
        &["--model", &folder("gptj"), "--prompts", &prompts, "--lens", &lens, "--out", &traces],
        1,
    );
    assert!(said.contains("the lens is for"), "{said}");
    let said = refused("fit_lens", &[&fit("2")[..], &["--lens", &lens]].concat(), 1);
    assert!(said.contains("leave --lens out"), "{said}");
    let said = refused("fit_lens", &fit("9"), 1);
    assert!(said.contains("layer 1 to 3, not 9"), "{said}");

    let said = printed("fit_lens", &[&fit("2")[..6], &["--keep", "3", "--half"]].concat());
    assert!(said.lines().any(|line| line.starts_with("    3 ")) && !said.contains("\n    2 "), "{said}");
    let said = refused("fit_lens", &[&fit("2")[..], &["--keep", "3"]].concat(), 2);
    assert!(said.contains("cannot be used with"), "{said}");
}

#[cfg(all(feature = "eval", feature = "fit"))]
#[test]
fn a_report_says_whether_early_exit_is_worth_it() {
    let scratch = tempfile::tempdir().unwrap();
    recorded(&scratch, "llama-mha", 200);
    let (prompts, out) = (path(&scratch, "prompts.jsonl"), path(&scratch, "report"));
    let model = folder("llama-mha");
    let args = ["--model", &model, "--prompts", &prompts, "--out", &out, "--from", "2", "--epsilon", "0.4"];
    let said = printed("suitability", &[&args[..], &["--candidates"]].concat());
    assert!(said.contains("56 prompts planned with, 56 calibrated on, 28 reported on"), "{said}");
    assert!(said.contains("\nYes: ") || said.contains("\nNo: run all layers."), "{said}");
    let file = |name: &str| read_to_string(Path::new(&out).join(name)).unwrap();
    assert!(said.starts_with(&file("report.txt")) && file("report.svg").starts_with("<svg"));
    let report: serde_json::Value = serde_json::from_str(&file("report.json")).unwrap();
    for (i, lens) in ["logit", "linear", "candidates"].into_iter().enumerate() {
        assert_eq!(report["lenses"][i]["lens"], lens);
        assert!(file(&format!("{lens}.plan.json")).contains("adainfer_plan"));
        assert!(file(&format!("{lens}.policy.json")).contains("adainfer_policy"));
    }
    let traces = path(&scratch, "through.jsonl");
    let lens = path(&scratch, "report/lens.safetensors");
    printed("record", &["--model", &model, "--prompts", &prompts, "--lens", &lens, "--out", &traces]);
    let policy = path(&scratch, "report/linear.policy.json");
    printed("replay", &["--traces", &traces, "--policy", &policy]);

    let said = refused("suitability", &[&args[..7], &["9"]].concat(), 1);
    assert!(said.contains("look from one before the last"), "{said}");
    // What they begin with is run once, and nothing else changes.
    let text = read_to_string(&prompts).unwrap().replace("\"tokens\": [", "\"tokens\": [9, 8, 7, ");
    write(&prompts, text).unwrap();
    let layers = |args: &[&str]| {
        let said = printed("suitability", args);
        // Where the plan looks depends on what was measured.
        said.lines().skip(2).take(5).map(|line| line.replace('*', " ")).collect::<Vec<_>>()
    };
    assert_eq!(layers(&args), layers(&[&args[..], &["--shared-prefix"]].concat()));

    // On prompts apart.
    let eval = path(&scratch, "eval.jsonl");
    let lines = |first: u32| {
        (first..first + 30).map(|i| format!("{{\"id\": \"eval {i}\", \"tokens\": [9, 8, 7, {}]}}\n", 5 + i))
    };
    write(&eval, lines(0).collect::<String>()).unwrap();
    let said = printed("suitability", &[&args[..], &["--eval", &eval]].concat());
    assert!(said.contains("56 prompts planned with, 84 calibrated on, 30 reported on"), "{said}");
    let said = refused("suitability", &[&args[..], &["--eval", &prompts]].concat(), 1);
    assert!(said.contains("have one id"), "{said}");

    write(&prompts, "{\"id\": \"a\", \"tokens\": [5]}\n".repeat(2)).unwrap();
    assert!(refused("suitability", &args, 1).contains("have one id"));
}

#[cfg(all(feature = "eval", feature = "fit"))]
#[test]
fn a_label_probe_is_fitted_and_certified() {
    let scratch = tempfile::tempdir().unwrap();
    let file = |name: &str, first: u32, count: u32| {
        // The label is told by the last token.
        let line = |i: u32| {
            let tokens = [5 + i * 7 % 200, 6 + i * 13 % 200, 100 + i % 2];
            format!("{{\"id\": \"{i}\", \"tokens\": {tokens:?}, \"gold\": {}}}\n", 40 + i % 2)
        };
        write(path(&scratch, name), (first..first + count).map(line).collect::<String>()).unwrap();
        path(&scratch, name)
    };
    let (prompts, eval) = (file("prompts.jsonl", 0, 160), file("eval.jsonl", 200, 40));
    let (model, out) = (folder("opt-pre"), path(&scratch, "probe"));
    let args = ["--model", &model, "--prompts", &prompts, "--eval", &eval, "--out", &out, "--fit", "60"];
    let said = printed("label_probe", &args);
    assert!(said.starts_with("fitted on 60 prompts; by cross-validation:\n"), "{said}");
    assert!(said.contains("by the labels           exits above"), "{said}");
    assert!(said.contains("by the model's answers  nothing can be certified"), "{said}");
    assert!(
        said.contains("the probe, early exit   1.000") && said.contains("the model               0.000"),
        "{said}"
    );
    for name in ["probe.safetensors", "policy.json"] {
        assert!(Path::new(&out).join(name).exists(), "{name}");
    }
    let said = refused("label_probe", &[&args[..8], &["--fit", "160"]].concat(), 1);
    assert!(said.contains("none is left to certify on"), "{said}");
    assert!(refused("label_probe", &[&args[..], &["--epsilon", "0"]].concat(), 1).contains("epsilon"));
}

#[test]
fn the_same_seed_trains_the_same_policy() {
    let scratch = tempfile::tempdir().unwrap();
    let traces = recorded(&scratch, "opt-pre", 60);
    let [one, two] = ["one.json", "two.json"].map(|name| path(&scratch, name));
    train(&traces, "logistic", &one);
    train(&traces, "logistic", &two);
    assert_eq!(read_to_string(one).unwrap(), read_to_string(two).unwrap());
}

#[test]
fn what_does_not_fit_is_an_error_that_names_its_place() {
    let scratch = tempfile::tempdir().unwrap();
    let (traces, other) = (recorded(&scratch, "llama-mha", 40), recorded(&scratch, "gptj", 40));
    let policy = path(&scratch, "policy.json");
    train(&traces, "gap", &policy);
    let said = refused("replay", &["--traces", &other, "--policy", &policy], 1);
    assert!(said.contains("the policy is for"), "{said}");

    let bad = path(&scratch, "bad.jsonl");
    let model = folder("llama-mha");
    let record = |text: &str| {
        write(&bad, text).unwrap();
        refused("record", &["--model", &model, "--prompts", &bad, "--out", &path(&scratch, "out.jsonl")], 1)
    };
    assert!(record("").contains("has no prompt"));
    assert!(record("{\"id\": \"a\", \"tokens\": [5]}\n{\"id\"").contains("bad.jsonl, line 2"));
    assert!(record("{\"id\": \"a\", \"tokens\": [999]}\n").contains("token 999"));
    assert!(record("{\"id\": \"a\"}\n").contains("either a `prompt` or `tokens`"));
    assert!(record("{\"id\": \"a\", \"prompt\": \"x\"}\n").contains("tokenizer.json"));

    for (name, args) in [
        ("train", ["--traces", "no/such.jsonl", "--out", &policy]),
        ("replay", ["--traces", "no/such.jsonl", "--policy", &policy]),
        ("replay", ["--traces", &traces, "--policy", "no/such.json"]),
    ] {
        assert!(refused(name, &args, 1).contains("no/such.json"), "{name}");
    }
    let text = read_to_string(&traces).unwrap();
    write(&bad, &text[..text.len() - 9]).unwrap();
    let said = refused("train", &["--traces", &bad, "--out", &policy], 1);
    assert!(said.contains("line 41"), "{said}");
    assert!(
        refused("train", &["--traces", &traces, "--out", &policy, "--epsilon", "2"], 1).contains("epsilon")
    );
    assert!(
        refused("train", &["--traces", &traces, "--out", &policy, "--policy", "oracle"], 2)
            .contains("oracle")
    );
    assert!(!Path::new("frontier.csv").exists());
}

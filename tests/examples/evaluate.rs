//! The example `evaluate`, on prompts that are tokens already.

use std::fs::{OpenOptions, read_to_string, write};
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::{folder, golden, printed, refused};

struct Scratch {
    folder: tempfile::TempDir,
    prompts: String,
    out: String,
    model: String,
}

impl Scratch {
    fn new(model: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (prompts, out) = (at("prompts.jsonl"), at("out"));
        let golden = golden(model);
        // Half of the gold tokens are what the model says.
        let lines = golden.prompts.iter().enumerate().map(|(i, prompt)| {
            let gold = prompt.greedy8[0] + (i % 2) as u32;
            format!("{{\"id\": \"{i}\", \"tokens\": {:?}, \"gold\": {gold}}}\n", prompt.ids)
        });
        write(&prompts, lines.collect::<String>()).unwrap();
        Self { folder, prompts, out, model: super::folder(model) }
    }

    fn args<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let args = ["--model", &self.model, "--prompts", &self.prompts, "--out", &self.out];
        [&args[..], more].concat()
    }

    fn results(&self) -> Value {
        serde_json::from_str(&read_to_string(Path::new(&self.out).join("results.json")).unwrap()).unwrap()
    }
}

#[test]
fn never_is_dense_and_a_static_layer_is_the_goldens() {
    for model in ["llama-mha", "opt-post-proj", "gptj"] {
        let (scratch, golden) = (Scratch::new(model), golden(model));
        let said = printed("evaluate", &scratch.args(&["--policy", "never"]));
        assert!(said.contains("| dense |") && said.contains("agreement 1.000"), "{said}");
        let results = scratch.results();
        assert_eq!(
            (results["agreement"].as_f64(), results["pruning_ratio"].as_f64()),
            (Some(1.0), Some(0.0))
        );
        assert_eq!(results["items"][0]["dense_token"], golden.prompts[0].greedy8[0]);
        let right = golden.prompts.len().div_ceil(2) as f64 / golden.prompts.len() as f64;
        assert_eq!(results["accuracy"].as_f64(), Some(right));

        let out = scratch.folder.path().join("static");
        let mut args = scratch.args(&["--policy", "static:1"]);
        args[5] = out.to_str().unwrap();
        printed("evaluate", &args);
        let results: Value =
            serde_json::from_str(&read_to_string(out.join("results.json")).unwrap()).unwrap();
        assert_eq!((results["mean_layers"].as_f64(), results["mean_heads"].as_f64()), (Some(1.0), Some(1.0)));
        for (item, prompt) in results["items"].as_array().unwrap().iter().zip(&golden.prompts) {
            assert_eq!(item["token"], prompt.features["top_token"][0], "{model}");
        }
    }
}

#[test]
fn an_interrupted_run_goes_on() {
    let scratch = Scratch::new("llama-mha");
    let answers = Path::new(&scratch.out).join("answers.jsonl");
    printed("evaluate", &scratch.args(&["--policy", "gap:0.1", "--limit", "2"]));
    let before = read_to_string(&answers).unwrap();
    assert_eq!(before.lines().count(), 3);
    // As if it had been cut while writing.
    OpenOptions::new().append(true).open(&answers).unwrap().write_all(b"{\"id\": \"2\", \"quest").unwrap();
    let said = printed("evaluate", &scratch.args(&["--policy", "gap:0.1"]));
    let after = read_to_string(&answers).unwrap();
    let count = golden("llama-mha").prompts.len();
    assert!(after.starts_with(&before) && after.lines().count() == 1 + count);
    assert!(said.starts_with(&format!("{count} questions, policy gap:0.1, lens logit")), "{said}");
    // Nothing is asked again.
    printed("evaluate", &scratch.args(&["--policy", "gap:0.1"]));
    assert_eq!(read_to_string(&answers).unwrap(), after);
    let said = refused("evaluate", &scratch.args(&["--policy", "gap:0.2"]), 1);
    assert!(said.contains("has the answers of another run"), "{said}");
    let text = read_to_string(&scratch.prompts).unwrap().replacen("\"tokens\": [", "\"tokens\": [3, ", 1);
    write(&scratch.prompts, text).unwrap();
    assert!(refused("evaluate", &scratch.args(&["--policy", "gap:0.1"]), 1).contains("another run"));
}

#[test]
fn candidates_are_the_labels() {
    let scratch = Scratch::new("llama-mha");
    printed("evaluate", &scratch.args(&["--policy", "static:2", "--candidates", "labels"]));
    let (results, golden) = (scratch.results(), golden("llama-mha"));
    let labels: Vec<_> = golden
        .prompts
        .iter()
        .enumerate()
        .map(|(i, prompt)| u64::from(prompt.greedy8[0]) + i as u64 % 2)
        .collect();
    for item in results["items"].as_array().unwrap() {
        assert!(labels.contains(&item["token"].as_u64().unwrap()));
    }
}

#[test]
fn layers_left_out_are_counted_out() {
    let scratch = Scratch::new("llama-mha");
    let said = printed("evaluate", &scratch.args(&["--policy", "never", "--without", "skip-last:1"]));
    assert!(said.contains("policy never without skip-last:1"), "{said}");
    let results = scratch.results();
    assert_eq!((results["mean_layers"].as_f64(), results["pruning_ratio"].as_f64()), (Some(3.0), Some(0.25)));
    for (item, prompt) in results["items"].as_array().unwrap().iter().zip(&golden("llama-mha").prompts) {
        assert_eq!(item["token"], prompt.features["top_token"][2]);
    }
    let refuse = |what: &str, code| {
        refused("evaluate", &scratch.args(&["--policy", "never", "--without", what]), code)
    };
    assert!(refuse("skip-last:4", 1).contains("4 layers cannot be left out of 4"));
    assert!(refuse("shortgpt:1", 1).contains("name the task with --task"));
    assert!(refuse("last", 2).contains("\"last\" is no baseline"));
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let scratch = Scratch::new("llama-mha");
    let said = |more: &[&str], code| refused("evaluate", &scratch.args(more), code);
    assert!(said(&["--policy", "gap:high"], 2).contains("\"high\" is no threshold"));
    assert!(
        said(&["--policy", "static:99"], 1)
            .contains("layer 99 was asked for, and the model's layers are 1 to 4")
    );
    assert!(said(&["--policy", "no/such.json"], 1).contains("no/such.json is not a policy"));
    assert!(said(&["--policy", "gap"], 1).contains("gap is not a policy: neither never, gap:0.8,"));
    assert!(said(&["--policy", "never", "--shots", "3"], 1).contains("--shots is of no use with --prompts"));
    assert!(said(&["--policy", "never", "--task", "plurals"], 2).contains("cannot be used with"));
    assert!(said(&["--policy", "never", "--limit", "0"], 1).contains("no question was answered"));
    let model = folder("llama-mha");
    let out = scratch.out.as_str();
    let task = |more: &[&str]| {
        refused("evaluate", &[&["--model", &model, "--policy", "never", "--out", out], more].concat(), 1)
    };
    assert!(task(&["--task", "plurals"]).contains("tokenizer.json"));
    assert!(task(&["--task", "sst2"]).contains("say with --data where it is"));
    assert!(task(&["--task", "sst2", "--data", out]).contains("has none of train.jsonl with eval.jsonl"));
    assert!(task(&["--task", "plurals", "--shots", "500"]).contains("30 demonstrations for prompt"));
    let said = task(&["--task", "plurals", "--query", "{{ inptu }}", "--answer", "{{ label }}"]);
    assert!(said.contains("the template fails"), "{said}");

    let long = format!("{{\"id\": \"long\", \"tokens\": {:?}}}\n", vec![5; 5000]);
    write(&scratch.prompts, read_to_string(&scratch.prompts).unwrap() + &long).unwrap();
    assert!(said_long(&scratch, "refuse").contains("prompt \"long\" has 5000 tokens"));
    let said = printed("evaluate", &scratch.args(&["--policy", "never", "--too-long", "skip"]));
    assert!(said.contains("1 prompts were longer"), "{said}");
}

fn said_long(scratch: &Scratch, what: &str) -> String {
    refused("evaluate", &scratch.args(&["--policy", "never", "--too-long", what]), 1)
}

#[test]
fn a_task_is_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("plurals.jsonl");
    let out = out.to_str().unwrap();
    let args = ["--task", "plurals", "--shots", "2", "--limit", "3", "--seed", "5", "--out", out];
    let said =
        printed("render", &[&args[..], &["--query", "{{ input }} =", "--answer", " {{ label }}"]].concat());
    assert_eq!(said, format!("3 prompts written to {out}\n"));
    let lines: Vec<Value> =
        read_to_string(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[0]["answer"][0].as_str()), (3, Some(" children")));
    let prompt = lines[0]["prompt"].as_str().unwrap();
    assert!(prompt.ends_with("\n\nchild =") && prompt.matches(" = ").count() == 2, "{prompt}");
    // Demonstrations of the pool are not shown to themselves.
    printed("render", &[&args[..], &["--split", "pool"]].concat());
    let text = read_to_string(out).unwrap();
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let (shown, asked) = line["prompt"].as_str().unwrap().rsplit_once("Q: ").unwrap();
    assert!(!shown.contains(asked.trim_end_matches("\nA:")), "{line}");
    assert!(
        refused("render", &["--task", "sums", "--out", out], 1).contains("does not come with the library")
    );
    let said = refused("render", &["--task", "plurals", "--limit", "0", "--out", out], 1);
    assert!(said.contains("leaves no prompt"), "{said}");
    let said = refused("render", &["--task", "plurals", "--out", "no/such/folder/x"], 1);
    assert!(said.contains("cannot write no/such/folder/x"), "{said}");
}

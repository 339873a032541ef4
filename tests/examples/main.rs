//! Every example, run as its users run it, on models of a few layers and without a tokenizer.
// Clippy lets tests unwrap, but not the functions that they share.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "eval")]
mod evaluate;
mod policies;
#[cfg(all(feature = "eval", feature = "fit", feature = "svm"))]
mod reproduce;
#[cfg(feature = "serve")]
mod serve_remote;

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::Value;

const EXAMPLES: [&str; 5] = ["custom_policy", "generate", "peer_bench", "quickstart", "trace"];
const MODELS: [&str; 5] = ["llama-mha", "llama-gqa-tied", "opt-pre", "opt-post-proj", "gptj"];
/// In the order in which they are printed.
const KEYS: [&str; 11] = [
    "layer",
    "layers",
    "top_token",
    "top_text",
    "second_token",
    "top_prob",
    "gap",
    "cos_hidden",
    "cos_attn",
    "cos_mlp",
    "kl",
];

#[derive(Deserialize)]
struct Golden {
    n_layers: usize,
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    ids: Vec<u32>,
    greedy8: Vec<u32>,
    truncated_greedy8: BTreeMap<usize, Vec<u32>>,
    /// A list each, with an entry a layer.
    features: BTreeMap<String, Vec<Value>>,
}

impl Prompt {
    fn tokens(&self) -> String {
        self.ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
    }
}

fn folder(model: &str) -> String {
    format!("{}/adainfer-burn/tests/fixtures/models/{model}", env!("CARGO_MANIFEST_DIR"))
}

fn golden(model: &str) -> Golden {
    serde_json::from_str(&read_to_string(folder(model) + "/golden.json").unwrap()).unwrap()
}

/// The built example: this test lies in `deps` beside the folder `examples`. Cargo builds examples for
/// `cargo test`, but not for `cargo test --test examples`.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile: PathBuf = test.parent().and_then(|deps| deps.parent()).unwrap().into();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(file);
    assert!(path.exists(), "{} is not built: run `cargo build --examples`", path.display());
    let mut command = Command::new(path);
    command.env_remove("ADAINFER_MODEL").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn run(name: &str, args: &[&str]) -> Output {
    example(name).args(args).output().unwrap()
}

/// Its standard output; it must succeed.
fn printed(name: &str, args: &[&str]) -> String {
    let output = run(name, args);
    assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Its standard error; it must fail with this code, print nothing else, and not panic.
fn refused(name: &str, args: &[&str], code: i32) -> String {
    let output = run(name, args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{name} {args:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn trace_prints_a_line_a_layer_with_its_keys_in_order() {
    for model in MODELS {
        let text = printed("trace", &["--model", &folder(model), "--tokens", "5,6"]);
        assert_eq!(text.lines().count(), golden(model).n_layers);
        for line in text.lines() {
            let places = KEYS.map(|key| line.find(&format!("\"{key}\":")).unwrap());
            assert!(places.is_sorted() && line.starts_with('{'), "{line}");
            let line: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
            assert_eq!(line.len(), KEYS.len());
            assert!(
                ["top_text", "cos_hidden", "cos_attn", "cos_mlp", "kl"]
                    .iter()
                    .all(|&key| line[key].is_null())
            );
        }
    }
}

#[test]
fn trace_prints_the_numbers_of_the_reference() {
    let features = [
        ("top_token", "top_token", 0.0),
        ("second_token", "second_token", 0.0),
        ("top_prob", "top_prob", 1e-5),
        ("gap", "gap", 1e-5),
        ("cos_hidden", "cos_hidden_prev", 1e-5),
        ("cos_attn", "cos_attn_prev", 1e-5),
        ("cos_mlp", "cos_mlp_prev", 1e-5),
        ("kl", "kl_from_prev", 1e-4),
    ];
    for model in MODELS {
        for prompt in golden(model).prompts {
            let args = ["--model", &folder(model), "--tokens", &prompt.tokens(), "--features", "all"];
            for (l, line) in printed("trace", &args).lines().enumerate() {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["layer"], l + 1);
                for (key, name, tolerance) in features {
                    let (found, wanted) = (line[key].as_f64(), prompt.features[name][l].as_f64());
                    let close = found.zip(wanted).is_none_or(|(a, b)| (a - b).abs() <= tolerance);
                    assert!(close && found.is_some() == wanted.is_some(), "{key}: {found:?} and {wanted:?}");
                }
            }
        }
    }
}

#[test]
fn generate_goes_on_like_the_reference() {
    for model in MODELS {
        let golden = golden(model);
        for prompt in &golden.prompts {
            for (layer, wanted) in [(None, &prompt.greedy8)]
                .into_iter()
                .chain(prompt.truncated_greedy8.iter().map(|(&layer, tokens)| (Some(layer), tokens)))
            {
                let count = layer.unwrap_or(golden.n_layers).to_string();
                let (folder, tokens) = (folder(model), prompt.tokens());
                let mut args = vec!["--model", &folder, "--tokens", &tokens, "--max-tokens", "8", "--json"];
                args.extend(layer.iter().flat_map(|_| ["--exit-layer", &count]));
                let found: Value = serde_json::from_str(&printed("generate", &args)).unwrap();
                // The model's end token, 2, is the last one made.
                let made = wanted.iter().position(|&token| token == 2).map_or(wanted.len(), |end| end + 1);
                assert_eq!(found["tokens"], Value::from(&wanted[..made]));
                assert_eq!(found["layers_run"], Value::from(vec![layer.unwrap_or(golden.n_layers); made]));
                assert!(found["text"].is_null());
            }
        }
    }
}

#[test]
fn generate_prints_tokens_where_there_is_no_text() {
    let model = folder("llama-mha");
    let text = printed("generate", &["--model", &model, "--tokens", "122", "--max-tokens", "3"]);
    assert_eq!(text, "151\n271\n158\n");
}

#[test]
fn the_same_seed_draws_the_same_tokens() {
    let model = folder("llama-mha");
    let draw = |seed: &str| {
        let args =
            ["--model", &model, "--tokens", "122", "--temperature", "2", "--top-p", "0.99", "--seed", seed];
        printed("generate", &args)
    };
    assert_eq!(draw("1"), draw("1"));
    assert_ne!(draw("1"), draw("2"));
}

#[test]
fn peer_bench_answers_as_its_protocol_says() {
    let golden = golden("llama-mha");
    let Prompt { ids, greedy8, .. } = &golden.prompts[1];
    let (start, rest) = ids.split_at(ids.len() / 2);
    let mut bench = example("peer_bench");
    bench.args(["--model", &folder("llama-mha"), "--threads", "1"]);
    let mut bench = bench.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let requests = format!(
        "{{\"op\":\"prefill\",\"tokens\":{ids:?}}}\n{{\"op\":\"decode\",\"tokens\":{ids:?},\"steps\":7}}\n\
         {{\"op\":\"prefill\",\"tokens\":[]}}\n{{\"op\":\"sing\"}}\n\
         {{\"op\":\"query\",\"tokens\":{ids:?},\"dense\":true}}\n{{\"op\":\"prefix\",\"tokens\":{start:?}}}\n\
         {{\"op\":\"query\",\"tokens\":{rest:?},\"dense\":false}}\n{{\"op\":\"queries\",\"queries\":[{rest:?}]}}\n"
    );
    bench.stdin.take().unwrap().write_all(requests.as_bytes()).unwrap();
    let output = bench.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers[0]["token"], greedy8[0]);
    assert_eq!(answers[1]["tokens"], Value::from(&greedy8[1..]));
    assert!(answers[..2].iter().all(|answer| answer["ms"].as_f64().unwrap() > 0.0));
    assert_eq!(answers[2]["error"], "the prompt is empty");
    assert!(answers[3]["error"].is_string() && answers.len() == 8);
    assert_eq!((&answers[4]["token"], &answers[5]["tokens"]), (&greedy8[0].into(), &start.into()));
    assert_eq!((&answers[6]["token"], &answers[7]["tokens"]), (&greedy8[0].into(), &greedy8[..1].into()));
}

#[test]
fn text_without_a_tokenizer_is_an_error_that_names_its_file() {
    let model = folder("llama-mha");
    for name in ["trace", "generate", "custom_policy"] {
        let said = refused(name, &["--model", &model, "--prompt", "hello"], 1);
        assert!(said.starts_with("error: ") && said.contains("tokenizer.json"), "{said}");
    }
    assert!(refused("quickstart", &["--model", &model], 1).contains("tokenizer.json"));
}

#[test]
fn what_is_not_there_is_an_error_that_names_it() {
    for name in ["trace", "generate"] {
        assert!(refused(name, &["--model", "no/such.gguf", "--tokens", "1"], 1).contains("no/such.gguf"));
        let said = refused(name, &["--model", &folder("llama-mha"), "--tokens", "5,320"], 1);
        assert!(said.contains("token 320") && said.contains("vocabulary size 320"), "{said}");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert!(refused("trace", &["--model", file, "--tokens", "1"], 1).contains("Cargo.toml is not a model"));
    let args = ["--model", &folder("llama-mha"), "--tokens", "1", "--exit-layer", "5"];
    assert!(refused("generate", &args, 1).contains("layer 5"));
}

#[test]
fn wrong_arguments_are_explained() {
    for name in ["trace", "generate"] {
        assert!(refused(name, &["--tokens", "1,two"], 2).contains("'two'"));
        assert!(refused(name, &["--prompt", "a", "--tokens", "1"], 2).contains("cannot be used with"));
        assert!(refused(name, &[], 2).contains("--prompt"));
    }
    for args in [["--temperature", "-1"], ["--temperature", "nan"], ["--top-p", "0"], ["--gap", "2"]] {
        let model = format!("--model={}", folder("llama-mha"));
        let args = [model, "--tokens=1".to_owned(), args.join("=")];
        assert!(refused("generate", &args.each_ref().map(String::as_str), 1).contains("must be"));
    }
    assert!(refused("peer_bench", &["--model", "x", "--threads", "0"], 2).contains("--threads"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for name in ["trace", "generate"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = example(name);
        command.args(["--model", &folder("llama-mha"), "--tokens", "122"]).stdout(writer);
        let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !said.contains("panicked") && !said.contains("error"),
            "{name}: {said}"
        );
    }
}

#[test]
fn every_example_explains_itself() {
    for name in EXAMPLES {
        let text = printed(name, &["--help"]);
        assert!(text.contains("Usage: ") && text.contains("--model"), "{text}");
    }
    for name in ["record", "train", "replay"] {
        assert!(printed(name, &["--help"]).contains("Usage: "), "{name}");
    }
}

#[test]
fn a_device_is_chosen_by_name_and_one_that_is_not_there_is_refused() {
    let model = folder("opt-pre");
    let prompt = ["--model", model.as_str(), "--tokens", "5,6"];
    let on = |device: &'static str| [&prompt[..], &["--device", device]].concat();
    assert_eq!(printed("trace", &prompt), printed("trace", &on("cpu")));
    let error = run("trace", &on("gpu"));
    assert!(!error.status.success());
    let text = String::from_utf8_lossy(&error.stderr).into_owned();
    assert!(text.contains("unknown device \"gpu\"; this build has: cpu"), "{text}");
}

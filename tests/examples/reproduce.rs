//! The example `reproduce`, on rules that come with the library and a model that reads bytes.

use std::collections::BTreeMap;
use std::fs::{OpenOptions, copy, create_dir, read_dir, read_to_string, write};
use std::io::Write;
use std::path::Path;

use adainfer::eval::Report;
use serde_json::json;

use super::{printed, refused};

const PLAN: &str = r#"
seed = 3
lens = 12
pruned = 4
clock = 2
shots = [{ k = 1, limit = 6, train = 8, pruned = true }, { k = 0, limit = 4 }]

[[model]]
name = "Tiny"
path = "MODEL"
pruned = 1

[[model]]
name = "Huge"
layers = 80

[[task]]
name = "letters"
kind = "sentiment"
sets = ["next_letter"]
texts = 2

[[task]]
name = "next_number"
kind = "question answering"
"#;

/// A tokenizer that has a token for each byte, and tokens that nothing is read as.
fn bytes() -> String {
    let own = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut moved = 0;
    let letter = |byte: u32| {
        let code = if own(byte) { byte } else { 256 + moved };
        moved += u32::from(!own(byte));
        (char::from_u32(code).unwrap().to_string(), byte)
    };
    // The model's vocabulary is larger.
    let others = (256..320).map(|token| (format!("<{token}>"), token));
    let vocab: BTreeMap<String, u32> = (0..256).map(letter).chain(others).collect();
    let level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": []},
    })
    .to_string()
}

/// A model's folder with that tokenizer, and a plan of it.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let model = scratch.path().join("model");
    create_dir(&model).unwrap();
    for file in read_dir(super::folder("llama-mha")).unwrap() {
        let file = file.unwrap();
        copy(file.path(), model.join(file.file_name())).unwrap();
    }
    write(model.join("tokenizer.json"), bytes()).unwrap();
    write(scratch.path().join("plan.toml"), PLAN.replace("MODEL", model.to_str().unwrap())).unwrap();
    scratch
}

#[test]
fn a_report_has_every_table_and_figure_and_says_what_was_not_run() {
    let scratch = scratch();
    let at = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let (plan, out) = (at("plan.toml"), at("out"));
    let args = ["--plan", &plan, "--out", &out];
    let said = printed("reproduce", &args);
    for title in
        ["Table 2", "Table 3", "Table 4", "Table 5", "Table 6", "Table 7", "Table 8", "Answers in words"]
    {
        assert!(said.contains(&format!("### {title}")), "{title}: {said}");
    }
    assert!(said.contains("| Huge | every method | not run |"), "{said}");
    let report = Report::load(Path::new(&out).join("report.json")).unwrap();
    assert_eq!((report.seed, report.models.len(), report.runs.len()), (3, 3, 6));
    assert!(report.scores.iter().any(|score| score.of.method == "shortgpt:1" && score.n == 4));
    assert!(report.drafts.iter().all(|draft| draft.n == 4) && report.drafts.len() == 2);
    // Two methods on two tasks.
    assert_eq!((report.clock.len(), report.texts.len()), (4, 1));
    let page = read_to_string(Path::new(&out).join("report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), svgs(&out));
    assert!(page.contains("not run") && svgs(&out) >= 10);

    // An interruption while writing: only what was lost is run again, and the rest stays.
    let trace = Path::new(&out).join("traces/tiny.logit.letters.1.eval.jsonl");
    let before = read_to_string(&trace).unwrap();
    OpenOptions::new().append(true).open(&trace).unwrap().write_all(b"{\"prompt\": \"next").unwrap();
    printed("reproduce", &args);
    assert_eq!(read_to_string(&trace).unwrap(), before);
    assert_eq!(Report::load(Path::new(&out).join("report.json")).unwrap(), report);
}

#[test]
fn the_same_seed_gives_the_same_numbers_on_any_number_of_threads() {
    let scratch = scratch();
    let plan = scratch.path().join("plan.toml");
    let reports = ["1", "3"].map(|threads| {
        let out = scratch.path().join(threads);
        let mut command = super::example("reproduce");
        command.env("RAYON_NUM_THREADS", threads).arg("--plan").arg(&plan).arg("--out").arg(&out);
        assert!(command.output().unwrap().status.success());
        let mut report = Report::load(out.join("report.json")).unwrap();
        // What the clock says is another matter.
        report.clock.clear();
        report
    });
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn wrong_plans_and_arguments_say_what_is_wrong() {
    let scratch = scratch();
    let at = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let (plan, out) = (at("plan.toml"), at("out"));
    let refuses =
        |more: &[&str]| refused("reproduce", &[&["--plan", &plan, "--out", &out], more].concat(), 1);
    assert!(refuses(&["--shots", "7"]).contains("no shots with k = 7"));
    assert!(refuses(&["--shots", "0"]).contains("`train`"));
    assert!(refuses(&["--limit", "0"]).contains("limit of 0"));
    assert!(refuses(&["--model", "no/such"]).contains("no/such, which does not exist"));
    let wrong = |from: &str, to: &str| {
        write(at("other.toml"), read_to_string(&plan).unwrap().replace(from, to)).unwrap();
        refused("reproduce", &["--plan", &at("other.toml"), "--out", &out], 1)
    };
    assert!(wrong("seed = 3", "seed = -3").contains("other.toml is no plan"));
    assert!(wrong("clock", "cluck").contains("cluck"));
    assert!(wrong("name = \"next_number\"", "name = \"sst2\"").contains("say where its files are"));
    assert!(wrong("\"next_letter\"", "\"next_word\"").contains("no rule set \"next_word\""));
    assert!(wrong("k = 1", "k = 900").contains("task \"letters\""));
    assert!(
        refused("reproduce", &["--plan", "no/such.toml", "--out", &out], 1)
            .contains("cannot read no/such.toml")
    );
}

fn svgs(folder: &str) -> usize {
    let is_svg = |file: &std::io::Result<std::fs::DirEntry>| {
        file.as_ref().unwrap().path().extension().is_some_and(|end| end == "svg")
    };
    read_dir(folder).unwrap().filter(is_svg).count()
}

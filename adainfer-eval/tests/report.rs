//! Reports from recordings of models that were made up.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::LazyLock;

use adainfer_core::testing::scripted_probe;
use adainfer_core::{ModelSpec, Probe, TokenId};
use adainfer_eval::{
    Kind, ModelEntry, Question, Recording, Report, ReportError, Score, Study, TaskEntry, TraceLog,
    TraceLogError,
};
use adainfer_policies::{TokenTrace, TraceSet, TraceSource};

fn spec(layers: usize) -> ModelSpec {
    ModelSpec::new(layers, 64, 99, format!("a model of {layers}"))
}

fn probes(seen: &[(TokenId, f32)]) -> Vec<Probe> {
    let probe = |(i, (token, gap)): (usize, &(TokenId, f32))| {
        let mut probe = scripted_probe(*token, *gap);
        probe.layer = i + 1;
        probe.cos_attn = (i > 0).then_some(0.5 + gap / 10.0);
        probe.kl = (i > 0).then_some(1.0 - gap);
        probe
    };
    seen.iter().enumerate().map(probe).collect()
}

/// Questions of which the model says 1 at last; from layer 2 on where `i` is odd, and the right answer is 1 for two of three.
fn recording(model: &str, lens: &str, task: &str, shots: usize, split: &str, count: usize) -> Recording {
    let layers = if model == "pruned" { 3 } else { 4 };
    let mut traces = TraceSet::new(TraceSource::new(&spec(layers), lens));
    let mut questions = Vec::new();
    for i in 0..count as u32 {
        let (early, gap) = (if i % 2 == 1 { 1 } else { 7 }, 0.01 * (i % 40) as f32);
        let last = if model == "pruned" && i % 4 == 0 { 9 } else { 1 };
        let seen = [(5, 0.2 + gap), (early, 0.4 + gap / 2.0), (1, 0.5 + gap), (last, 0.9)];
        let gold = vec![if i % 3 == 2 { 7 } else { 1 }];
        let question =
            Question { id: format!("{task} {split} {i}"), tokens: vec![i; 10 + i as usize % 5], gold };
        let trace = probes(&seen[4 - layers..]);
        let name = format!("{} {}", question.id, question.hash());
        traces.push(TokenTrace::new(name, layers, trace, question.gold.first().copied()).unwrap()).unwrap();
        questions.push(question);
    }
    let [model, lens, task] = [model, lens, task].map(str::to_owned);
    Recording { model, lens, task, shots, shared: shots == 10, skipped: 1, questions, traces }
}

fn model(name: &str, layers: usize, ran: bool, pruned_from: Option<&str>) -> ModelEntry {
    ModelEntry {
        name: name.to_owned(),
        layers: Some(layers),
        fingerprint: ran.then(|| format!("a model of {layers}")),
        hidden: 8,
        vocab: 64,
        pruned_from: pruned_from.map(str::to_owned),
    }
}

fn models() -> Vec<ModelEntry> {
    vec![
        model("whole", 4, true, None),
        model("pruned", 3, true, Some("whole")),
        model("absent", 9, false, None),
    ]
}

fn tasks() -> Vec<TaskEntry> {
    let task = |(name, kind): (&str, &str)| TaskEntry { name: name.to_owned(), kind: kind.to_owned() };
    [("films", "sentiment"), ("facts", "question answering")].map(task).to_vec()
}

/// To train on, and to evaluate.
fn recordings() -> (Vec<Recording>, Vec<Recording>) {
    let (mut train, mut eval) = (Vec::new(), Vec::new());
    for task in ["films", "facts"] {
        for lens in ["logit", "linear"] {
            train.push(recording("whole", lens, task, 5, "train", 80));
            eval.extend([0, 5, 10].map(|shots| recording("whole", lens, task, shots, "eval", 12)));
        }
        eval.push(recording("pruned", "logit", task, 5, "eval", 8));
    }
    (train, eval)
}

static REPORT: LazyLock<Report> = LazyLock::new(made);

fn report() -> Report {
    REPORT.clone()
}

fn made() -> Report {
    let (train, eval) = recordings();
    let study = Study::new(models(), tasks(), &train, &eval).unwrap().seed(1);
    study.report(&study.train().unwrap()).unwrap()
}

fn score<'r>(report: &'r Report, method: &str, lens: &str) -> &'r Score {
    let is = |score: &&Score| {
        (score.of.method.as_str(), score.of.lens.as_str(), score.of.task.as_str(), score.of.shots)
            == (method, lens, "films", 5)
    };
    report.scores.iter().find(is).unwrap()
}

#[test]
fn what_needs_no_policy_is_what_a_hand_counts() {
    let report = report();
    let dense = score(&report, "dense", "logit");
    assert_eq!((dense.n, dense.accuracy, dense.agreement, dense.mean_layers), (12, 8.0 / 12.0, 1.0, 4.0));
    let skipped = score(&report, "skip-last:3", "logit");
    assert_eq!((skipped.accuracy, skipped.agreement, skipped.mean_layers), (0.0, 0.0, 1.0));
    // Odd questions settle after layer 2, the others after 3.
    let settled = score(&report, "saturation", "linear");
    assert_eq!((settled.agreement, settled.mean_layers, settled.var_layers), (1.0, 2.5, 0.25));
    // The token is right after layer 2 or 3 where 1 or 7 is, and those of i = 5 and 11 (odd, and 7 is right) never are.
    let best = score(&report, "optimal", "logit");
    assert_eq!((best.accuracy, best.agreement), (10.0 / 12.0, 10.0 / 12.0));
    assert!(report.scores.iter().all(|score| score.of.method != "skip-last:5"), "there are four layers");
}

#[test]
fn a_pruned_model_is_a_method_of_the_whole_one_and_its_drafts_are_verified() {
    let report = report();
    let pruned = score(&report, "shortgpt:1", "logit");
    // Of eight questions it answers two otherwise.
    assert_eq!((pruned.n, pruned.agreement, pruned.mean_layers, pruned.pruning_ratio), (8, 0.75, 3.0, 0.25));
    assert_eq!(pruned.of.model, "whole");
    let draft = &report.drafts[0];
    assert_eq!((draft.n, draft.accepted, draft.draft_layers, draft.accuracy), (8, 0.75, 3, 6.0 / 8.0));
    assert!(draft.flops_ratio > 1.7 && draft.flops_ratio < 1.8);
}

#[test]
fn policies_exit_and_certified_ones_keep_their_promise() {
    let report = report();
    let gap = score(&report, "gap:0.8", "logit");
    assert!(gap.mean_layers <= 4.0 && gap.mean_heads > 1.0);
    let certified = score(&report, "certified logistic", "linear");
    assert!(certified.agreement == 1.0 && certified.mean_layers < 4.0, "{certified:?}");
    let confusion = certified.confusion.unwrap();
    assert!(confusion.true_exits > 0 && confusion.false_exits == 0);
}

#[test]
fn generalisation_has_every_kind_and_a_reason_where_it_was_not_run() {
    let report = report();
    for kind in [Kind::IntraTask, Kind::InterTask, Kind::InterModel] {
        let found = report.generalisation.iter().filter(|found| found.kind == kind && found.score.is_some());
        let of: Vec<_> = found.map(|found| (found.trained_on.as_str(), found.of.model.as_str())).collect();
        let wanted = if kind == Kind::InterModel { ("whole", "pruned") } else { ("whole", "whole") };
        assert!(!of.is_empty() && of.iter().all(|pair| *pair == wanted), "{kind:?}: {of:?}");
    }
    let absent = report.generalisation.iter().filter(|found| found.score.is_none());
    let reasons: Vec<_> = absent.map(|found| found.not_run.as_deref().unwrap()).collect();
    let (moved, absent): (Vec<&str>, _) =
        reasons.into_iter().partition(|reason| reason.contains("weights for each"));
    assert_eq!(absent, ["absent is not at hand"; 4]);
    assert_eq!(moved.len(), 2, "a regression for each of four layers is none for three");
}

#[test]
fn features_that_were_not_recorded_are_not_tried() {
    let report = report();
    let mut sets: Vec<_> = report.ablation.iter().map(|found| found.features.as_str()).collect();
    sets.sort_unstable();
    sets.dedup();
    assert_eq!(sets, ["base", "base + attn", "base + kl", "eight", "six"]);
}

#[test]
fn tables_have_no_blank_cell_and_say_what_was_not_run() {
    let report = report();
    for table in report.tables() {
        assert!(!table.rows.is_empty(), "{}", table.name);
        for row in &table.rows {
            assert_eq!(row.len(), table.header.len(), "{}: {row:?}", table.name);
            assert!(
                row[1] == "questions" || row.iter().all(|cell| !cell.is_empty()),
                "{}: {row:?}",
                table.name
            );
            let absent = row.iter().any(|cell| cell == "absent");
            assert!(!absent || row[1] == "questions" || row.iter().any(|cell| cell == "not run"), "{row:?}");
        }
    }
}

#[test]
fn columns_of_numbers_follow_those_of_texts() {
    let is_number = |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit());
    let is_none = |cell: &String| cell.is_empty() || cell == "not run";
    for table in report().tables() {
        for row in &table.rows {
            let (texts, numbers) = row.split_at(table.labels);
            assert!(!texts.iter().any(is_number), "{}: {row:?}", table.name);
            assert!(numbers.iter().all(|cell| is_number(cell) || is_none(cell)), "{}: {row:?}", table.name);
        }
    }
}

#[test]
fn a_report_comes_back_from_its_file_and_other_versions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (report, path) = (report(), folder.path().join("report.json"));
    report.save(&path).unwrap();
    assert_eq!(Report::load(&path).unwrap(), report);
    assert_eq!(made(), report, "the same recordings give the same numbers");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"adainfer_report\":1", "\"adainfer_report\":2")).unwrap();
    assert!(matches!(Report::load(&path), Err(ReportError::Version { found: 2, known: 1, .. })));
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(Report::load(&path), Err(ReportError::Json { .. })));
    assert!(matches!(Report::load(folder.path().join("none")), Err(ReportError::Io { .. })));
    assert!(matches!(report.save("no/such/folder/report.json"), Err(ReportError::Io { .. })));
}

#[test]
fn version_1_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/report.v1.json");
    let report = Report::load(path).unwrap();
    assert_eq!((report.models.len(), report.tasks.len(), report.runs.len()), (3, 2, 8));
}

#[test]
fn recordings_must_be_whole_and_named() {
    let (train, eval) = recordings();
    let refused = |models, tasks, eval: &[Recording]| Study::new(models, tasks, &train, eval).unwrap_err();
    assert!(matches!(refused(models(), tasks(), &[]), ReportError::NothingRecorded));
    assert!(matches!(refused(models(), Vec::new(), &eval), ReportError::Unknown { what: "tasks", .. }));
    assert!(matches!(refused(Vec::new(), tasks(), &eval), ReportError::Unknown { what: "models", .. }));
    let mut torn = eval.clone();
    torn[0].questions.pop();
    assert!(matches!(
        refused(models(), tasks(), &torn),
        ReportError::Incomplete { traces: 12, questions: 11, .. }
    ));
}

#[test]
fn a_recording_goes_on_after_a_torn_line_and_not_with_another_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.jsonl");
    let source = TraceSource::new(&spec(2), "logit");
    let question = |i: u32| Question { id: format!("one {i}"), tokens: vec![i], gold: vec![1] };
    let mut log = TraceLog::open(&path, &source).unwrap();
    log.push(&question(0), probes(&[(3, 0.1), (1, 0.9)])).unwrap();
    assert!(matches!(log.push(&question(1), probes(&[(3, 0.1)])), Err(TraceLogError::Traces { .. })));
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, whole.clone() + "{\"prompt\":\"one 1").unwrap();
    let log = TraceLog::open(&path, &source).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
    assert!(log.has(&question(0)) && !log.has(&question(1)));
    assert!(!log.has(&Question { tokens: vec![5], ..question(0) }), "other tokens are another question");
    assert_eq!(log.of(&[question(1), question(0)]).tokens().len(), 1);
    let other = TraceLog::open(&path, &TraceSource::new(&spec(2), "linear"));
    assert!(other.unwrap_err().to_string().contains("through the lens \"logit\""));
    std::fs::write(&path, "notes\n").unwrap();
    assert!(matches!(TraceLog::open(&path, &source), Err(TraceLogError::Traces { .. })));
}

//! Files of answers, whole, torn and broken.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::{OpenOptions, read_to_string};
use std::io::Write;
use std::path::Path;

use adainfer_eval::{Answer, AnswerLog, Evaluation, EvaluationError, Question, Words, WordsAnswer};

fn question(id: &str) -> Question {
    Question { id: id.to_owned(), tokens: vec![1, 2], gold: vec![3] }
}

fn answer(id: &str) -> Answer {
    Answer {
        id: id.to_owned(),
        question: question(id).hash(),
        positions: 2,
        dense_token: 3,
        token: 4,
        layers_run: 5,
        heads_run: 6,
        correct: false,
        dense_correct: true,
        wall_dense_s: 0.1 + 0.2,
        wall_s: 1e-9,
    }
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn answers_come_back_and_a_torn_end_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.jsonl");
    for id in ["one", "zwei \u{e4}\n"] {
        AnswerLog::open(&path, "run").unwrap().push(answer(id)).unwrap();
    }
    let whole = read_to_string(&path).unwrap();
    // Torn in the middle of a character.
    let torn = "{\"id\":\"\u{e4}".as_bytes();
    append(&path, &torn[..torn.len() - 1]);
    let log = AnswerLog::open(&path, "run").unwrap();
    assert_eq!(log.get(&question("zwei \u{e4}\n")).unwrap(), Some(&answer("zwei \u{e4}\n")));
    assert_eq!(log.get(&question("three")).unwrap(), None);
    assert_eq!(read_to_string(&path).unwrap(), whole);
    let other = Question { tokens: vec![9], ..question("one") };
    assert!(matches!(log.get(&other), Err(EvaluationError::OtherRun { .. })));
}

#[test]
fn a_file_that_is_torn_at_its_head_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.jsonl");
    std::fs::write(&path, "{\"adainfer_an").unwrap();
    AnswerLog::open(&path, "run").unwrap().push(answer("one")).unwrap();
    assert!(AnswerLog::<Answer>::open(&path, "run").unwrap().get(&question("one")).unwrap().is_some());
}

#[test]
fn what_is_no_file_of_answers_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.jsonl");
    let refused = |bytes: &[u8], run: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = AnswerLog::<Answer>::open(&path, run).unwrap_err().to_string();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        error
    };
    AnswerLog::open(&path, "run").unwrap().push(answer("one")).unwrap();
    let good = read_to_string(&path).unwrap();
    assert!(refused(good.as_bytes(), "other").contains("another run"));
    assert!(refused(b"notes\n", "run").contains("answers.jsonl, line 1: expected"));
    let newer = good.replace("\"adainfer_answers\":1", "\"adainfer_answers\":2");
    assert!(refused(newer.as_bytes(), "run").contains("version 2, and this library reads version 1"));
    assert!(refused((good.clone() + "{}\n").as_bytes(), "run").contains("line 3: missing field"));
    let twice = good.lines().nth(1).unwrap();
    assert!(
        refused((good.clone() + twice + "\n").as_bytes(), "run")
            .contains("line 3: \"one\" is answered twice")
    );
    assert!(refused(&[good.as_bytes(), b"\xff\n"].concat(), "run").contains("line 3: it is not UTF-8"));
    assert!(matches!(AnswerLog::<Answer>::open("no/such/folder/a", "run"), Err(EvaluationError::Io { .. })));
}

#[test]
fn files_of_version_1_are_read() {
    let fixture = |name: &str| format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let results: Evaluation =
        serde_json::from_str(&read_to_string(fixture("results.v1.json")).unwrap()).unwrap();
    assert_eq!((results.adainfer_results, results.items.len(), results.params.layers), (1, 2, 30));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.jsonl");
    std::fs::copy(fixture("answers.v1.jsonl"), &path).unwrap();
    let mut log = AnswerLog::open(&path, "a run").unwrap();
    let twice = results.items[0].clone();
    log.push(twice).unwrap();
    assert!(
        AnswerLog::<Answer>::open(&path, "a run").unwrap_err().to_string().contains("line 4"),
        "two were read"
    );
}

#[test]
fn words_are_kept_like_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.jsonl");
    let asked = question("one");
    let said = WordsAnswer::new(&asked, &["a red car"], "red car", "car", &[3, 2, 2]);
    AnswerLog::open(&path, "run").unwrap().push(said.clone()).unwrap();
    let log = AnswerLog::<WordsAnswer>::open(&path, "run").unwrap();
    assert_eq!(log.get(&asked).unwrap(), Some(&said));
    let words = Words::new(&[said]).unwrap();
    assert_eq!((words.dense_exact_match, words.exact_match, words.agreement), (1.0, 0.0, 0.0));
    assert_eq!((words.f1, words.mean_layers), (2.0 / 3.0, 7.0 / 3.0));
    assert!(words.to_string().contains("F1 0.667 (dense 1.000)"), "{words}");
    assert_eq!(Words::new(&[]), None);
}

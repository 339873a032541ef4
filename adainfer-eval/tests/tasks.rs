//! Task files, whole and broken.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use adainfer_eval::{Item, RULES, Task, TaskError, TaskFormat};
use tempfile::TempDir;

/// A file with this text in a folder of its own.
fn file(name: &str, text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn read(format: TaskFormat, name: &str, text: impl AsRef<[u8]>) -> Result<Vec<Item>, TaskError> {
    let (_folder, path) = file(name, text);
    format.read_all(&path)
}

fn refused(format: TaskFormat, name: &str, text: impl AsRef<[u8]>) -> String {
    read(format, name, text).unwrap_err().to_string()
}

#[test]
fn a_task_of_ones_own_is_json_lines() {
    let text = "\u{feff}{\"id\": \"a\", \"input\": \"2 + 2\", \"label\": \"4\", \"choices\": [\"4\", \"5\"], \"subject\": \"sums\"}\r\n\n\
                {\"id\": 7, \"input\": \"who?\", \"label\": [\"he\", \"him\"], \"title\": \"t\", \"more\": 1}\n\
                {\"input\": \"x\", \"label\": \"y\"}";
    let items = read(TaskFormat::Jsonl, "mine.jsonl", text).unwrap();
    assert_eq!(items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a", "7", "line 4"]);
    assert_eq!(
        (items[0].answer(), items[0].choices.len(), items[0].subject.as_deref()),
        ("4", 2, Some("sums"))
    );
    assert_eq!((items[1].answers.len(), items[1].article.as_deref()), (2, Some("t")));
}

#[test]
fn a_line_that_is_none_is_named_with_its_number() {
    let good = "{\"input\": \"x\", \"label\": \"y\"}\n";
    let said = |bad: &str| refused(TaskFormat::Jsonl, "m.jsonl", format!("{good}\n{bad}\n{good}"));
    assert!(said("{").contains("m.jsonl, line 3: EOF while parsing"), "{}", said("{"));
    assert!(said("{\"input\": \"x\"}").contains("line 3: missing field `label`"));
    assert!(said("{\"input\": \"x\", \"label\": 3}").contains("neither a text nor a list"));
    assert!(said("{\"input\": \"x\", \"label\": []}").contains("the list of labels is empty"));
    let outside = said("{\"input\": \"x\", \"label\": \"z\", \"choices\": [\"a\", \"b\"]}");
    assert!(outside.ends_with("line 3: the label \"z\" is none of a, b"), "{outside}");
    let bytes = [good.as_bytes(), b"\xff\n"].concat();
    assert!(refused(TaskFormat::Jsonl, "m.jsonl", bytes).contains("line 2: it is not UTF-8"));
    let long = format!("{good}{}", "x".repeat((1 << 20) + 1));
    assert!(refused(TaskFormat::Jsonl, "m.jsonl", long).contains("line 2: it is longer than 1048576 bytes"));
    for (format, name) in
        [(TaskFormat::Jsonl, "m.jsonl"), (TaskFormat::AgNews, "a.csv"), (TaskFormat::Sst2, "a.tsv")]
    {
        assert!(matches!(read(format, name, ""), Err(TaskError::Empty { .. })));
    }
    let missing = TaskFormat::Jsonl.read_all(Path::new("no/such.jsonl"));
    assert!(matches!(missing, Err(TaskError::Io { .. })));
    assert!(matches!(TaskFormat::Jsonl.read_all(&std::env::temp_dir()), Err(TaskError::Io { .. })));
}

#[test]
fn what_stands_after_a_bad_line_is_not_read() {
    let (_folder, path) = file("m.jsonl", "{}\n{\"input\": \"x\", \"label\": \"y\"}\n");
    let found: Vec<_> = TaskFormat::Jsonl.read(&path).unwrap().collect();
    assert!(found.len() == 1 && found[0].is_err());
}

#[test]
fn sst2_is_a_table_with_names() {
    let items = read(TaskFormat::Sst2, "dev.tsv", "sentence\tlabel\na \"fine film \t1\ndull .\t0\n").unwrap();
    assert_eq!((items[0].input.as_str(), items[0].answer()), ("a \"fine film", "positive"));
    assert_eq!((items[1].answer(), items[1].choices.join("/")), ("negative", "negative/positive".to_owned()));
    let said = refused(TaskFormat::Sst2, "test.tsv", "index\tsentence\n0\tdull\n");
    assert!(said.contains("line 2: the file has no column \"label\""), "{said}");
    assert!(refused(TaskFormat::Sst2, "t", "sentence\tlabel\nx\t2\n").contains("\"2\" is neither 0 nor 1"));
    let said = refused(TaskFormat::Sst2, "t", "sentence\tlabel\nx\t1\ny\n");
    assert!(said.contains("line 3: it has 1 columns where the first line has 2"), "{said}");
}

#[test]
fn ag_news_is_a_table_without_names() {
    let text = "\"3\",\"Oil up\",\"A barrel, \"\"they say\"\",\ncosts more.\"\n4,Stars,Far away.\n";
    let items = read(TaskFormat::AgNews, "test.csv", text).unwrap();
    assert_eq!(items[0].input, "Oil up A barrel, \"they say\",\ncosts more.");
    assert_eq!(
        (items[0].answer(), items[1].answer(), items[1].id.as_str()),
        ("Business", "Science", "line 3")
    );
    assert!(
        refused(TaskFormat::AgNews, "a.csv", "0,a,b\n").contains("line 1: the class \"0\" is none of 1 to 4")
    );
    assert!(refused(TaskFormat::AgNews, "a.csv", "1,a\n").contains("column 3 is missing: it has 2"));
}

#[test]
fn mmlu_is_a_folder_of_subjects() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("zoology_test.csv", "\"How many legs, has a cat?\",2,4,6,8,B\n"),
        ("anatomy_test.csv", "a,b,c,d,e,A\nq,w,e,r,t,D\n"),
        ("notes.txt", "not read"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let items = TaskFormat::Mmlu.read_all(folder.path()).unwrap();
    let subjects: Vec<_> = items.iter().map(|item| item.subject.as_deref().unwrap()).collect();
    assert_eq!(subjects, ["anatomy", "anatomy", "zoology"]);
    assert_eq!(items[2].input, "How many legs, has a cat?\nA. 2\nB. 4\nC. 6\nD. 8");
    assert_eq!((items[2].answer(), items[2].id.as_str()), ("B", "zoology_test 1"));
    assert!(refused(TaskFormat::Mmlu, "x.csv", "a,b,c,d,e,E\n").contains("\"E\" is none of A, B, C, D"));
}

#[test]
fn commonsense_qa_is_json_lines() {
    let line = r#"{"id": "1", "question": {"stem": "Where?", "choices": [{"label": "A", "text": "here"}, {"label": "B", "text": "there"}]}, "answerKey": "B"}"#;
    let items = read(TaskFormat::CommonsenseQa, "dev.jsonl", line).unwrap();
    assert_eq!((items[0].input.as_str(), items[0].answer()), ("Where?\nA. here\nB. there", "B"));
    let said = refused(TaskFormat::CommonsenseQa, "test.jsonl", line.replace("answerKey", "key"));
    assert!(said.contains("line 1: missing field `answerKey`"), "{said}");
}

#[test]
fn squad_is_one_document() {
    let text = r#"{"version": "v2.0", "data": [{"title": "Oaks", "paragraphs": [{"context": "Oaks are trees.", "qas": [
        {"id": "1", "question": "What are oaks?", "answers": [{"text": "trees", "answer_start": 9}, {"text": "trees"}, {"text": "Trees"}]},
        {"id": "2", "question": "Why?", "answers": [], "is_impossible": true}]}]}]}"#;
    let items = read(TaskFormat::Squad, "dev-v2.0.json", text).unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].input, "Context: Oaks are trees.\nQuestion: What are oaks?");
    assert_eq!(
        (items[0].answers.join("|"), items[0].article.as_deref()),
        ("trees|Trees".to_owned(), Some("Oaks"))
    );
    let said = refused(TaskFormat::Squad, "dev.json", text.replace("\"question\": \"Why?\",", ""));
    assert!(said.contains("dev.json, line 3: missing field `question`"), "{said}");
}

#[test]
fn rules_come_with_the_library() {
    for (name, _) in RULES {
        let task = Task::rule(name).unwrap();
        assert!(task.pool.len() >= 20 && task.eval.len() >= 20, "{name}");
        let mut inputs: Vec<_> = task.pool.iter().chain(&task.eval).map(|item| &item.input).collect();
        inputs.sort_unstable();
        inputs.dedup();
        assert_eq!(inputs.len(), task.pool.len() + task.eval.len(), "{name} asks twice");
    }
    assert!(Task::rule("no such rule").is_none());
    let items = read(TaskFormat::FunctionVectors, "sums.json", r#"[{"input": "2", "output": 3}]"#).unwrap();
    assert_eq!((items[0].id.as_str(), items[0].answer()), ("sums 1", "3"));
}

#[test]
fn a_task_is_found_in_its_folder_or_in_one_of_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("mine");
    std::fs::create_dir(&own).unwrap();
    let line = |id: &str| format!("{{\"id\": \"{id}\", \"input\": \"x\", \"label\": \"y\"}}\n");
    std::fs::write(own.join("train.jsonl"), line("a")).unwrap();
    std::fs::write(own.join("eval.jsonl"), line("b")).unwrap();
    for place in [folder.path(), &own] {
        let task = Task::open("mine", place).unwrap();
        assert_eq!((task.pool[0].id.as_str(), task.eval[0].id.as_str()), ("a", "b"));
    }
    std::fs::write(own.join("eval.jsonl"), line("b").repeat(2)).unwrap();
    let said = Task::open("mine", &own).unwrap_err().to_string();
    assert!(said.ends_with("has two items that are called \"b\""), "{said}");
    let said = Task::open("squad", folder.path()).unwrap_err().to_string();
    assert!(said.contains("train.jsonl with eval.jsonl, train-v1.1.json with dev-v1.1.json"), "{said}");
    std::fs::write(
        folder.path().join("sst2.json"),
        r#"[{"input": "a", "output": "b"}, {"input": "c", "output": "d"}]"#,
    )
    .unwrap();
    let task = Task::open("sst2", folder.path()).unwrap();
    assert_eq!((task.pool.len(), task.eval[0].answer()), (1, "d"));
}

#[test]
fn formats_have_names() {
    for format in TaskFormat::ALL {
        assert_eq!(format.to_string().parse::<TaskFormat>().unwrap(), format);
    }
    let said = "glue".parse::<TaskFormat>().unwrap_err().to_string();
    assert!(said.contains("\"glue\"") && said.contains("ag_news, mmlu"), "{said}");
}

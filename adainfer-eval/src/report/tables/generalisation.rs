use super::Table;
use super::cells::{Mean, NOT_RUN, cells};
use crate::{Generalisation, Kind, Report};

/// The paper's table 5: classifiers on what they were not trained on, tested on sentiment.
pub(super) fn table(report: &Report) -> Table {
    let mut header = cells(&["generalisation", "trained on", "tested on", "classifier", "lens"]);
    header.extend(cells(&["tasks", "n", "accuracy, %", "layers (var.)", "FLOPs, %"]));
    let sentiment: Vec<_> =
        report.tasks.iter().filter(|task| task.kind == "sentiment").map(|task| task.name.as_str()).collect();
    let is_tested = |task: &str| sentiment.is_empty() || task.is_empty() || sentiment.contains(&task);
    let mut groups: Vec<Vec<&Generalisation>> = Vec::new();
    for found in report.generalisation.iter().filter(|found| is_tested(&found.of.task)) {
        let is_same =
            |group: &&mut Vec<&Generalisation>| group.first().is_some_and(|first| key(first) == key(found));
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(found),
            None => groups.push(vec![found]),
        }
    }
    groups.sort_by_key(|group| group.first().map(|first| order(first.kind)));
    let rows = groups.iter().filter_map(|group| row(group)).collect();
    let tasks = if sentiment.is_empty() { "all tasks".to_owned() } else { sentiment.join(", ") };
    let note = format!(
        "Tested on {tasks} with {} demonstrations. Intra-task: trained on the same task's pool. Inter-task: trained on the question \
         answering tasks. Inter-model: trained on the other model, on all tasks; layers are those of the model that it \
         is tested on. A classifier that had nothing to learn, as no exit was right, never exits.",
        report.main_shots()
    );
    Table {
        name: "table-5".to_owned(),
        title: "Table 5: generalisation".to_owned(),
        header,
        labels: 5,
        rows,
        note,
    }
}

/// What tells rows apart.
fn key(found: &Generalisation) -> (Kind, &str, &str, &str, &str) {
    (found.kind, &found.trained_on, &found.of.model, &found.of.method, &found.of.lens)
}

fn order(kind: Kind) -> u8 {
    match kind {
        Kind::IntraTask => 0,
        Kind::InterTask => 1,
        Kind::InterModel => 2,
    }
}

fn row(group: &[&Generalisation]) -> Option<Vec<String>> {
    let first = group.first()?;
    let name = match first.kind {
        Kind::IntraTask => "intra-task",
        Kind::InterTask => "inter-task",
        Kind::InterModel => "inter-model",
    };
    let mut row = cells(&[name, &first.trained_on, &first.of.model, &first.of.method, &first.of.lens]);
    match Mean::of(group.iter().filter_map(|found| found.score.as_ref())) {
        Some(mean) => row.extend([
            group.len().to_string(),
            mean.n.to_string(),
            mean.accuracy(),
            mean.layers(),
            mean.flops(),
        ]),
        None => row.extend(vec![NOT_RUN.to_owned(); 5]),
    }
    Some(row)
}

use super::Table;
use super::cells::{Mean, NOT_RUN, Way, cells, listed};
use crate::{ModelEntry, Report, Score};

/// The paper's table 7: every model without demonstrations.
pub(super) fn zero_shot(report: &Report) -> Table {
    table(report, "table-7", "Table 7: zero-shot", &[0])
}

/// The paper's table 8: every model with some.
pub(super) fn few_shot(report: &Report) -> Table {
    table(report, "table-8", "Table 8: few-shot", &report.few_shots())
}

fn table(report: &Report, name: &str, title: &str, shots: &[usize]) -> Table {
    let kinds = kinds(report);
    let mut header = cells(&["model", "method"]);
    let averages = kinds.iter().map(|(kind, _)| format!("{kind}, average"));
    for column in report.tasks.iter().map(|task| task.name.clone()).chain(averages) {
        header.extend([format!("{column}, %"), "FLOPs, %".to_owned()]);
    }
    let rows = report.rows_of(header.len(), |model| {
        let ways = ways(report, &model.name);
        let rows = ways.iter().map(|way| row(report, model, way, &kinds, shots));
        rows.chain([counts(report, model, &kinds, shots)]).collect()
    });
    let note = format!(
        "{} demonstrations. Accuracy of the first token in percent; FLOPs beside dense's, of the layers and heads that were run, and in \
         brackets by the paper's count. Rule: gap above 0.8.",
        listed(shots)
    );
    Table { name: name.to_owned(), title: title.to_owned(), header, labels: 2, rows, note }
}

/// Kinds of tasks of which there are several, with their tasks.
fn kinds(report: &Report) -> Vec<(&str, Vec<&str>)> {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for task in &report.tasks {
        match kinds.iter_mut().find(|(kind, _)| *kind == task.kind) {
            Some((_, tasks)) => tasks.push(&task.name),
            None => kinds.push((&task.kind, vec![&task.name])),
        }
    }
    kinds.retain(|(_, tasks)| tasks.len() > 1);
    kinds
}

fn ways(report: &Report, model: &str) -> Vec<Way> {
    let mut ways = vec![Way::new("dense", "dense", "logit")];
    for lens in report.lenses_of(model) {
        for (name, method) in
            [("Rule", "gap:0.8"), ("CRF", "crf"), ("SVM", "svm"), ("certified", "certified logistic")]
        {
            ways.push(Way::new(&format!("AdaInfer w. {name}, {lens} lens"), method, &lens));
        }
    }
    ways
}

fn row(
    report: &Report,
    model: &ModelEntry,
    way: &Way,
    kinds: &[(&str, Vec<&str>)],
    shots: &[usize],
) -> Vec<String> {
    let mut row = vec![model.name.clone(), way.title.clone()];
    let mut push = |mean: Option<Mean>| match mean {
        Some(mean) => row.extend([mean.accuracy(), mean.flops()]),
        None => row.extend([NOT_RUN.to_owned(), NOT_RUN.to_owned()]),
    };
    for task in &report.tasks {
        push(report.mean(&model.name, way, &task.name, shots));
    }
    for (_, tasks) in kinds {
        let is_of = |score: &&Score| tasks.contains(&score.of.task.as_str());
        push(Mean::of(report.scores_of(&model.name, way, shots).filter(is_of)));
    }
    row
}

/// The row that says how many questions there were.
fn counts(report: &Report, model: &ModelEntry, kinds: &[(&str, Vec<&str>)], shots: &[usize]) -> Vec<String> {
    let dense = Way::new("dense", "dense", "logit");
    let mut row = cells(&[&model.name, "questions"]);
    let n = |tasks: &[&str]| -> usize {
        let scores = report.scores_of(&model.name, &dense, shots);
        scores.filter(|score| tasks.contains(&score.of.task.as_str())).map(|score| score.n).sum()
    };
    let tasks = report.tasks.iter().map(|task| vec![task.name.as_str()]);
    for tasks in tasks.chain(kinds.iter().map(|(_, tasks)| tasks.clone())) {
        row.extend([n(&tasks).to_string(), String::new()]);
    }
    row
}

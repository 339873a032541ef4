use super::Table;
use super::cells::{NOT_RUN, Way, cells, listed, percent};
use crate::{ModelEntry, Report};

/// The paper's table 2: accuracy, layers and their variance, few shots, by model, method and task.
pub(super) fn table(report: &Report) -> Table {
    let mut header = cells(&["model", "method", "pruned, %"]);
    for task in &report.tasks {
        header.extend([format!("{}, %", task.name), "layers (var.)".to_owned()]);
    }
    let shots = report.few_shots();
    let rows = report.rows_of(header.len(), |model| rows(report, model, &shots));
    let note = format!(
        "Means over {} demonstrations; accuracy of the first token in percent, layers run with their variance. ShortGPT leaves \
         out the layers of least influence whatever is asked, \"skip last\" the last ones. Of an AdaInfer row the SVM is the paper's \
         (gap and top prob, scikit-learn's defaults); a certified row changes at most {} of 100 answers like those that it \
         was certified on, but for a probability of {}.",
        listed(&shots),
        percent(report.epsilon),
        report.delta
    );
    Table {
        name: "table-2".to_owned(),
        title: "Table 2: few-shot results".to_owned(),
        header,
        labels: 2,
        rows,
        note,
    }
}

/// The methods that the paper compares, and ours.
pub(super) fn ways(report: &Report, model: &str) -> Vec<Way> {
    let mut ways = vec![
        Way::new("dense", "dense", "logit"),
        Way::new("ShortGPT", "shortgpt:", "logit"),
        Way::new("skip last 5", "skip-last:5", "logit"),
        Way::new("skip last 3", "skip-last:3", "logit"),
    ];
    for lens in report.lenses_of(model) {
        ways.push(Way::new(&format!("AdaInfer (SVM), {lens} lens"), "svm", &lens));
    }
    for lens in report.lenses_of(model) {
        ways.push(Way::new(&format!("certified, {lens} lens"), "certified logistic", &lens));
    }
    ways
}

fn rows(report: &Report, model: &ModelEntry, shots: &[usize]) -> Vec<Vec<String>> {
    let mut rows: Vec<_> = ways(report, &model.name)
        .iter()
        .map(|way| {
            let found = report.tasks.iter().map(|task| report.mean(&model.name, way, &task.name, shots));
            let found: Vec<_> = found.collect();
            let pruned = found.iter().flatten().map(|mean| mean.pruning);
            let (low, high) = pruned.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
            let mut row = vec![model.name.clone(), way.title.clone()];
            row.push(match (low > high, high - low < 5e-4) {
                (true, _) => NOT_RUN.to_owned(),
                (_, true) => percent(low),
                _ => format!("{}-{}", percent(low), percent(high)),
            });
            for mean in found {
                let none = || NOT_RUN.to_owned();
                row.push(mean.map_or_else(none, |mean| mean.accuracy()));
                row.push(mean.map_or_else(none, |mean| mean.layers()));
            }
            row
        })
        .collect();
    if let Some(dense) = ways(report, &model.name).first() {
        let mut row = vec![model.name.clone(), "questions".to_owned(), String::new()];
        for task in &report.tasks {
            let n = report.mean(&model.name, dense, &task.name, shots).map(|mean| mean.n.to_string());
            row.extend([n.unwrap_or_else(|| NOT_RUN.to_owned()), String::new()]);
        }
        rows.push(row);
    }
    rows
}

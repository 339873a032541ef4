use super::Table;
use super::cells::{NOT_RUN, cells, percent};
use crate::Report;

/// The paper's table 6: the SVM with more features and fewer.
pub(super) fn table(report: &Report) -> Table {
    let mut header = cells(&["model", "lens", "features"]);
    for task in &report.tasks {
        header.extend([format!("{}, %", task.name), "layers (var.)".to_owned()]);
    }
    let mut keys: Vec<(&str, &str, &str)> = Vec::new();
    for found in &report.ablation {
        let key = (found.score.of.model.as_str(), found.score.of.lens.as_str(), found.features.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut rows = Vec::new();
    for (model, lens, features) in keys {
        let mut row = cells(&[model, lens, features]);
        for task in &report.tasks {
            let found = report.ablation.iter().find(|found| {
                let of = &found.score.of;
                (of.model.as_str(), of.lens.as_str(), found.features.as_str()) == (model, lens, features)
                    && of.task == task.name
            });
            match found.map(|found| &found.score) {
                Some(score) => row.extend([
                    percent(score.accuracy),
                    format!("{:.2} ({:.2})", score.mean_layers, score.var_layers),
                ]),
                None => row.extend([NOT_RUN.to_owned(), NOT_RUN.to_owned()]),
            }
        }
        rows.push(row);
    }
    let n = report.ablation.iter().map(|found| found.score.n).max().unwrap_or(0);
    let note = format!(
        "The paper's SVM, trained on all tasks, with {} demonstrations; up to {n} questions a task. Base: gap and top prob. Six: their \
         changes and products too. Eight: token frequency and consistency too. + attn, + hidden, + mlp: the cosine with the \
         layer before of the attention's output, the hidden state, the MLP's output. + kl: the divergence from the layer \
         before.",
        report.main_shots()
    );
    Table { name: "table-6".to_owned(), title: "Table 6: features".to_owned(), header, labels: 3, rows, note }
}

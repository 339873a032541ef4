use super::Table;
use super::cells::{cells, within};
use crate::{Report, Score};

/// Every policy through every lens, by task.
pub(super) fn table(report: &Report) -> Table {
    let header = cells(&[
        "model",
        "task",
        "lens",
        "method",
        "n",
        "accuracy, %",
        "agreement, %",
        "layers (var.)",
        "heads",
        "FLOPs, %",
    ]);
    let shots = report.main_shots();
    let rows = report.scores.iter().filter(|score| score.of.shots == shots).map(row).collect();
    let note = format!(
        "{shots} demonstrations; shares with 95 % intervals. \"Optimal\" exits where the token is first right, \"optimal (dense)\" where it \
         is first dense's, \"saturation\" from where it stays dense's: three that know the answer."
    );
    Table {
        name: "methods".to_owned(),
        title: "Every policy, every lens".to_owned(),
        header,
        labels: 4,
        rows,
        note,
    }
}

fn row(score: &Score) -> Vec<String> {
    let of = &score.of;
    let mut row = cells(&[&of.model, &of.task, &of.lens, &of.method]);
    row.extend([
        score.n.to_string(),
        within(score.accuracy, score.accuracy_interval),
        within(score.agreement, score.agreement_interval),
        format!("{:.2} ({:.2})", score.mean_layers, score.var_layers),
        format!("{:.2}", score.mean_heads),
        format!("{:.1}", 100.0 * score.flops_ratio),
    ]);
    row
}

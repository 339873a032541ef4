use super::Table;
use super::cells::{cells, percent, within};
use crate::Report;

/// Answers in words; nothing where there are none.
pub(super) fn table(report: &Report) -> Option<Table> {
    let header = cells(&[
        "model",
        "task",
        "method",
        "lens",
        "n",
        "dense EM, %",
        "dense F1, %",
        "EM, %",
        "F1, %",
        "same text, %",
        "layers a token",
    ]);
    let rows: Vec<_> = report
        .texts
        .iter()
        .map(|text| {
            let (of, words) = (&text.of, &text.words);
            let mut row = cells(&[&of.model, &of.task, &of.method, &of.lens]);
            row.extend([
                words.n.to_string(),
                percent(words.dense_exact_match),
                percent(words.dense_f1),
                within(words.exact_match, words.exact_match_interval),
                percent(words.f1),
                percent(words.agreement),
                format!("{:.2}", words.mean_layers),
            ]);
            row
        })
        .collect();
    let shots = report.texts.first()?.of.shots;
    let note = format!(
        "Greedy answers up to the end of the line, with {shots} demonstrations, beside the accepted ones: exact match (EM) and F1 as \
         SQuAD counts them."
    );
    Some(Table {
        name: "texts".to_owned(),
        title: "Answers in words".to_owned(),
        header,
        labels: 4,
        rows,
        note,
    })
}

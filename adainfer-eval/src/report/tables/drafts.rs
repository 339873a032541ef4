use super::Table;
use super::cells::{NOT_RUN, cells, percent, within};
use crate::Report;

/// Draft and verify for the first token (paper, figure 6d).
pub(super) fn table(report: &Report) -> Table {
    let header = cells(&[
        "model",
        "task",
        "shots",
        "n",
        "draft's layers",
        "drafts accepted, %",
        "accuracy, %",
        "FLOPs, %",
    ]);
    let mut rows: Vec<_> = report
        .drafts
        .iter()
        .map(|draft| {
            let mut row = cells(&[&draft.model, &draft.task]);
            row.extend([draft.shots, draft.n, draft.draft_layers].map(|number| number.to_string()));
            row.push(within(draft.accepted, draft.accepted_interval));
            row.extend([percent(draft.accuracy), percent(draft.flops_ratio)]);
            row
        })
        .collect();
    if rows.is_empty() {
        rows.push(vec![NOT_RUN.to_owned(); header.len()]);
    }
    let note = "The model without its least influential layers drafts the first token, and the whole model verifies it: all of its \
                layers run for the first token whatever the draft, so that nothing is saved there. FLOPs count both."
        .to_owned();
    Table { name: "drafts".to_owned(), title: "Draft and verify".to_owned(), header, labels: 2, rows, note }
}

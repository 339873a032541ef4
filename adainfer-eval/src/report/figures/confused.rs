//! Figure 4: where the support vector machine exits, and where it should.

use super::Figure;
use super::cells::{Cells, legend};
use super::sheet::Sheet;
use super::view::View;
use super::words::{demonstrations, questions};
use crate::ReportError;

/// The figure; nothing where no exits were counted.
pub(super) fn figure(view: &View<'_>, name: &str) -> Result<Option<Figure>, ReportError> {
    let shots = view.report.main_shots();
    let scores = view.report.tasks.iter().filter_map(|task| view.score(&task.name, shots, "svm"));
    let scores: Vec<_> = scores.filter_map(|score| Some((score, score.confusion?))).collect();
    let panels: Vec<_> = scores
        .iter()
        .map(|(score, counts)| Cells {
            title: score.of.task.clone(),
            columns: ("what the policy did", ["exited", "went on"]),
            rows: ("exit", ["right", "wrong"]),
            counts: [[counts.true_exits, counts.missed_exits], [counts.false_exits, counts.true_continues]],
        })
        .collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let svg = Sheet { legend: &legend(), panels: &panels, columns: 3, height: 220 }.to_svg(name)?;
    let caption = format!(
        "Decisions of the support vector machine before the last layer of {}, through the {} lens: \
         whether it exited (columns), and whether an exit was right, that is, the token was the whole \
         model's (rows); {}; {}.",
        view.model.name,
        view.lens,
        demonstrations(&[shots]),
        questions(scores.iter().map(|(score, _)| score.n)),
    );
    let title = format!("Figure 4: confusion of the SVM ({})", view.of());
    Ok(Some(Figure { name: name.to_owned(), title, caption, svg }))
}

//! Figure 6b: other ways to decide beside the support vector machine.

use super::Figure;
use super::bars::{Bars, Series, legend};
use super::measure::Measure;
use super::sheet::Sheet;
use super::view::View;
use super::words::demonstrations;
use crate::ReportError;

const METHODS: [&str; 4] = ["gap:0.8", "crf", "svm", "certified logistic"];

/// The figure; nothing where none of them was run.
pub(super) fn figure(view: &View<'_>, name: &str) -> Result<Option<Figure>, ReportError> {
    let panels = [Measure::Accuracy, Measure::Operations].map(|measure| panel(view, measure));
    let [accuracy, operations] = &panels;
    if accuracy.series.is_empty() && operations.series.is_empty() {
        return Ok(None);
    }
    let legend = legend(&accuracy.series, Some("dense"));
    let svg = Sheet { legend: &legend, panels: &panels, columns: 1, height: 260 }.to_svg(name)?;
    let shots = view.report.few_shots();
    let caption = format!(
        "Accuracy, and operations beside the whole model's (vertical axes) in each task (horizontal \
         axis), of {} through the {} lens, by what decides; means over {}; {}.",
        view.model.name,
        view.lens,
        demonstrations(&shots),
        view.questions(&shots),
    );
    let title = format!("Figure 6b: ways to decide ({})", view.of());
    Ok(Some(Figure { name: name.to_owned(), title, caption, svg }))
}

fn panel(view: &View<'_>, measure: Measure) -> Bars {
    let shots = view.report.few_shots();
    let series = METHODS.map(|method| view.bars(&shots, method, measure));
    Bars {
        measure,
        groups: ("task", view.tasks()),
        series: series.into_iter().filter(Series::is_some).collect(),
        reference: view.bars(&shots, "dense", measure).values,
    }
}

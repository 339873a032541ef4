//! Figure 5: the earliest layer that would do, beside the layers that policies run.

use super::Figure;
use super::bars::{Bars, Series, legend};
use super::colours::{BLUE, GREY, lighter, shade};
use super::measure::Measure;
use super::sheet::Sheet;
use super::view::View;
use super::words::demonstrations;
use crate::{Ablation, ReportError};

/// The figure; nothing where no layers were counted.
pub(super) fn figure(view: &View<'_>, name: &str) -> Result<Option<Figure>, ReportError> {
    let series: Vec<_> = bars(view).into_iter().filter(Series::is_some).collect();
    if series.is_empty() {
        return Ok(None);
    }
    let depth = view.model.layers.map(|layers| layers as f64);
    let reference = depth.map(|depth| format!("all {depth:.0} layers"));
    let legend = legend(&series, reference.as_deref());
    let panels = [Bars {
        measure: Measure::Layers,
        groups: ("task", view.tasks()),
        series,
        reference: vec![depth; view.report.tasks.len()],
    }];
    let svg = Sheet { legend: &legend, panels: &panels, columns: 1, height: 340 }.to_svg(name)?;
    let shots = [view.report.main_shots()];
    let caption = format!(
        "Mean layers of {} that are run for an answer (vertical axis) in each task (horizontal axis), \
         through the {} lens: the earliest layer whose token is right, the earliest from which all tokens \
         are the whole model's (saturation), and support vector machines with 2, 6 and 8 features; {}; \
         {}.",
        view.model.name,
        view.lens,
        demonstrations(&shots),
        view.questions(&shots),
    );
    let title = format!("Figure 5: the oracle beside policies ({})", view.of());
    Ok(Some(Figure { name: name.to_owned(), title, caption, svg }))
}

fn bars(view: &View<'_>) -> Vec<Series> {
    let shots = [view.report.main_shots()];
    let oracles = [
        ("optimal", "earliest layer with the right token", GREY),
        ("saturation", "saturation", lighter(GREY)),
    ];
    let oracles = oracles.map(|(method, name, colour)| {
        let bars = view.bars(&shots, method, Measure::Layers);
        Series { name: name.to_owned(), colour, ..bars }
    });
    let svm = [("base", 2, 0.4), ("six", 6, 0.7), ("eight", 8, 1.0)];
    let svm = svm.map(|(set, count, share)| Series {
        name: format!("SVM, {count} features"),
        colour: shade(BLUE, share),
        values: view.tasks().iter().map(|task| with_features(view, task, set)).collect(),
    });
    let certified = view.bars(&shots, "certified logistic", Measure::Layers);
    oracles.into_iter().chain(svm).chain([certified]).collect()
}

fn with_features(view: &View<'_>, task: &str, set: &str) -> Option<f64> {
    let shots = view.report.main_shots();
    let is = |ablation: &&Ablation| {
        let of = &ablation.score.of;
        ablation.features == set
            && (of.model == view.model.name && of.lens == view.lens)
            && (of.task == task && of.shots == shots && of.method == "svm")
    };
    let found = view.report.ablation.iter().find(is)?;
    Some(found.score.mean_layers).filter(|layers| layers.is_finite())
}

//! Figure 6c: policies on what they were not trained on.

use super::Figure;
use super::bars::{Bars, Series, legend};
use super::colours::{lighter, of_method};
use super::measure::Measure;
use super::sheet::Sheet;
use super::view::{View, mean};
use super::words::questions;
use crate::{Generalisation, Kind, ReportError, Score};

const KINDS: [(Kind, &str); 3] = [
    (Kind::IntraTask, "the same task (intra-task)"),
    (Kind::InterTask, "other tasks (inter-task)"),
    (Kind::InterModel, "another model (inter-model)"),
];

/// The figure, of all lenses; nothing where nothing was tried, or on other models alone.
pub(super) fn figure(view: &View<'_>, name: &str) -> Result<Option<Figure>, ReportError> {
    let scores = scores(view);
    let tried = &view.report.generalisation;
    if scores.is_empty() && (tried.is_empty() || tried.iter().any(|tried| tried.score.is_some())) {
        return Ok(None);
    }
    let panels = [Measure::Accuracy, Measure::Layers].map(|measure| panel(view, &scores, measure));
    let [accuracy, _] = &panels;
    let legend = legend(&accuracy.series, None);
    let svg = Sheet { legend: &legend, panels: &panels, columns: 1, height: 260 }.to_svg(name)?;
    let caption = format!(
        "Accuracy, and mean layers run (vertical axes), of policies by what they were trained on \
         (horizontal axis), tested on {} or, inter-model, trained on it and tested on another: means over the tasks that each was tested on; {}.",
        view.model.name,
        questions(scores.iter().map(|(_, score)| score.n)),
    );
    let title = format!("Figure 6c: policies on what they were not trained on ({})", view.model.name);
    Ok(Some(Figure { name: name.to_owned(), title, caption, svg }))
}

/// Those that were tested on the model, and those that were trained on it and tested on another.
fn scores<'a>(view: &View<'a>) -> Vec<(Kind, &'a Score)> {
    let name = &view.model.name;
    let is_own = |tried: &&Generalisation| match tried.kind {
        Kind::InterModel => tried.trained_on == *name,
        _ => tried.of.model == *name,
    };
    let tried = view.report.generalisation.iter().filter(is_own);
    tried.filter_map(|tried| Some((tried.kind, tried.score.as_ref()?))).collect()
}

fn panel(view: &View<'_>, scores: &[(Kind, &Score)], measure: Measure) -> Bars {
    let groups = ("trained on", KINDS.map(|(_, name)| name.to_owned()).to_vec());
    Bars { measure, groups, series: series(view, scores, measure), reference: Vec::new() }
}

/// Bars for each classifier and lens, in the order of the report.
fn series(view: &View<'_>, scores: &[(Kind, &Score)], measure: Measure) -> Vec<Series> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (_, score) in scores {
        let pair = (score.of.method.as_str(), score.of.lens.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let lenses = super::lenses(view.report);
    let bars = pairs.into_iter().map(|(method, lens)| {
        let place = lenses.iter().position(|known| *known == lens).unwrap_or(0);
        let same = |score: &Score| score.of.method == method && score.of.lens == lens;
        let value = |kind: Kind| {
            let found = scores.iter().filter(|(other, score)| *other == kind && same(score));
            mean(found.map(|(_, score)| measure.of(score)))
        };
        Series {
            name: format!("{method}, {lens} lens"),
            colour: (0..place).fold(of_method(method), |colour, _| lighter(colour)),
            values: KINDS.map(|(kind, _)| value(kind)).to_vec(),
        }
    });
    bars.collect()
}

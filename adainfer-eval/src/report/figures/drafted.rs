//! Figure 6d: draft and verify beside early exit.

use std::collections::BTreeSet;

use super::Figure;
use super::bars::{Bars, Series, legend};
use super::colours::{RED, lighter};
use super::measure::Measure;
use super::sheet::Sheet;
use super::view::{View, mean};
use super::words::{demonstrations, questions};
use crate::{Drafts, ReportError};

const METHODS: [&str; 2] = ["svm", "certified logistic"];

/// The figure; nothing where no drafts were made.
pub(super) fn figure(view: &View<'_>, name: &str) -> Result<Option<Figure>, ReportError> {
    let drafts = drafts(view);
    if drafts.is_empty() {
        return Ok(None);
    }
    // Dense is what verifies: its operations are those where only the whole model counts.
    let whole = vec![Some(100.0); view.report.tasks.len()];
    let panels = [
        panel(view, &drafts, Measure::Operations, whole),
        panel(view, &drafts, Measure::Accuracy, Vec::new()),
    ];
    let [operations, _] = &panels;
    let legend = legend(&operations.series, Some("draft and verify, only the whole model counted"));
    let svg = Sheet { legend: &legend, panels: &panels, columns: 1, height: 260 }.to_svg(name)?;
    let caption = format!(
        "Operations for the first token beside the whole model's, and accuracy (vertical axes), in each \
         task (horizontal axis): a shallower model drafts and all of {} verifies, with the draft counted \
         and without, beside early exit through the {} lens; means over {}; {}.",
        view.model.name,
        view.lens,
        demonstrations(&shots(&drafts)),
        questions(drafts.iter().map(|drafts| drafts.n)),
    );
    let title = format!("Figure 6d: draft and verify beside early exit ({})", view.of());
    Ok(Some(Figure { name: name.to_owned(), title, caption, svg }))
}

/// The few-shot ones where there are any, else all.
fn drafts<'a>(view: &View<'a>) -> Vec<&'a Drafts> {
    let all = view.report.drafts.iter().filter(|drafts| drafts.model == view.model.name);
    let few = view.report.few_shots();
    let found: Vec<_> = all.clone().filter(|drafts| few.contains(&drafts.shots)).collect();
    if found.is_empty() { all.collect() } else { found }
}

fn shots(drafts: &[&Drafts]) -> Vec<usize> {
    drafts.iter().map(|drafts| drafts.shots).collect::<BTreeSet<_>>().into_iter().collect()
}

fn panel(view: &View<'_>, drafts: &[&Drafts], measure: Measure, reference: Vec<Option<f64>>) -> Bars {
    let depths: BTreeSet<_> = drafts.iter().map(|drafts| drafts.draft_layers).collect();
    let drafted = depths.into_iter().enumerate().map(|(place, depth)| Series {
        name: format!("draft of {depth} layers, and verify"),
        colour: (0..place).fold(RED, |colour, _| lighter(colour)),
        values: view.tasks().iter().map(|task| value(drafts, task, depth, measure)).collect(),
    });
    // Over the same demonstrations, so that they can be compared.
    let shots = shots(drafts);
    let decided = METHODS.iter().map(|method| view.bars(&shots, method, measure));
    let series = drafted.chain(decided).filter(Series::is_some).collect();
    Bars { measure, groups: ("task", view.tasks()), series, reference }
}

/// The mean of a task's drafts of so many layers.
fn value(drafts: &[&Drafts], task: &str, depth: usize, measure: Measure) -> Option<f64> {
    let same = drafts.iter().filter(|drafts| drafts.task == task && drafts.draft_layers == depth);
    mean(same.map(|drafts| match measure {
        Measure::Accuracy => drafts.accuracy,
        Measure::Operations => drafts.flops_ratio * 100.0,
        Measure::Layers => f64::NAN,
    }))
}

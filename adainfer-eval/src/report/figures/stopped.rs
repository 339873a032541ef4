//! Figure 1: accuracy when stopped after each layer.

use std::collections::BTreeSet;

use super::Figure;
use super::axis::Axis;
use super::colours::colour;
use super::legend::{Legend, Mark};
use super::lines::{Line, Lines, by_layer};
use super::sheet::Sheet;
use super::view::View;
use super::words::{demonstrations, questions};
use crate::{Curve, ReportError};

/// The most demonstrations that the paper's figure has.
const MOST: usize = 3;
/// The most lines in a panel.
const LINES: usize = 4;

/// The figure; nothing where no layer was looked at.
pub(super) fn figure(view: &View<'_>, name: &str) -> Result<Option<Figure>, ReportError> {
    let of = |curve: &&Curve| curve.model == view.model.name && curve.lens == view.lens;
    let curves: Vec<_> = view.report.curves.iter().filter(of).collect();
    let shots = drawn(&curves);
    let curves: Vec<_> = curves.into_iter().filter(|curve| shots.contains(&curve.shots)).collect();
    let panels: Vec<_> = view.tasks().iter().filter_map(|task| panel(task, &shots, &curves)).collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let key = |(place, shots): (usize, &usize)| (Mark::Line(colour(place)), demonstrations(&[*shots]));
    let legend = shots.iter().enumerate().map(key);
    let legend = legend.fold(Legend::default(), |legend, (mark, text)| legend.with(mark, text));
    let svg = Sheet { legend: &legend, panels: &panels, columns: 3, height: 250 }.to_svg(name)?;
    let caption = format!(
        "Share of right answers (vertical axis) when {} is stopped after a layer (horizontal axis) and \
         answers through the {} lens, with {} in each prompt; {}.",
        view.model.name,
        view.lens,
        demonstrations(&shots),
        questions(curves.iter().map(|curve| curve.n)),
    );
    let title = format!("Figure 1: accuracy when stopped after each layer ({})", view.of());
    Ok(Some(Figure { name: name.to_owned(), title, caption, svg }))
}

/// The paper's 0 to 3 demonstrations where two of these were run, else the first that were.
fn drawn(curves: &[&Curve]) -> Vec<usize> {
    let run: BTreeSet<_> = curves.iter().map(|curve| curve.shots).collect();
    let papers: Vec<_> = run.iter().copied().filter(|shots| *shots <= MOST).collect();
    if papers.len() > 1 { papers } else { run.into_iter().take(LINES).collect() }
}

fn panel(task: &str, shots: &[usize], curves: &[&Curve]) -> Option<Lines> {
    let curve = |(place, shots): (usize, &usize)| {
        let curve = curves.iter().find(|curve| curve.task == task && curve.shots == *shots)?;
        Some(Line { colour: colour(place), points: by_layer(&curve.accuracy), band: Vec::new() })
    };
    let lines: Vec<_> = shots.iter().enumerate().filter_map(curve).collect();
    if lines.iter().all(|line| line.points.is_empty()) {
        return None;
    }
    // The same vertical axis in all panels, so that tasks can be compared.
    let all = curves.iter().flat_map(|curve| curve.accuracy.iter().flatten().copied());
    let y = Axis::from_zero("accuracy (share)", all, 1.0);
    let depth = curves.iter().map(|curve| curve.accuracy.len()).max().unwrap_or(0);
    Some(Lines { title: task.to_owned(), x: Axis::layers(depth), y, lines })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing;
    use super::*;

    #[test]
    fn few_demonstrations_are_drawn_where_two_numbers_of_them_were_run() {
        let curves = |shots: &[usize]| -> Vec<Curve> {
            shots.iter().map(|shots| testing::curve("tiny", "logit", "sst2", *shots)).collect()
        };
        let of = |shots: &[usize]| drawn(&curves(shots).iter().collect::<Vec<_>>());
        assert_eq!(of(&[5, 1, 0, 3, 10]), [0, 1, 3]);
        assert_eq!(of(&[0, 5, 20, 15, 10]), [0, 5, 10, 15]);
        assert!(of(&[]).is_empty());
    }
}

//! Figure 3: what policies look at, by layer.

use super::Figure;
use super::axis::Axis;
use super::colours::colour;
use super::legend::{Legend, Mark};
use super::lines::{Line, Lines, by_layer};
use super::sheet::Sheet;
use super::view::View;
use super::words::{demonstrations, questions};
use crate::{FeatureCurve, ReportError};

/// A number that policies look at.
struct Look {
    /// Its name in reports.
    feature: &'static str,
    /// For people.
    title: &'static str,
    /// What its axis is of, with the unit.
    unit: &'static str,
    /// What it cannot be below and above: bands end there.
    within: (f64, f64),
}

const COSINE: &str = "cosine to the layer before";
const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
const LOOKS: [Look; 7] = [
    Look { feature: "gap", title: "gap", unit: "probability difference", within: (0.0, 1.0) },
    Look { feature: "top_prob", title: "top probability", unit: "probability", within: (0.0, 1.0) },
    Look { feature: "cos_attn", title: "attention outputs", unit: COSINE, within: (-1.0, 1.0) },
    Look { feature: "cos_hidden", title: "hidden states", unit: COSINE, within: (-1.0, 1.0) },
    Look { feature: "cos_mlp", title: "MLP outputs", unit: COSINE, within: (-1.0, 1.0) },
    Look { feature: "kl", title: "KL to the look before", unit: "KL divergence (nats)", within: POSITIVE },
    Look { feature: "entropy", title: "entropy", unit: "entropy (nats)", within: POSITIVE },
];

/// The figure; nothing where no number was recorded.
pub(super) fn figure(view: &View<'_>, name: &str) -> Result<Option<Figure>, ReportError> {
    let shots = view.report.main_shots();
    let of = |curve: &&FeatureCurve| {
        curve.model == view.model.name && curve.lens == view.lens && curve.shots == shots
    };
    let curves: Vec<_> = view.report.features.iter().filter(of).collect();
    let tasks = view.tasks();
    let panels: Vec<_> = LOOKS.iter().filter_map(|look| panel(look, &tasks, &curves)).collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let is_drawn = |task: &String| curves.iter().any(|curve| curve.task == *task);
    let drawn = tasks.iter().enumerate().filter(|(_, task)| is_drawn(task));
    let key = |legend: Legend, (place, task)| legend.with(Mark::Line(colour(place)), task);
    let legend = drawn.fold(Legend::default(), key);
    let columns = if panels.len() > 4 { 3 } else { 2 };
    let svg = Sheet { legend: &legend, panels: &panels, columns, height: 250 }.to_svg(name)?;
    let caption = format!(
        "Means (vertical axes) by layer (horizontal axes) of what policies look at in {} through the {} \
         lens, a line a task, with a band of one standard deviation to both sides; {}; {}.",
        view.model.name,
        view.lens,
        demonstrations(&[shots]),
        questions(curves.iter().map(|curve| curve.n)),
    );
    let title = format!("Figure 3: what policies look at, by layer ({})", view.of());
    Ok(Some(Figure { name: name.to_owned(), title, caption, svg }))
}

fn panel(look: &Look, tasks: &[String], curves: &[&FeatureCurve]) -> Option<Lines> {
    let of = |task: &String| curves.iter().find(|curve| curve.task == *task && curve.feature == look.feature);
    let found: Vec<_> =
        tasks.iter().enumerate().filter_map(|(place, task)| Some((place, of(task)?))).collect();
    let lines: Vec<_> = found.iter().map(|(place, curve)| line(*place, curve, look.within)).collect();
    if lines.iter().all(|line| line.points.is_empty()) {
        return None;
    }
    let means = lines.iter().flat_map(|line| line.points.iter().map(|(_, mean)| *mean));
    let bands = lines.iter().flat_map(|line| line.band.iter().flat_map(|(_, low, high)| [*low, *high]));
    let y = Axis::around(look.unit, means.chain(bands));
    let depth = found.iter().map(|(_, curve)| curve.mean.len()).max().unwrap_or(0);
    Some(Lines { title: look.title.to_owned(), x: Axis::layers(depth), y, lines })
}

fn line(place: usize, curve: &FeatureCurve, (least, most): (f64, f64)) -> Line {
    let points = by_layer(&curve.mean);
    let band = points.iter().filter_map(|(layer, mean)| {
        let deviation = curve.deviation.get(*layer as usize - 1).copied().flatten();
        let deviation = deviation.filter(|deviation| deviation.is_finite())?;
        // A mean outside of what can be is shown as it is.
        let (low, high) = ((mean - deviation).max(least).min(*mean), (mean + deviation).min(most).max(*mean));
        Some((*layer, low, high))
    });
    Line { colour: colour(place), band: band.collect(), points }
}

//! Figure 6a: accuracy and operations of all models.

use plotters::prelude::BLACK;

use super::Figure;
use super::axis::Axis;
use super::colours::of_method;
use super::legend::{Legend, Mark};
use super::measure::Measure;
use super::points::{Point, Points};
use super::shape::Shape;
use super::sheet::Sheet;
use super::view::View;
use super::words::{demonstrations, listed, questions};
use crate::{Report, ReportError};

const METHODS: [&str; 3] = ["dense", "svm", "certified logistic"];

/// The figure; nothing where no method was run with demonstrations.
pub(super) fn figure(report: &Report, name: &str, lens: &str) -> Result<Option<Figure>, ReportError> {
    let models = report.models.iter().filter(|model| model.fingerprint.is_some());
    let views = models.map(|model| View { report, model, lens });
    let drawn = views.enumerate().map(|(place, view)| (view, points(&view, Shape::of(place))));
    let drawn: Vec<_> = drawn.filter(|(_, points)| !points.is_empty()).collect();
    if drawn.is_empty() {
        return Ok(None);
    }
    let points: Vec<_> = drawn.iter().flat_map(|(_, points)| points.iter().copied()).collect();
    let legend = legend(&drawn);
    let shots = report.few_shots();
    let asked = report.scores.iter().filter(|score| shots.contains(&score.of.shots));
    let caption = format!(
        "Operations (horizontal axis) and accuracy (vertical axis) of {}: colours are methods, shapes are \
         models; a point is a task, the mean over {}; early exit is through the {lens} lens; {}.",
        listed(&drawn.iter().map(|(view, _)| &view.model.name).collect::<Vec<_>>()),
        demonstrations(&shots),
        questions(asked.map(|score| score.n)),
    );
    let panels = [Points {
        title: format!("{lens} lens"),
        x: Axis::around(Measure::Operations.axis(), points.iter().map(|point| point.at.0)),
        y: Axis::from_zero(Measure::Accuracy.axis(), points.iter().map(|point| point.at.1), 1.0),
        points,
    }];
    let svg = Sheet { legend: &legend, panels: &panels, columns: 1, height: 400 }.to_svg(name)?;
    let title = "Figure 6a: accuracy and operations of all models".to_owned();
    Ok(Some(Figure { name: name.to_owned(), title, caption, svg }))
}

/// A point for each task and method.
fn points(view: &View<'_>, shape: Shape) -> Vec<Point> {
    let shots = view.report.few_shots();
    let point = |task: &str, method: &str| {
        let x = view.mean(task, &shots, method, Measure::Operations)?;
        let y = view.mean(task, &shots, method, Measure::Accuracy)?;
        Some(Point { at: (x, y), shape, colour: of_method(method) })
    };
    let tasks = view.report.tasks.iter();
    tasks.flat_map(|task| METHODS.iter().filter_map(move |method| point(&task.name, method))).collect()
}

/// The methods that there are points of, and the models.
fn legend(drawn: &[(View<'_>, Vec<Point>)]) -> Legend {
    let is_drawn = |method: &str| {
        drawn.iter().any(|(_, points)| points.iter().any(|point| point.colour == of_method(method)))
    };
    let methods = METHODS.into_iter().filter(|method| is_drawn(method));
    let legend =
        methods.fold(Legend::default(), |legend, method| legend.with(Mark::Box(of_method(method)), method));
    drawn.iter().fold(legend, |legend, (view, points)| match points.first() {
        Some(point) => legend.with(Mark::Points(point.shape, BLACK), &view.model.name),
        None => legend,
    })
}

//! Bars in groups, with a line across each group for what they are compared with.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::legend::{Legend, Mark};
use super::measure::Measure;
use super::sheet::{Area, Drawn, FONT, LEFT, MARGIN, Panel, SMALL, WIDTH, axes};
use super::words::{fitted, width};

/// Bars of one colour, one in each group.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// What they are of.
    pub(super) name: String,
    /// Their colour.
    pub(super) colour: RGBColor,
    /// Their heights, where there are any.
    pub(super) values: Vec<Option<f64>>,
}

impl Series {
    /// Whether there is a bar.
    pub(super) fn is_some(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }
}

/// A panel of bars, as wide as the sheet.
#[derive(Debug, Clone)]
pub(super) struct Bars {
    /// What the heights are of.
    pub(super) measure: Measure,
    /// What the groups are of, and their names.
    pub(super) groups: (&'static str, Vec<String>),
    /// The bars.
    pub(super) series: Vec<Series>,
    /// Where each group's line is; nothing where there is none.
    pub(super) reference: Vec<Option<f64>>,
}

/// How much of a group's width its bars take.
const FULL: f64 = 0.8;
/// For a group without bars.
const NOT_RUN: &str = "not run";

/// What colours are, and the line.
pub(super) fn legend(series: &[Series], reference: Option<&str>) -> Legend {
    let bars = |legend: Legend, bars: &Series| legend.with(Mark::Box(bars.colour), &bars.name);
    let legend = series.iter().fold(Legend::default(), bars);
    match reference {
        Some(text) => legend.with(Mark::Line(BLACK), text),
        None => legend,
    }
}

impl Bars {
    /// A group's pixels that a text may take.
    fn room(&self) -> f64 {
        f64::from(WIDTH - 2 * MARGIN - LEFT) / self.groups.1.len().max(1) as f64 - 6.0
    }

    fn x(&self) -> Axis {
        let (name, groups) = &self.groups;
        Axis::names(name, groups.iter().map(|group| fitted(group, f64::from(SMALL), self.room())))
    }

    fn y(&self) -> Axis {
        let heights = self.series.iter().flat_map(|bars| &bars.values).chain(&self.reference);
        Axis::from_zero(self.measure.axis(), heights.filter_map(|height| *height), self.measure.most())
    }

    /// The bars' corners and colours; what is not finite is no bar.
    fn rectangles(&self) -> impl Iterator<Item = Rectangle<(f64, f64)>> {
        let wide = FULL / self.series.len().max(1) as f64;
        self.series.iter().enumerate().flat_map(move |(place, bars)| {
            let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
            let heights = bars.values.iter().enumerate();
            heights.filter_map(move |(group, value)| finite(value).map(|value| (group, value))).map(
                move |(group, value)| {
                    let left = group as f64 + (1.0 - FULL) / 2.0 + place as f64 * wide;
                    // A tenth stays free between bars.
                    Rectangle::new([(left, value), (left + wide * 0.9, 0.0)], bars.colour.filled())
                },
            )
        })
    }

    /// The groups without any bar.
    fn empty(&self) -> impl Iterator<Item = usize> {
        let is_empty = |group: &usize| {
            !self.series.iter().any(|bars| bars.values.get(*group).copied().flatten().is_some())
        };
        (0..self.groups.1.len()).filter(is_empty)
    }
}

impl Panel for Bars {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let y = self.y();
        let middle = y.range.end / 2.0;
        let mut chart = axes(area, self.measure.title(), &self.x(), &y)?;
        chart.draw_series(self.rectangles())?;
        let reference = self.reference.iter().enumerate();
        let reference = reference.filter_map(|(group, at)| at.map(|at| (group as f64, at)));
        chart.draw_series(reference.filter(|(_, at)| at.is_finite()).map(|(group, at)| {
            PathElement::new([(group + 0.04, at), (group + 0.96, at)], BLACK.stroke_width(2))
        }))?;
        let style = (FONT, SMALL).into_text_style(area).pos(Pos::new(HPos::Center, VPos::Center));
        let text = if width(NOT_RUN, f64::from(SMALL)) <= self.room() { NOT_RUN } else { "–" };
        let empty = self.empty().map(|group| group as f64 + 0.5);
        chart.draw_series(empty.map(|at| Text::new(text, (at, middle), style.clone())))?;
        Ok(())
    }
}

//! Lines over layers.

use plotters::prelude::*;

use super::axis::Axis;
use super::sheet::{Area, Drawn, Panel, axes};

/// A line, with a band where there is one.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its colour.
    pub(super) colour: RGBColor,
    /// Its points.
    pub(super) points: Vec<(f64, f64)>,
    /// From where to where the band goes: where, its lower end, its upper end.
    pub(super) band: Vec<(f64, f64, f64)>,
}

/// A panel of lines.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    /// What it shows.
    pub(super) title: String,
    /// The layers.
    pub(super) x: Axis,
    /// What the lines are of.
    pub(super) y: Axis,
    /// The lines.
    pub(super) lines: Vec<Line>,
}

/// How much of a band's colour there is: with a band a task, lines must be seen through all of them.
const BAND: f64 = 0.08;
/// The most points of a line: more could not be told apart in a panel.
const POINTS: usize = 64;

/// What there is by layer, as points: index 0 is layer 1. What is missing is left out, and more than can be seen
/// is thinned out.
pub(super) fn by_layer(values: &[Option<f64>]) -> Vec<(f64, f64)> {
    let found = values.iter().enumerate().filter_map(|(index, value)| {
        value.filter(|value| value.is_finite()).map(|value| ((index + 1) as f64, value))
    });
    let found: Vec<_> = found.collect();
    let every = found.len().div_ceil(POINTS).max(1);
    let last = found.len().saturating_sub(1);
    let kept = found.into_iter().enumerate().filter(|(place, _)| place % every == 0 || *place == last);
    kept.map(|(_, point)| point).collect()
}

impl Panel for Lines {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let mut chart = axes(area, &self.title, &self.x, &self.y)?;
        let banded = self.lines.iter().filter(|line| line.band.len() > 1);
        chart.draw_series(banded.map(|line| {
            let above = line.band.iter().map(|(x, _, high)| (*x, *high));
            let below = line.band.iter().rev().map(|(x, low, _)| (*x, *low));
            Polygon::new(above.chain(below).collect::<Vec<_>>(), line.colour.mix(BAND).filled())
        }))?;
        for line in &self.lines {
            match line.points.as_slice() {
                [alone] => chart.plotting_area().draw(&Circle::new(*alone, 3, line.colour.filled()))?,
                points => {
                    chart
                        .draw_series(LineSeries::new(points.iter().copied(), line.colour.stroke_width(2)))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_left_out() {
        let values = [None, Some(0.5), Some(f64::NAN), Some(0.75)];
        assert_eq!(by_layer(&values), [(2.0, 0.5), (4.0, 0.75)]);
        assert!(by_layer(&[None]).is_empty());
    }

    #[test]
    fn many_layers_are_thinned_out_but_for_the_last() {
        let points = by_layer(&vec![Some(0.5); 200]);
        assert!(points.len() <= POINTS, "{}", points.len());
        assert_eq!((points[0].0, points[points.len() - 1].0), (1.0, 200.0));
    }
}

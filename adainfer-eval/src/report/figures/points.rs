//! Points between two numbers.

use plotters::prelude::*;

use super::axis::Axis;
use super::shape::Shape;
use super::sheet::{Area, Drawn, Panel, axes};

/// A point, with its shape and colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// Where it is.
    pub(super) at: (f64, f64),
    /// Its shape.
    pub(super) shape: Shape,
    /// Its colour.
    pub(super) colour: RGBColor,
}

/// A panel of points.
#[derive(Debug, Clone)]
pub(super) struct Points {
    /// What it shows.
    pub(super) title: String,
    /// The first number.
    pub(super) x: Axis,
    /// The second.
    pub(super) y: Axis,
    /// The points.
    pub(super) points: Vec<Point>,
}

impl Panel for Points {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let mut chart = axes(area, &self.title, &self.x, &self.y)?;
        chart.draw_series(self.points.iter().map(|Point { at, shape, colour }| {
            // Those below shine through.
            EmptyElement::at(*at) + Polygon::new(shape.corners(), colour.mix(0.7).filled())
        }))?;
        Ok(())
    }
}

//! A sheet to draw on: a legend above, panels below, axes around each panel.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::axis::Axis;
use super::legend::Legend;
use super::words::fitted;
use crate::ReportError;

/// Where it is drawn.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What drawing gives.
pub(super) type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<std::io::Error>>;
/// Axes to draw between.
pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Of every sheet.
pub(super) const WIDTH: u32 = 860;
/// Around a panel.
pub(super) const MARGIN: u32 = 10;
/// At a panel's left, for the vertical axis.
pub(super) const LEFT: u32 = 62;
/// The font of everything.
pub(super) const FONT: &str = "sans-serif";
/// Of texts in panels and legends.
pub(super) const SMALL: u32 = 15;
const TITLE: u32 = 18;

/// Something with two axes.
pub(super) trait Panel {
    /// Draws it, over all of the area.
    fn draw(&self, area: &Area<'_>) -> Drawn;
}

/// Panels below a legend.
pub(super) struct Sheet<'a, P> {
    /// What the colours are.
    pub(super) legend: &'a Legend,
    /// The panels, row by row.
    pub(super) panels: &'a [P],
    /// Panels in a row.
    pub(super) columns: usize,
    /// A panel's pixels from above to below.
    pub(super) height: u32,
}

impl<P: Panel> Sheet<'_, P> {
    /// The picture; `name` is for the error.
    ///
    /// # Errors
    /// [`ReportError::Plot`].
    pub(super) fn to_svg(&self, name: &str) -> Result<String, ReportError> {
        let columns = self.columns.clamp(1, self.panels.len().max(1));
        let rows = self.panels.len().div_ceil(columns).max(1);
        let mut svg = String::new();
        {
            let size = (WIDTH, self.legend.height() + rows as u32 * self.height);
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            self.draw(&area, (rows, columns))
                .map_err(|error| ReportError::Plot { name: name.to_owned(), reason: error.to_string() })?;
        }
        Ok(svg)
    }

    fn draw(&self, area: &Area<'_>, grid: (usize, usize)) -> Drawn {
        area.fill(&WHITE)?;
        let (above, below) = area.split_vertically(self.legend.height());
        self.legend.draw(&above)?;
        for (panel, place) in self.panels.iter().zip(below.split_evenly(grid)) {
            panel.draw(&place)?;
        }
        area.present()
    }
}

/// Draws a title and axes, with lines across at the ticks of the vertical axis.
pub(super) fn axes<'a, 'b>(area: &'a Area<'b>, title: &str, x: &Axis, y: &Axis) -> Drawn<Chart<'a, 'b>> {
    let title = fitted(title, f64::from(TITLE), f64::from(area.dim_in_pixel().0));
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .caption(title, (FONT, TITLE))
        .x_label_area_size(44)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(BLACK.mix(0.12))
        .x_desc(&x.name)
        .y_desc(&y.name)
        .label_style((FONT, SMALL))
        .draw()?;
    Ok(chart)
}

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Suitability, SuitabilityError};

const SIZE: (u32, u32) = (860, 480);
/// Told apart by people who see few colours too; what has settled is drawn thinner.
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

impl Suitability {
    /// A picture: through each lens, agreement with the last layer and what has settled, and the looks of its plan as triangles.
    ///
    /// # Errors
    /// [`SuitabilityError::Plot`].
    pub fn to_svg(&self) -> Result<String, SuitabilityError> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            self.draw(&area).map_err(|error| SuitabilityError::Plot { reason: error.to_string() })?;
        }
        Ok(svg)
    }

    fn draw(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'_> as DrawingBackend>::ErrorType>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .caption("What each layer would answer", ("sans-serif", 20))
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d(1.0..self.layers as f64, 0.0..1.0)?;
        chart
            .configure_mesh()
            .x_desc("layer")
            .y_desc("share of the prompts")
            .x_labels(self.layers.min(16))
            .x_label_formatter(&|layer| format!("{layer:.0}"))
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 14))
            .draw()?;
        for (lens, colour) in self.lenses.iter().zip(COLOURS.iter().cycle()) {
            let points = |of: fn(&super::LayerAgreement) -> f64| {
                lens.agreement.iter().map(move |row| (row.layer as f64, of(row)))
            };
            let key = |x, y, width| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(width));
            chart
                .draw_series(LineSeries::new(points(|row| row.agreement.share), colour.stroke_width(3)))?
                .label(format!("{}: agrees with the last layer", lens.lens))
                .legend(move |(x, y)| key(x, y, 3));
            chart
                .draw_series(LineSeries::new(points(|row| row.settled), colour.stroke_width(1)))?
                .label(format!("{}: agrees from here on", lens.lens))
                .legend(move |(x, y)| key(x, y, 1));
            let looks = lens.agreement.iter().filter(|row| lens.plan.layers.contains(&row.layer));
            let looks = looks.map(|row| (row.layer as f64, row.agreement.share));
            chart.draw_series(looks.map(|at| TriangleMarker::new(at, 7, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.85))
            .label_font(("sans-serif", 14))
            .draw()?;
        area.present()
    }
}

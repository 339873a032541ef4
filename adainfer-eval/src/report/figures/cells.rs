//! Two by two counts, the darker the larger their share.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::colours::{BLUE, shade};
use super::legend::{Legend, Mark};
use super::sheet::{Area, Chart, Drawn, FONT, Panel, SMALL, axes};

/// A panel of two by two counts.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    /// What it shows.
    pub(super) title: String,
    /// What the columns are of, and their names.
    pub(super) columns: (&'static str, [&'static str; 2]),
    /// What the rows are of, and their names, the upper first.
    pub(super) rows: (&'static str, [&'static str; 2]),
    /// The counts, row by row.
    pub(super) counts: [[usize; 2]; 2],
}

/// What shades are.
pub(super) fn legend() -> Legend {
    let key = |legend: Legend, share: f64| {
        legend.with(Mark::Box(shade(BLUE, share)), format!("{:.0} %", share * 100.0))
    };
    let legend = [0.0, 0.25, 0.5, 0.75].into_iter().fold(Legend::default(), key);
    legend.with(Mark::Box(BLUE), "100 % of a task's decisions")
}

impl Panel for Cells {
    fn draw(&self, area: &Area<'_>) -> Drawn {
        let axis = |name: &str, names: [&str; 2]| Axis::names(name, names.into_iter().map(str::to_owned));
        let [upper, lower] = self.rows.1;
        let x = axis(self.columns.0, self.columns.1);
        let chart = axes(area, &self.title, &x, &axis(self.rows.0, [lower, upper]))?;
        let total = self.counts.iter().flatten().sum::<usize>().max(1) as f64;
        for (counts, low) in self.counts.iter().zip([1.0, 0.0]) {
            for (count, left) in counts.iter().zip([0.0, 1.0]) {
                draw_cell(&chart, (left, low), *count, *count as f64 / total)?;
            }
        }
        Ok(())
    }
}

/// A cell from its lower left corner on, with its count above its share.
fn draw_cell(chart: &Chart<'_, '_>, (left, low): (f64, f64), count: usize, share: f64) -> Drawn {
    let area = chart.plotting_area();
    let corners = [(left, low + 1.0), (left + 1.0, low)];
    area.draw(&Rectangle::new(corners, shade(BLUE, share).filled()))?;
    area.draw(&Rectangle::new(corners, BLACK.mix(0.3)))?;
    let colour = if share > 0.5 { WHITE } else { BLACK };
    let style = TextStyle::from((FONT, SMALL).into_font()).pos(Pos::new(HPos::Center, VPos::Center));
    let style = style.color(&colour);
    area.draw(&Text::new(count.to_string(), (left + 0.5, low + 0.63), style.clone()))?;
    area.draw(&Text::new(format!("{:.1} %", share * 100.0), (left + 0.5, low + 0.37), style))
}

//! What colours and shapes stand for, in rows above the panels.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::shape::Shape;
use super::sheet::{Area, Drawn, FONT, SMALL, WIDTH};
use super::words::{fitted, width};

/// How something is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// As a line.
    Line(RGBColor),
    /// As a bar or a cell.
    Box(RGBColor),
    /// As points.
    Points(Shape, RGBColor),
}

/// What is drawn, and how.
#[derive(Debug, Clone, Default)]
pub(super) struct Legend(Vec<(Mark, String)>);

const ROW: i32 = 22;
const LEFT: i32 = 14;
const ABOVE: i32 = 8;
/// For a line or a box, before its text.
const KEY: i32 = 22;
/// Between a key and its text, and three times that between a text and the next key.
const GAP: i32 = 7;

impl Legend {
    /// Another thing that is drawn.
    pub(super) fn with(mut self, mark: Mark, text: impl Into<String>) -> Self {
        self.0.push((mark, text.into()));
        self
    }

    /// The rows' pixels.
    pub(super) fn height(&self) -> u32 {
        match self.places().last() {
            Some((_, y)) => (y + ROW) as u32,
            None => 0,
        }
    }

    /// Draws it from the upper left on.
    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        let style = (FONT, SMALL).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
        for ((mark, _), ((x, y), text)) in self.0.iter().zip(self.places().into_iter().zip(self.texts())) {
            let middle = y + ROW / 2;
            match mark {
                Mark::Line(colour) => {
                    area.draw(&PathElement::new([(x, middle), (x + KEY, middle)], colour.stroke_width(2)))?;
                }
                Mark::Box(colour) => {
                    let corners = [(x + 4, middle - 6), (x + KEY - 4, middle + 6)];
                    area.draw(&Rectangle::new(corners, colour.filled()))?;
                    area.draw(&Rectangle::new(corners, BLACK.mix(0.3)))?;
                }
                Mark::Points(shape, colour) => {
                    let at = EmptyElement::at((x + KEY / 2, middle));
                    area.draw(&(at + Polygon::new(shape.corners(), colour.filled())))?;
                }
            }
            area.draw_text(&text, &style, (x + KEY + GAP, middle))?;
        }
        Ok(())
    }

    /// The texts, cut where one alone would be wider than a row.
    fn texts(&self) -> impl Iterator<Item = String> {
        let room = f64::from(WIDTH as i32 - 2 * LEFT - KEY - GAP);
        self.0.iter().map(move |(_, text)| fitted(text, f64::from(SMALL), room))
    }

    /// Where each begins: rows from left to right.
    fn places(&self) -> Vec<(i32, i32)> {
        let (mut x, mut y) = (LEFT, ABOVE);
        let mut places = Vec::with_capacity(self.0.len());
        for text in self.texts() {
            let wide = KEY + GAP + width(&text, f64::from(SMALL)) as i32;
            if x > LEFT && x + wide > WIDTH as i32 - LEFT {
                (x, y) = (LEFT, y + ROW);
            }
            places.push((x, y));
            x += wide + 3 * GAP;
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_a_row_goes_on_in_the_next() {
        let legend = |texts: usize| {
            (0..texts).fold(Legend::default(), |legend, _| {
                legend.with(Mark::Line(BLACK), "a text of thirty characters...")
            })
        };
        assert_eq!(legend(0).height(), 0);
        assert_eq!(legend(3).height(), (ABOVE + ROW) as u32);
        assert_eq!(legend(4).height(), (ABOVE + 2 * ROW) as u32);
        assert!(legend(40).places().iter().all(|(x, _)| x + KEY + GAP + 225 <= WIDTH as i32));
    }
}

//! Colours that stay apart for people who see few.

use plotters::prelude::*;

/// Blue, for what a figure is about.
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
/// Red.
pub(super) const RED: RGBColor = RGBColor(213, 94, 0);
/// Green.
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
/// Purple.
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);
/// Orange.
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
/// Light blue.
pub(super) const SKY: RGBColor = RGBColor(86, 180, 233);
/// For what is compared with.
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);

const ALL: [RGBColor; 7] = [BLUE, RED, GREEN, PURPLE, ORANGE, SKY, GREY];

/// The colour of one among many; from the eighth on they come again, lighter.
pub(super) fn colour(place: usize) -> RGBColor {
    let round = place / ALL.len();
    let colour = ALL.get(place % ALL.len()).copied().unwrap_or(GREY);
    (0..round.min(2)).fold(colour, |colour, _| lighter(colour))
}

/// Half as dark.
pub(super) fn lighter(colour: RGBColor) -> RGBColor {
    towards_white(colour, 0.5)
}

/// White mixed with a share of a colour, without letting through what is below.
pub(super) fn shade(colour: RGBColor, share: f64) -> RGBColor {
    towards_white(colour, 1.0 - share.clamp(0.0, 1.0))
}

fn towards_white(RGBColor(red, green, blue): RGBColor, white: f64) -> RGBColor {
    let mixed = |part: u8| (f64::from(part) + (255.0 - f64::from(part)) * white).round() as u8;
    RGBColor(mixed(red), mixed(green), mixed(blue))
}

/// A method's colour, the same in every figure.
pub(super) fn of_method(method: &str) -> RGBColor {
    match method {
        "svm" => BLUE,
        "certified logistic" => GREEN,
        "crf" => PURPLE,
        "gap:0.8" => ORANGE,
        "logistic" => SKY,
        "dense" => GREY,
        _ => RED,
    }
}

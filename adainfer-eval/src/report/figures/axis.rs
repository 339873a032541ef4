//! Axes: what they are of, from where to where, and where they have ticks.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// An axis of a panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// What it is of, with its unit.
    pub(super) name: String,
    /// From where to where.
    pub(super) range: Range<f64>,
    /// Where it has ticks, and what is written there.
    pub(super) ticks: Vec<(f64, String)>,
}

/// About as many ticks as an axis has.
const TICKS: f64 = 5.0;
/// How much closer they may be, for a round distance.
const CLOSER: f64 = 0.7;
/// Only a range too long to be counted in has more.
const MOST_TICKS: usize = 20;
/// Room above the largest value, for an axis that starts at 0.
const HEADROOM: f64 = 1.02;

impl Axis {
    /// Layers from 1 on.
    pub(super) fn layers(depth: usize) -> Self {
        let depth = depth.max(2);
        let step = step(depth as f64).max(1.0);
        let inner = multiples(step, 1.0, depth as f64).filter(|layer| *layer - 1.0 >= step / 2.0);
        let ticks = std::iter::once(1.0).chain(inner).map(|layer| (layer, format!("{layer:.0}"))).collect();
        Self { name: "layer".to_owned(), range: 1.0..depth as f64, ticks }
    }

    /// Numbers from 0 to above the largest, but not above `most`.
    pub(super) fn from_zero(name: &str, values: impl Iterator<Item = f64>, most: f64) -> Self {
        let largest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let quarter = step(largest) / 4.0;
        let top = ((largest * HEADROOM / quarter).ceil() * quarter).min(most.max(largest));
        Self::between(name, 0.0..top)
    }

    /// Numbers in a range that all of them are in, with some room at both ends.
    pub(super) fn around(name: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (value.min(low), value.max(high)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let room = if high > low { (high - low) * 0.06 } else { high.abs().max(1.0) * 0.06 };
        Self::between(name, low - room..high + room)
    }

    fn between(name: &str, range: Range<f64>) -> Self {
        let step = step(range.end - range.start);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        // Adding zero makes one of minus zero, which would be written with its sign.
        let label = |at: f64| (at, format!("{:.decimals$}", at + 0.0));
        let ticks = multiples(step, range.start, range.end).map(label).collect();
        Self { name: name.to_owned(), range, ticks }
    }

    /// Names side by side, each one wide.
    pub(super) fn names(name: &str, names: impl Iterator<Item = String>) -> Self {
        let ticks: Vec<_> = names.enumerate().map(|(place, name)| (place as f64 + 0.5, name)).collect();
        Self { name: name.to_owned(), range: 0.0..ticks.len().max(1) as f64, ticks }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        // What is outside is at the end.
        from + (share.clamp(0.0, 1.0) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let is_between_ticks = hint.weight().allow_light_points();
        let ticks = self.ticks.iter().filter(|_| !is_between_ticks);
        ticks.map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(at, _)| at == value);
        tick.map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

/// A round distance between ticks for a range so long: 1, 2 or 5 times a power of ten.
fn step(length: f64) -> f64 {
    let raw = if length > 0.0 && length.is_finite() { length / TICKS } else { 1.0 / TICKS };
    let power = 10f64.powf(raw.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().map(|times| times * power);
    round.into_iter().find(|step| *step >= raw * CLOSER).unwrap_or(10.0 * power)
}

fn multiples(step: f64, from: f64, to: f64) -> impl Iterator<Item = f64> {
    // A multiple that misses the end by a rounding error is at the end.
    let slack = 1e-9;
    let (first, last) = ((from / step - slack).ceil() as i64, (to / step + slack).floor() as i64);
    (first..=last).take(MOST_TICKS).map(move |times| times as f64 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn layers_start_at_one() {
        assert_eq!(labels(&Axis::layers(30)), ["1", "5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(&Axis::layers(4)), ["1", "2", "3", "4"]);
        assert_eq!(Axis::layers(0).range, 1.0..2.0);
    }

    #[test]
    fn shares_do_not_go_above_one() {
        let axis = Axis::from_zero("accuracy", [0.995, f64::NAN].into_iter(), 1.0);
        assert_eq!(axis.range, 0.0..1.0);
        assert_eq!(labels(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn ranges_have_length_whatever_the_values() {
        for values in [
            vec![],
            vec![f64::NAN],
            vec![0.0],
            vec![3.0, 3.0],
            vec![-1e300, 1e300],
            vec![1e-300],
            vec![-1e308, 1e308],
        ] {
            for axis in [
                Axis::from_zero("", values.iter().copied(), f64::INFINITY),
                Axis::around("", values.iter().copied()),
            ] {
                assert!(axis.range.start < axis.range.end, "{values:?}: {:?}", axis.range);
                assert!(axis.ticks.len() <= MOST_TICKS, "{values:?}: {:?}", axis.ticks);
            }
        }
    }

    #[test]
    fn small_ranges_have_as_many_decimals_as_they_need() {
        assert_eq!(
            labels(&Axis::around("", [0.97, 0.99].into_iter())),
            ["0.970", "0.975", "0.980", "0.985", "0.990"]
        );
    }
}

//! A report from the side of one model and one lens.

use super::bars::Series;
use super::colours::of_method;
use super::measure::Measure;
use super::words::questions;
use crate::{ModelEntry, Report, Score};

/// What a figure is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// The report.
    pub(super) report: &'a Report,
    /// The model.
    pub(super) model: &'a ModelEntry,
    /// The lens.
    pub(super) lens: &'a str,
}

impl<'a> View<'a> {
    /// `model, lens lens`, for titles.
    pub(super) fn of(&self) -> String {
        format!("{}, {} lens", self.model.name, self.lens)
    }

    /// The tasks' names.
    pub(super) fn tasks(&self) -> Vec<String> {
        self.report.tasks.iter().map(|task| task.name.clone()).collect()
    }

    /// What a method did; the whole model does the same through every lens.
    pub(super) fn score(&self, task: &str, shots: usize, method: &str) -> Option<&'a Score> {
        let same = |score: &&Score| {
            let of = &score.of;
            of.model == self.model.name && of.task == task && of.shots == shots && of.method == method
        };
        let mut scores = self.report.scores.iter().filter(same);
        let through = scores.clone().find(|score| score.of.lens == self.lens);
        through.or_else(|| scores.next().filter(|_| method == "dense"))
    }

    /// A number of a method's, as a mean over those demonstrations that it was run with.
    pub(super) fn mean(&self, task: &str, shots: &[usize], method: &str, measure: Measure) -> Option<f64> {
        let scores = shots.iter().filter_map(|shots| self.score(task, *shots, method));
        mean(scores.map(|score| measure.of(score)))
    }

    /// That number for every task, as bars in the method's colour.
    pub(super) fn bars(&self, shots: &[usize], method: &str, measure: Measure) -> Series {
        let values = self.tasks().iter().map(|task| self.mean(task, shots, method, measure)).collect();
        Series { name: method.to_owned(), colour: of_method(method), values }
    }

    /// How many questions were asked with so many demonstrations.
    pub(super) fn questions(&self, shots: &[usize]) -> String {
        let scores = self.report.scores.iter().map(|score| (&score.of, score.n));
        let asked = scores.filter(|(of, _)| of.model == self.model.name && shots.contains(&of.shots));
        questions(asked.map(|(_, n)| n))
    }
}

/// Of what is finite; nothing of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<_> = values.filter(|value| value.is_finite()).collect();
    match values.len() {
        0 => None,
        count => Some(values.iter().sum::<f64>() / count as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing;
    use super::*;

    #[test]
    fn means_are_over_what_there_is() {
        assert_eq!(mean([1.0, f64::NAN, 2.0].into_iter()), Some(1.5));
        assert_eq!(mean([f64::NAN].into_iter()), None);
    }

    #[test]
    fn the_whole_model_is_found_through_every_lens_and_policies_through_their_own() {
        let report = testing::report();
        let view = View { report: &report, model: &report.models[0], lens: "linear" };
        let lens = |method: &str| view.score("sst2", 1, method).map(|score| score.of.lens.as_str());
        assert_eq!((lens("dense"), lens("svm")), (Some("logit"), Some("linear")));
        let other = View { lens: "tuned", ..view };
        assert!(other.score("sst2", 1, "dense").is_some() && other.score("sst2", 1, "svm").is_none());
    }
}

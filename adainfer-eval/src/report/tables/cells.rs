//! What cells of tables say.

use crate::{ModelEntry, Report, Score};

/// What a cell says of what needs weights, or a run, that there was not.
pub(super) const NOT_RUN: &str = "not run";

/// The row of a model that was not at hand, in a table that begins with model and method; nothing for others.
fn not_run(model: &ModelEntry, columns: usize) -> Option<Vec<String>> {
    model.fingerprint.is_none().then(|| {
        let mut row = vec![NOT_RUN.to_owned(); columns];
        let names = [model.name.as_str(), "every method"];
        row.iter_mut().zip(names).for_each(|(cell, name)| name.clone_into(cell));
        row
    })
}

/// A way to answer: what a row of a table is of.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// What the table calls it.
    pub(super) title: String,
    /// What scores call it; all that begin so where it ends with a colon.
    pub(super) method: &'static str,
    /// Its lens.
    pub(super) lens: String,
}

impl Way {
    pub(super) fn new(title: &str, method: &'static str, lens: &str) -> Self {
        Self { title: title.to_owned(), method, lens: lens.to_owned() }
    }

    fn is_of(&self, score: &Score) -> bool {
        let method = &score.of.method;
        let same =
            if self.method.ends_with(':') { method.starts_with(self.method) } else { method == self.method };
        same && score.of.lens == self.lens
    }
}

/// The same numbers of several scores, each counting the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mean {
    pub(super) n: usize,
    pub(super) accuracy: f64,
    pub(super) layers: f64,
    pub(super) variance: f64,
    pub(super) pruning: f64,
    pub(super) flops: f64,
    pub(super) paper_flops: f64,
}

impl Mean {
    /// Nothing of nothing.
    pub(super) fn of<'s>(scores: impl IntoIterator<Item = &'s Score>) -> Option<Self> {
        let scores: Vec<_> = scores.into_iter().collect();
        let mean =
            |of: fn(&Score) -> f64| scores.iter().map(|score| of(score)).sum::<f64>() / scores.len() as f64;
        (!scores.is_empty()).then(|| Self {
            n: scores.iter().map(|score| score.n).sum(),
            accuracy: mean(|score| score.accuracy),
            layers: mean(|score| score.mean_layers),
            variance: mean(|score| score.var_layers),
            pruning: mean(|score| score.pruning_ratio),
            flops: mean(|score| score.flops_ratio),
            paper_flops: mean(|score| score.paper_flops_ratio),
        })
    }

    pub(super) fn accuracy(&self) -> String {
        percent(self.accuracy)
    }

    /// Layers with their variance.
    pub(super) fn layers(&self) -> String {
        format!("{:.2} ({:.2})", self.layers, self.variance)
    }

    /// Operations, and in brackets by the paper's count.
    pub(super) fn flops(&self) -> String {
        format!("{} ({})", percent(self.flops), percent(self.paper_flops))
    }
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// A share in percent with its interval.
pub(super) fn within(share: f64, (low, high): (f64, f64)) -> String {
    format!("{} [{}, {}]", percent(share), percent(low), percent(high))
}

/// Texts as cells.
pub(super) fn cells(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Numbers of demonstrations as a sentence has them.
pub(super) fn listed(shots: &[usize]) -> String {
    let shots: Vec<_> = shots.iter().map(usize::to_string).collect();
    shots.join(", ")
}

impl Report {
    /// Whole models, those that were not run too.
    pub(super) fn whole_models(&self) -> impl Iterator<Item = &ModelEntry> {
        self.models.iter().filter(|model| model.pruned_from.is_none())
    }

    /// The rows of every whole model in a table that begins with model and method: these, or one that says that the model
    /// was not at hand.
    pub(super) fn rows_of(
        &self,
        columns: usize,
        rows: impl Fn(&ModelEntry) -> Vec<Vec<String>>,
    ) -> Vec<Vec<String>> {
        let rows = |model| not_run(model, columns).map_or_else(|| rows(model), |row| vec![row]);
        self.whole_models().flat_map(rows).collect()
    }

    /// A mean over numbers of demonstrations; nothing where none of them was run.
    pub(super) fn mean(&self, model: &str, way: &Way, task: &str, shots: &[usize]) -> Option<Mean> {
        Mean::of(self.scores_of(model, way, shots).filter(|score| score.of.task == task))
    }

    pub(super) fn scores_of<'r>(
        &'r self,
        model: &'r str,
        way: &'r Way,
        shots: &'r [usize],
    ) -> impl Iterator<Item = &'r Score> {
        let is_of = move |score: &&Score| {
            score.of.model == model && way.is_of(score) && shots.contains(&score.of.shots)
        };
        self.scores.iter().filter(is_of)
    }

    /// The lenses that a model was seen through; the model's own head where it was not run.
    pub(super) fn lenses_of(&self, model: &str) -> Vec<String> {
        let mut lenses: Vec<String> = Vec::new();
        for score in self.scores.iter().filter(|score| score.of.model == model) {
            if !lenses.contains(&score.of.lens) {
                lenses.push(score.of.lens.clone());
            }
        }
        if lenses.is_empty() { vec!["logit".to_owned()] } else { lenses }
    }
}

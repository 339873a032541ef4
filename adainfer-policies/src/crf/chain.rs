//! A chain of two labels: what its parameters make likely.

use serde::{Deserialize, Serialize};

/// Scores of going from one label to the next, `[from][to]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Transitions(pub(super) [[f64; 2]; 2]);

impl Transitions {
    /// Log-odds of label 1 over label 0 after one more item, whose score speaks for 1; `before` are those
    /// after the items before.
    pub(super) fn filter(&self, before: Option<f64>, score: f64) -> f64 {
        let [[t00, t01], [t10, t11]] = self.0;
        match before {
            None => score,
            Some(r) => score + log_ratio([t01, r + t11], [t00, r + t10]),
        }
    }

    /// Log-probability of `labels` for items of these scores, and what its gradient is made of: the
    /// probability of label 1 at each item, and the expected count of each transition.
    pub(super) fn expectations(&self, scores: &[f64], labels: &[bool]) -> Expectations {
        let (forward, total) = self.forward(scores);
        let mut found = Expectations {
            log_probability: self.path(scores, labels) - total,
            settled: vec![0.0; scores.len()],
            transitions: [[0.0; 2]; 2],
        };
        let mut backward = [0.0; 2];
        for i in (0..scores.len()).rev() {
            found.settled[i] = (forward[i][1] + backward[1] - total).exp();
            let Some(before) = i.checked_sub(1) else { break };
            let next = [backward[0], scores[i] + backward[1]];
            for (from, row) in found.transitions.iter_mut().enumerate() {
                for (to, count) in row.iter_mut().enumerate() {
                    *count += (forward[before][from] + self.0[from][to] + next[to] - total).exp();
                }
            }
            backward = [0, 1].map(|from| log_sum(self.0[from][0] + next[0], self.0[from][1] + next[1]));
        }
        found
    }

    /// Logarithms of the forward sums, and of the sum over all paths.
    fn forward(&self, scores: &[f64]) -> (Vec<[f64; 2]>, f64) {
        let mut sums: Vec<[f64; 2]> = Vec::with_capacity(scores.len());
        for score in scores {
            let into = |to: usize| {
                sums.last().map_or(0.0, |last| log_sum(last[0] + self.0[0][to], last[1] + self.0[1][to]))
            };
            sums.push([into(0), into(1) + score]);
        }
        let total = sums.last().map_or(0.0, |last| log_sum(last[0], last[1]));
        (sums, total)
    }

    /// Score of one path.
    fn path(&self, scores: &[f64], labels: &[bool]) -> f64 {
        let items: f64 =
            scores.iter().zip(labels).map(|(score, label)| if *label { *score } else { 0.0 }).sum();
        let steps = labels.windows(2).map(|pair| self.0[usize::from(pair[0])][usize::from(pair[1])]);
        items + steps.sum::<f64>()
    }
}

/// What the gradient of a chain's log-probability is made of.
pub(super) struct Expectations {
    pub(super) log_probability: f64,
    /// Probability of label 1, an item each.
    pub(super) settled: Vec<f64>,
    /// Expected counts, `[from][to]`.
    pub(super) transitions: [[f64; 2]; 2],
}

/// Logarithm of the sum of two exponentials.
fn log_sum(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    high + (low - high).exp().ln_1p()
}

/// Logarithm of the ratio of two sums of two exponentials: as [`log_sum`] of each, with one logarithm.
fn log_ratio([a, b]: [f64; 2], [c, d]: [f64; 2]) -> f64 {
    let (above, below) = ((-(a - b).abs()).exp(), (-(c - d).abs()).exp());
    a.max(b) - c.max(d) + ((above - below) / (1.0 + below)).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: Transitions = Transitions([[0.5, -0.25], [-1.0, 0.75]]);
    const SCORES: [f64; 4] = [0.25, -1.5, 0.5, 2.0];

    /// Every labelling of four items with its probability, by brute force.
    fn paths() -> Vec<(Vec<bool>, f64)> {
        let labels = |bits: usize| (0..4).map(|i| bits >> i & 1 == 1).collect::<Vec<_>>();
        let scored: Vec<_> = (0..16).map(labels).map(|l| (CHAIN.path(&SCORES, &l).exp(), l)).collect();
        let total: f64 = scored.iter().map(|(weight, _)| weight).sum();
        scored.into_iter().map(|(weight, labels)| (labels, weight / total)).collect()
    }

    #[test]
    fn expectations_are_sums_over_all_paths() {
        for (labels, probability) in paths() {
            let found = CHAIN.expectations(&SCORES, &labels);
            assert!((found.log_probability - probability.ln()).abs() < 1e-12);
            for i in 0..4 {
                let wanted: f64 = paths().iter().filter(|(l, _)| l[i]).map(|(_, p)| p).sum();
                assert!((found.settled[i] - wanted).abs() < 1e-12);
            }
            for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let count = |labels: &[bool]| {
                    let pairs = labels.windows(2);
                    pairs.filter(|p| (usize::from(p[0]), usize::from(p[1])) == (from, to)).count() as f64
                };
                let wanted: f64 = paths().iter().map(|(l, p)| p * count(l)).sum();
                assert!((found.transitions[from][to] - wanted).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_filter_gives_the_last_label_of_each_prefix() {
        let mut odds = None;
        for seen in 1..=SCORES.len() {
            odds = Some(CHAIN.filter(odds, SCORES[seen - 1]));
            let last = CHAIN.expectations(&SCORES[..seen], &vec![false; seen]).settled[seen - 1];
            assert!((odds.unwrap() - (last / (1.0 - last)).ln()).abs() < 1e-12);
        }
    }

    #[test]
    fn the_largest_scores_give_numbers() {
        let chain = Transitions([[1e300, -1e300], [-1e300, 1e300]]);
        for score in [1e300, -1e300, 0.0] {
            assert!(!chain.filter(Some(score), -score).is_nan());
        }
    }
}

use adainfer_policies::Flops;

use crate::{Outcome, wilson};

/// A model's measures, for the count of operations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) layers: usize,
    pub(crate) hidden: usize,
    pub(crate) vocab: usize,
}

/// What outcomes come to, shares with their intervals; of none every mean is NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Means {
    pub(crate) accuracy: (f64, (f64, f64)),
    pub(crate) agreement: (f64, (f64, f64)),
    pub(crate) layers: f64,
    /// The layers' variance.
    pub(crate) variance: f64,
    pub(crate) pruning_ratio: f64,
    pub(crate) heads: f64,
    pub(crate) flops_ratio: f64,
    pub(crate) paper_flops_ratio: f64,
}

impl Means {
    /// `size` is the whole model's.
    pub(crate) fn of(outcomes: &[Outcome], size: Size) -> Self {
        let Size { layers: all, hidden, vocab } = size;
        let flops = |outcome: &Outcome| Flops { hidden, vocab, positions: outcome.positions };
        let run = |outcome: &Outcome| outcome.layers_run as f64;
        let layers = mean(outcomes, run);
        Self {
            accuracy: share(outcomes, |outcome| outcome.correct),
            agreement: share(outcomes, |outcome| outcome.agrees),
            layers,
            variance: mean(outcomes, |outcome| (run(outcome) - layers).powi(2)),
            pruning_ratio: 1.0 - layers / all as f64,
            heads: mean(outcomes, |outcome| outcome.heads_run as f64),
            flops_ratio: mean(outcomes, |outcome| {
                flops(outcome).ratio(run(outcome), outcome.heads_run as f64, all)
            }),
            paper_flops_ratio: mean(outcomes, |outcome| flops(outcome).paper_ratio(run(outcome), all)),
        }
    }
}

/// NaN of nothing.
pub(crate) fn mean<T>(all: &[T], of: impl Fn(&T) -> f64) -> f64 {
    all.iter().map(of).sum::<f64>() / all.len() as f64
}

/// The share of which it is so, with its 95 % interval of Wilson.
pub(crate) fn share<T>(all: &[T], is: impl Fn(&T) -> bool) -> (f64, (f64, f64)) {
    let count = all.iter().filter(|one| is(one)).count();
    (count as f64 / all.len() as f64, wilson(count, all.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { layers: 4, hidden: 8, vocab: 64 };

    #[test]
    fn means_are_what_a_hand_counts() {
        let outcome = |correct, layers_run| Outcome {
            correct,
            agrees: true,
            layers_run,
            heads_run: layers_run - 1,
            positions: 10,
        };
        let found = Means::of(&[outcome(true, 2), outcome(false, 4)], SIZE);
        assert_eq!((found.accuracy, found.agreement), ((0.5, wilson(1, 2)), (1.0, wilson(2, 2))));
        assert_eq!((found.layers, found.variance), (3.0, 1.0));
        assert_eq!((found.pruning_ratio, found.heads), (0.25, 2.0));
        // As many positions each, so that the mean's ratio is the ratios' mean.
        let flops = Flops { hidden: 8, vocab: 64, positions: 10 };
        assert!((found.flops_ratio - flops.ratio(3.0, 2.0, 4)).abs() < 1e-12);
        assert!((found.paper_flops_ratio - flops.paper_ratio(3.0, 4)).abs() < 1e-12);
    }

    #[test]
    fn nothing_has_no_mean() {
        let found = Means::of(&[], SIZE);
        assert!(found.layers.is_nan() && found.flops_ratio.is_nan() && found.accuracy.0.is_nan());
        assert_eq!(found.accuracy.1, (0.0, 1.0));
    }
}

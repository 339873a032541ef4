use adainfer_core::Never;

use super::{CostModel, Expected};
use crate::calibrate::Counts;
use crate::{Calibration, FitError, Replay, Risk, ScoringPolicy, TraceSet};

impl Expected {
    /// Of the dense model.
    pub(super) fn dense(traces: &TraceSet, costs: &CostModel, risk: Risk) -> Self {
        Self::mean(&[Replay::new(&Never, traces)], costs, risk)
    }

    /// Over the tokens of all of them.
    fn mean(replays: &[Replay], costs: &CostModel, risk: Risk) -> Self {
        let tokens: usize = replays.iter().map(|replay| replay.tokens).sum();
        let mean = |of: fn(&Replay) -> f64| {
            replays.iter().map(|replay| of(replay) * replay.tokens as f64).sum::<f64>() / tokens as f64
        };
        let (layers, looks) = (mean(|replay| replay.mean_layers), mean(|replay| replay.mean_heads));
        let right = match risk {
            Risk::WrongAnswer => mean(|replay| replay.accuracy.unwrap_or(f64::NAN)),
            _ => mean(|replay| replay.agreement),
        };
        Self { seconds: costs.seconds(layers, looks), layers, looks, right }
    }
}

/// Prompts in two parts, each of which judges what the other trains.
pub(super) struct Halves {
    halves: [TraceSet; 2],
}

impl Halves {
    pub(super) fn new(traces: &TraceSet, seed: u64) -> Self {
        Self { halves: traces.clone().split(0.5, seed).into() }
    }

    /// What to expect of a policy that looks after these layers. Where no threshold could be certified, it is what dense does.
    pub(super) fn trial<P: ScoringPolicy>(
        &self,
        layers: &[usize],
        calibration: &Calibration,
        costs: &CostModel,
        fit: impl Fn(&TraceSet) -> Result<P, FitError>,
    ) -> Result<Expected, FitError> {
        let seen = || self.halves.iter().map(|half| half.clone().at_layers(layers.iter().copied()));
        let policies = seen().map(|half| fit(&half)).collect::<Result<Vec<_>, _>>()?;
        // Each policy with the prompts that it has not seen.
        let pairs: Vec<_> = policies.iter().rev().zip(seen()).collect();
        let Some(policy) = policies.first() else { return Err(FitError::NoRows) };
        let grid = policy.grid().into_iter().map(|t| policy.with_threshold(t).threshold());
        let grid: Vec<f64> = grid.collect();
        let mut counts = vec![Counts::default(); grid.len()];
        for (policy, half) in &pairs {
            let more = Counts::new(*policy, half, &grid, calibration.risk.label());
            counts.iter_mut().zip(&more).for_each(|(counts, more)| counts.add(more));
        }
        let replay = |(policy, half): &(&P, TraceSet)| match calibration.choose(&counts, &grid) {
            Some(test) => Replay::new(&policy.with_threshold(test.threshold), half),
            None => Replay::new(&Never, half),
        };
        Ok(Expected::mean(&pairs.iter().map(replay).collect::<Vec<_>>(), costs, calibration.risk))
    }
}

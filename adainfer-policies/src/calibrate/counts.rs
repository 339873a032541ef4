//! What each threshold would have changed.

use std::collections::BTreeMap;

use crate::peaks::Peaks;
use crate::{Label, ScoringPolicy, TokenTrace, TraceSet};

/// How one threshold does on a set of traces.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) prompts: usize,
    /// Prompts with a token that exits before the last layer.
    pub(crate) exited: usize,
    /// Prompts with a token that is not the right one.
    pub(crate) wrong: usize,
    /// Sum, over prompts, of the share of such tokens.
    pub(crate) loss: f64,
}

/// One prompt's tokens under one threshold.
#[derive(Debug, Clone, Copy, Default)]
struct Tokens {
    exited: bool,
    wrong: usize,
}

impl Counts {
    /// Counts for every threshold of a grid, against the tokens that `label` holds to be right.
    pub(crate) fn new<P: ScoringPolicy>(
        policy: &P,
        traces: &TraceSet,
        grid: &[f64],
        label: Label,
    ) -> Vec<Self> {
        let mut prompts: BTreeMap<&str, Vec<&TokenTrace>> = BTreeMap::new();
        for trace in traces.tokens() {
            prompts.entry(trace.prompt()).or_default().push(trace);
        }
        let mut counts = vec![Self { prompts: prompts.len(), ..Self::default() }; grid.len()];
        let mut tokens = vec![Tokens::default(); grid.len()];
        for traces in prompts.into_values() {
            tokens.fill(Tokens::default());
            for trace in &traces {
                add_token(policy, trace, grid, label, &mut tokens);
            }
            for (counts, tokens) in counts.iter_mut().zip(&tokens) {
                counts.exited += usize::from(tokens.exited);
                counts.wrong += usize::from(tokens.wrong > 0);
                counts.loss += tokens.wrong as f64 / traces.len() as f64;
            }
        }
        counts
    }

    /// With those of other prompts.
    pub(crate) fn add(&mut self, more: &Self) {
        self.prompts += more.prompts;
        self.exited += more.exited;
        self.wrong += more.wrong;
        self.loss += more.loss;
    }
}

fn add_token<P: ScoringPolicy>(
    policy: &P,
    trace: &TokenTrace,
    grid: &[f64],
    label: Label,
    tokens: &mut [Tokens],
) {
    let (peaks, right) = (Peaks::of(policy, trace), trace.target(label));
    for (threshold, tokens) in grid.iter().zip(tokens) {
        let exit = peaks.exit(*threshold);
        tokens.exited |= exit.is_some();
        let token = exit.map_or(trace.answer(), |peak| peak.token);
        tokens.wrong += usize::from(Some(token) != right);
    }
}

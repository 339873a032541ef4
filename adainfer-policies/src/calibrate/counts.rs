//! What each threshold would have changed.

use std::collections::BTreeMap;

use crate::peaks::Peaks;
use crate::{ScoringPolicy, TokenTrace, TraceSet};

/// How one threshold does on a set of traces.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) prompts: usize,
    /// Prompts with a token that exits before the last layer.
    pub(super) exited: usize,
    /// Prompts with a token that is not dense's.
    pub(super) wrong: usize,
    /// Sum, over prompts, of the share of such tokens.
    pub(super) loss: f64,
}

/// One prompt's tokens under one threshold.
#[derive(Debug, Clone, Copy, Default)]
struct Tokens {
    exited: bool,
    wrong: usize,
}

impl Counts {
    /// Counts for every threshold of a grid.
    pub(super) fn new<P: ScoringPolicy>(policy: &P, traces: &TraceSet, grid: &[f64]) -> Vec<Self> {
        let mut prompts: BTreeMap<&str, Vec<&TokenTrace>> = BTreeMap::new();
        for trace in traces.tokens() {
            prompts.entry(trace.prompt()).or_default().push(trace);
        }
        let mut counts = vec![Self { prompts: prompts.len(), ..Self::default() }; grid.len()];
        let mut tokens = vec![Tokens::default(); grid.len()];
        for traces in prompts.into_values() {
            tokens.fill(Tokens::default());
            for trace in &traces {
                add_token(policy, trace, grid, &mut tokens);
            }
            for (counts, tokens) in counts.iter_mut().zip(&tokens) {
                counts.exited += usize::from(tokens.exited);
                counts.wrong += usize::from(tokens.wrong > 0);
                counts.loss += tokens.wrong as f64 / traces.len() as f64;
            }
        }
        counts
    }
}

fn add_token<P: ScoringPolicy>(policy: &P, trace: &TokenTrace, grid: &[f64], tokens: &mut [Tokens]) {
    let peaks = Peaks::of(policy, trace);
    for (threshold, tokens) in grid.iter().zip(tokens) {
        if let Some(peak) = peaks.exit(*threshold) {
            tokens.exited = true;
            tokens.wrong += usize::from(peak.token != trace.answer());
        }
    }
}

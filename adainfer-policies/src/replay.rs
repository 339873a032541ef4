//! Policies on recorded traces: what they would have answered, and what that would have cost.

use adainfer_core::{ExitPolicy, Memory, Probe, TokenId};
use serde::{Deserialize, Serialize};

use crate::peaks::Peaks;
use crate::{Label, ScoringPolicy, TokenTrace, TraceSet};

/// What a policy did on a set of traces. Means are over tokens.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Replay {
    /// Tokens.
    pub tokens: usize,
    /// Layers of the model.
    pub layers: usize,
    /// Share of the tokens that are dense's.
    pub agreement: f64,
    /// Share of the right tokens; `None` where a gold token is missing.
    pub accuracy: Option<f64>,
    /// Layers run.
    pub mean_layers: f64,
    /// Their variance.
    pub variance: f64,
    /// 1 - mean layers / layers.
    pub pruning_ratio: f64,
    /// Heads computed, the answer's own among them.
    pub mean_heads: f64,
    /// Where an exit was right, and where the policy exited: over the looks before the last layer.
    pub confusion: Confusion,
    /// The earliest layer that was recorded whose token is dense's: where a policy that knows the answer
    /// exits.
    pub mean_optimal_layer: f64,
    /// The earliest layer from which all recorded tokens are dense's.
    pub mean_saturation_layer: f64,
}

/// Decisions against what would have been right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Exits with dense's token.
    pub true_exits: usize,
    /// Exits with another.
    pub false_exits: usize,
    /// Went on where the token was dense's already.
    pub missed_exits: usize,
    /// Went on where it was not.
    pub true_continues: usize,
}

/// One token under a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayedToken {
    /// The token.
    pub token: TokenId,
    /// Layers run.
    pub layers_run: usize,
    /// Heads computed.
    pub heads_run: usize,
}

impl Replay {
    /// Runs a policy over every trace, looking where it would have looked. Its exits are what a session would
    /// have done, given that the traces hold the layers that it looks at; KL divergences are those recorded,
    /// between recorded probes.
    ///
    /// Linear in the probes, times what a decision costs. Of an empty set every number is NaN or 0.
    pub fn new(policy: &impl ExitPolicy, traces: &TraceSet) -> Self {
        let mut sums = Sums::default();
        for trace in traces.tokens() {
            let (token, confusion) = replay_token(policy, trace);
            sums.add(&Truth::of(trace), token, confusion);
        }
        sums.means(traces.source().layers)
    }

    /// The same for each of these thresholds of a policy, at once: the frontier between agreement and layers.
    ///
    /// Each score is computed once: linear in the probes times what a score costs, plus the thresholds for every
    /// trace. A threshold that the policy cannot have is replaced as
    /// [`with_threshold`](ScoringPolicy::with_threshold) does.
    pub fn sweep<P: ScoringPolicy>(policy: &P, traces: &TraceSet, thresholds: &[f64]) -> Vec<Self> {
        let thresholds: Vec<_> = thresholds.iter().map(|t| policy.with_threshold(*t).threshold()).collect();
        let mut sums = vec![Sums::default(); thresholds.len()];
        for trace in traces.tokens() {
            let (peaks, truth) = (Peaks::of(policy, trace), Truth::of(trace));
            for (threshold, sums) in thresholds.iter().zip(&mut sums) {
                let (token, confusion) = exit_at(&peaks, *threshold, trace);
                sums.add(&truth, token, confusion);
            }
        }
        sums.into_iter().map(|sums| sums.means(traces.source().layers)).collect()
    }

    /// What it would have decided for one trace.
    pub fn token(policy: &impl ExitPolicy, trace: &TokenTrace) -> ReplayedToken {
        replay_token(policy, trace).0
    }
}

fn replay_token(policy: &impl ExitPolicy, trace: &TokenTrace) -> (ReplayedToken, Confusion) {
    let (looks, memory) = (trace.looks(policy), Memory::default());
    let mut confusion = Confusion::default();
    for (seen, prefix) in trace.prefixes_of(&looks).enumerate() {
        let token = prefix.last().top.token;
        let exits = policy.decide(prefix.remembering(&memory)).is_exit();
        confusion.count(exits, token == trace.answer());
        if exits {
            let layers_run = prefix.last().layer;
            return (ReplayedToken { token, layers_run, heads_run: seen + 1 }, confusion);
        }
    }
    (to_the_end(trace, looks.len()), confusion)
}

/// The same from scores alone.
fn exit_at(peaks: &Peaks, threshold: f64, trace: &TokenTrace) -> (ReplayedToken, Confusion) {
    let went_on =
        |looks, right| Confusion { missed_exits: right, true_continues: looks - right, ..Default::default() };
    match peaks.exit(threshold) {
        Some(peak) => {
            let mut confusion = went_on(peak.before, peak.right_before);
            confusion.count(true, peak.token == trace.answer());
            let (token, layers_run) = (peak.token, peak.layer);
            (ReplayedToken { token, layers_run, heads_run: peak.before + 1 }, confusion)
        }
        None => (to_the_end(trace, peaks.looks), went_on(peaks.looks, peaks.right)),
    }
}

fn to_the_end(trace: &TokenTrace, looks: usize) -> ReplayedToken {
    ReplayedToken { token: trace.answer(), layers_run: trace.layers(), heads_run: looks + 1 }
}

impl Confusion {
    fn count(&mut self, exits: bool, right: bool) {
        let counter = match (exits, right) {
            (true, true) => &mut self.true_exits,
            (true, false) => &mut self.false_exits,
            (false, true) => &mut self.missed_exits,
            (false, false) => &mut self.true_continues,
        };
        *counter += 1;
    }

    fn add(&mut self, other: Self) {
        self.true_exits += other.true_exits;
        self.false_exits += other.false_exits;
        self.missed_exits += other.missed_exits;
        self.true_continues += other.true_continues;
    }
}

/// What a trace says whatever the policy.
struct Truth {
    answer: TokenId,
    gold: Option<TokenId>,
    optimal: u64,
    saturation: u64,
}

impl Truth {
    fn of(trace: &TokenTrace) -> Self {
        Self {
            answer: trace.answer(),
            gold: trace.target(Label::Gold),
            optimal: optimal_layer(trace) as u64,
            saturation: saturation_layer(trace) as u64,
        }
    }
}

/// Whole numbers until the end, so that no order of adding matters.
#[derive(Clone, Default)]
struct Sums {
    tokens: usize,
    agreed: usize,
    with_gold: usize,
    right: usize,
    layers: u64,
    squares: u64,
    heads: u64,
    optimal: u64,
    saturation: u64,
    confusion: Confusion,
}

impl Sums {
    fn add(&mut self, truth: &Truth, replayed: ReplayedToken, confusion: Confusion) {
        self.confusion.add(confusion);
        let layers = replayed.layers_run as u64;
        self.tokens += 1;
        self.agreed += usize::from(replayed.token == truth.answer);
        if let Some(gold) = truth.gold {
            self.with_gold += 1;
            self.right += usize::from(replayed.token == gold);
        }
        self.layers += layers;
        self.squares += layers * layers;
        self.heads += replayed.heads_run as u64;
        self.optimal += truth.optimal;
        self.saturation += truth.saturation;
    }

    fn means(self, layers: usize) -> Replay {
        let count = self.tokens as f64;
        let mean = |sum: u64| sum as f64 / count;
        let mean_layers = mean(self.layers);
        Replay {
            tokens: self.tokens,
            layers,
            agreement: self.agreed as f64 / count,
            accuracy: (self.with_gold == self.tokens).then_some(self.right as f64 / count),
            mean_layers,
            variance: (mean(self.squares) - mean_layers * mean_layers).max(0.0),
            pruning_ratio: 1.0 - mean_layers / layers as f64,
            mean_heads: mean(self.heads),
            confusion: self.confusion,
            mean_optimal_layer: mean(self.optimal),
            mean_saturation_layer: mean(self.saturation),
        }
    }
}

/// The earliest recorded layer whose token is the last one's, counted from 1.
pub fn optimal_layer(trace: &TokenTrace) -> usize {
    let answer = trace.answer();
    trace.probes().iter().find(|probe| probe.top.token == answer).map_or(trace.layers(), |probe| probe.layer)
}

/// The earliest recorded layer from which all tokens are the last one's, counted from 1.
pub fn saturation_layer(trace: &TokenTrace) -> usize {
    let answer = trace.answer();
    let settled = |probe: &&Probe| probe.top.token == answer;
    trace.probes().iter().rev().take_while(settled).last().map_or(trace.layers(), |probe| probe.layer)
}

#[cfg(test)]
mod tests {
    use adainfer_core::testing::scripted_probe;
    use adainfer_core::{ModelSpec, Never};

    use super::*;
    use crate::{GapThreshold, StaticLayer, TraceSource};

    fn trace(tokens: &[(u32, f32)], gold: Option<u32>) -> TokenTrace {
        let of = |(i, (token, gap)): (usize, &(u32, f32))| {
            let mut probe = scripted_probe(*token, *gap);
            probe.layer = i + 1;
            probe
        };
        TokenTrace::new("p", tokens.len(), tokens.iter().enumerate().map(of).collect(), gold).unwrap()
    }

    fn set() -> TraceSet {
        let mut set = TraceSet::new(TraceSource::new(&ModelSpec::new(4, 8, 64, "scripted"), "logit"));
        set.push(trace(&[(1, 0.1), (5, 0.9), (1, 0.9), (1, 0.9)], Some(1))).unwrap();
        set.push(trace(&[(4, 0.1), (4, 0.2), (1, 0.3), (4, 0.4)], Some(1))).unwrap();
        set
    }

    #[test]
    fn numbers_are_what_a_hand_counts() {
        let found = Replay::new(&GapThreshold::default(), &set());
        assert_eq!((found.tokens, found.agreement, found.accuracy), (2, 0.5, Some(0.0)));
        assert_eq!((found.mean_layers, found.variance, found.pruning_ratio), (3.0, 1.0, 0.25));
        assert_eq!(found.mean_heads, 3.0);
        let confusion = Confusion { true_exits: 0, false_exits: 1, missed_exits: 3, true_continues: 1 };
        assert_eq!(found.confusion, confusion);
        assert_eq!((found.mean_optimal_layer, found.mean_saturation_layer), (1.0, 3.5));
    }

    #[test]
    fn heads_are_paid_only_where_a_policy_looks() {
        let dense = Replay::new(&Never, &set());
        assert_eq!((dense.agreement, dense.mean_layers, dense.mean_heads), (1.0, 4.0, 1.0));
        let fixed = Replay::new(&StaticLayer::new(3), &set());
        assert_eq!((fixed.agreement, fixed.mean_layers, fixed.mean_heads), (0.5, 3.0, 1.0));
        let gated = Replay::new(&GapThreshold::default().starting_at(3), &set());
        assert_eq!((gated.agreement, gated.mean_layers, gated.mean_heads), (1.0, 3.5, 1.5));
    }

    #[test]
    fn a_sweep_is_every_threshold_by_itself() {
        let thresholds = [2.0, 0.95, 0.85, 0.4, 0.35, 0.15, 0.0, f64::NAN];
        for policy in [GapThreshold::default(), GapThreshold::new(0.1).unwrap()] {
            let swept = Replay::sweep(&policy, &set(), &thresholds);
            let single = |t: &f64| Replay::new(&policy.with_threshold(*t), &set());
            assert_eq!(swept, thresholds.iter().map(single).collect::<Vec<_>>());
        }
        assert_eq!(Replay::sweep(&GapThreshold::default(), &set(), &[]), []);
    }

    #[test]
    fn an_accuracy_needs_every_gold_token() {
        let mut set = set();
        set.push(trace(&[(1, 0.1), (1, 0.1), (1, 0.1), (1, 0.1)], None)).unwrap();
        assert_eq!(Replay::new(&Never, &set).accuracy, None);
    }
}

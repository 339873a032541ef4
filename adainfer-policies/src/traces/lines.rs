//! The lines of a file of traces.

use adainfer_core::{Candidate, Probe, TokenId};
use serde::{Deserialize, Serialize};

use super::{TokenTrace, TraceError, TraceSource};

/// The version that is written, and the only one that is read.
pub(super) const VERSION: u64 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// The version, under a name that says what the file is.
    pub(super) adainfer_traces: u64,
    pub(super) source: TraceSource,
}

/// Each of the others: a token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    prompt: String,
    answer: TokenId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gold: Option<TokenId>,
    /// Tokens that the session decided before.
    #[serde(default, skip_serializing_if = "is_zero")]
    produced: usize,
    probes: Vec<ProbeLine>,
}

/// A probe; tokens with their probabilities are pairs, as there are many.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbeLine {
    layer: usize,
    top: (TokenId, f32),
    second: (TokenId, f32),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cos_hidden: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cos_attn: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cos_mlp: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kl: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entropy: Option<f32>,
}

impl Line {
    pub(super) fn new(trace: &TokenTrace) -> Self {
        Self {
            prompt: trace.prompt().to_owned(),
            answer: trace.answer(),
            gold: trace.gold(),
            produced: trace.produced(),
            probes: trace.probes().iter().map(ProbeLine::new).collect(),
        }
    }

    pub(super) fn into_trace(self, layers: usize) -> Result<TokenTrace, TraceError> {
        let probes = self.probes.into_iter().map(ProbeLine::into_probe).collect();
        let trace = TokenTrace::new(self.prompt, layers, probes, self.gold)?.after(self.produced);
        let (answer, top) = (self.answer, trace.answer());
        if answer != top {
            return Err(TraceError::Answer { prompt: trace.prompt().to_owned(), answer, top });
        }
        Ok(trace)
    }
}

fn is_zero(produced: &usize) -> bool {
    *produced == 0
}

impl ProbeLine {
    fn new(probe: &Probe) -> Self {
        let pair = |candidate: Candidate| (candidate.token, candidate.prob);
        Self {
            layer: probe.layer,
            top: pair(probe.top),
            second: pair(probe.second),
            cos_hidden: probe.cos_hidden,
            cos_attn: probe.cos_attn,
            cos_mlp: probe.cos_mlp,
            kl: probe.kl,
            entropy: probe.entropy,
        }
    }

    fn into_probe(self) -> Probe {
        let candidate = |(token, prob)| Candidate { token, prob };
        let mut probe = Probe::new(candidate(self.top), candidate(self.second));
        probe.layer = self.layer;
        probe.cos_hidden = self.cos_hidden;
        probe.cos_attn = self.cos_attn;
        probe.cos_mlp = self.cos_mlp;
        probe.kl = self.kl;
        probe.entropy = self.entropy;
        probe
    }
}

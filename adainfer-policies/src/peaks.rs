//! Where a policy would exit, for all of its thresholds at once.

use adainfer_core::{Memory, TokenId};

use crate::{ScoringPolicy, TokenTrace};

/// A look whose score is above those of all looks before it: only there does any threshold exit first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Peak {
    pub(crate) score: f64,
    pub(crate) layer: usize,
    pub(crate) token: TokenId,
    /// Looks before it, and those of them that showed the last layer's token.
    pub(crate) before: usize,
    pub(crate) right_before: usize,
}

/// The peaks of one token, lowest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Peaks {
    peaks: Vec<Peak>,
    /// Looks before the last layer, and those that showed its token.
    pub(crate) looks: usize,
    pub(crate) right: usize,
}

impl Peaks {
    pub(crate) fn of<P: ScoringPolicy>(policy: &P, trace: &TokenTrace) -> Self {
        let (looks, memory) = (trace.looks(policy), Memory::default());
        let mut found = Self { peaks: Vec::new(), looks: 0, right: 0 };
        let mut highest = f64::NEG_INFINITY;
        for prefix in trace.prefixes_of(&looks) {
            let (score, last) = (policy.score(prefix.remembering(&memory)), prefix.last());
            if score > highest {
                highest = score;
                let (before, right_before) = (found.looks, found.right);
                let (layer, token) = (last.layer, last.top.token);
                found.peaks.push(Peak { score, layer, token, before, right_before });
            }
            found.looks += 1;
            found.right += usize::from(last.top.token == trace.answer());
        }
        found
    }

    /// Where a threshold exits, if it does before the last layer.
    pub(crate) fn exit(&self, threshold: f64) -> Option<&Peak> {
        self.peaks.get(self.peaks.partition_point(|peak| peak.score <= threshold))
    }
}

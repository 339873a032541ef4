use adainfer_core::{Decision, ExitPolicy, Trace};
use serde::{Deserialize, Serialize};

use crate::ScoringPolicy;

/// Exits once so many probes in a row show the same token, however sure they are: the rule of PABEE (Zhou et al.
/// 2020). The method [`ExitPolicy::patience`] asks the same of another policy.
///
/// A decision takes time linear in the probes that agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    probes: usize,
}

impl Patience {
    /// Exits once `probes` in a row agree; 0 is read as 1, which exits at the first look.
    pub fn new(probes: usize) -> Self {
        Self { probes: probes.max(1) }
    }

    /// How many must agree.
    pub fn probes(&self) -> usize {
        self.probes
    }
}

/// How many of the newest probes show the newest's token.
fn agreeing(trace: Trace<'_>) -> usize {
    let token = trace.last().top.token;
    trace.iter().rev().take_while(|probe| probe.top.token == token).count()
}

impl ExitPolicy for Patience {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        Decision::exit_if(agreeing(trace) >= self.probes)
    }
}

impl ScoringPolicy for Patience {
    /// How many probes in a row agree.
    fn score(&self, trace: Trace<'_>) -> f64 {
        agreeing(trace) as f64
    }

    /// One probe less than must agree.
    fn threshold(&self) -> f64 {
        self.probes as f64 - 1.0
    }

    /// Rounded up to whole probes; NaN becomes more than any model has.
    fn with_threshold(&self, threshold: f64) -> Self {
        let probes = if threshold.is_nan() { f64::from(u32::MAX) } else { threshold.max(0.0).floor() + 1.0 };
        Self { probes: probes.min(f64::from(u32::MAX)) as usize }
    }

    /// From 64 probes down to one.
    fn grid(&self) -> Vec<f64> {
        (0..64).rev().map(f64::from).collect()
    }
}

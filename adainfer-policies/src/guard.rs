//! Layers whose lens is sure of what is wrong.

use crate::TraceSet;
use crate::calibrate::bounds::binomial;

/// Finds the layers where a lens is confidently wrong: those to close, before a policy trusts them.
///
/// A look with a gap above [`confident`](Self::confident) claims to be right with its top probability. A layer is closed where
/// so few of its confident looks show dense's token that a lens whose claim is at most [`slack`](Self::slack) too high would do as
/// badly with a probability of at most [`delta`](Self::delta): the binomial tail
/// `P(Bin(n, mean claim - slack) <= right)` for the `n` confident looks. A slack or a delta that is no number closes every
/// layer with such a look.
///
/// ```
/// use adainfer_core::testing::scripted_probe;
/// use adainfer_core::ModelSpec;
/// use adainfer_policies::{Guard, TokenTrace, TraceSet, TraceSource};
///
/// let model = ModelSpec::new(3, 8, 64, "a model");
/// let mut traces = TraceSet::new(TraceSource::new(&model, "logit"));
/// for i in 0..40 {
///     // After layer 1 it is sure of token 5, and the answer is token 1.
///     let mut probes = [scripted_probe(5, 0.9), scripted_probe(1, 0.9), scripted_probe(1, 0.95)];
///     (1..).zip(&mut probes).for_each(|(layer, probe)| probe.layer = layer);
///     traces.push(TokenTrace::new(i.to_string(), 3, probes.to_vec(), None)?)?;
/// }
/// let closed: Vec<_> = Guard::default().inspect(&traces).into_iter().filter(|l| l.is_closed).map(|l| l.layer).collect();
/// assert_eq!(closed, [1]);
/// # Ok::<(), adainfer_policies::TraceError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    confident: f32,
    slack: f64,
    delta: f64,
}

impl Default for Guard {
    /// A gap of 0.8, the paper's threshold; a slack of 0.1; a delta of 0.05.
    fn default() -> Self {
        Self { confident: 0.8, slack: 0.1, delta: 0.05 }
    }
}

/// A layer before the last, as a [`Guard`] found it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GuardedLayer {
    /// The layer, counted from 1.
    pub layer: usize,
    /// Looks that were confident.
    pub confident: usize,
    /// Those of them that showed dense's token.
    pub right: usize,
    /// Their mean top probability; 0 where there is none.
    pub claim: f64,
    /// Whether it is to be closed.
    pub is_closed: bool,
}

impl Guard {
    /// The gap above which a look is confident; between 0 and 1.
    pub fn confident(mut self, gap: f32) -> Self {
        self.confident = gap;
        self
    }

    /// By how much a claim may be too high.
    pub fn slack(mut self, slack: f64) -> Self {
        self.slack = slack;
        self
    }

    /// The probability that a layer is closed whose claim is no more than that too high.
    pub fn delta(mut self, delta: f64) -> Self {
        self.delta = delta;
        self
    }

    /// All layers before the last that the traces hold, in order. Linear in the probes.
    ///
    /// The traces should be of prompts that the lens was not fitted on.
    pub fn inspect(&self, traces: &TraceSet) -> Vec<GuardedLayer> {
        let layers = traces.source().layers;
        let mut found: Vec<GuardedLayer> = Vec::new();
        for trace in traces.tokens() {
            for probe in trace.probes().iter().filter(|probe| probe.layer < layers) {
                let place = found.binary_search_by_key(&probe.layer, |layer| layer.layer);
                let place = place.unwrap_or_else(|place| {
                    let layer = probe.layer;
                    found.insert(
                        place,
                        GuardedLayer { layer, confident: 0, right: 0, claim: 0.0, is_closed: false },
                    );
                    place
                });
                if probe.gap() > self.confident {
                    let layer = &mut found[place];
                    layer.confident += 1;
                    layer.right += usize::from(probe.top.token == trace.answer());
                    layer.claim += f64::from(probe.top_prob());
                }
            }
        }
        found.iter_mut().for_each(|layer| self.judge(layer));
        found
    }

    /// Turns the sum of the claims into their mean, and compares.
    fn judge(&self, layer: &mut GuardedLayer) {
        if layer.confident == 0 {
            return;
        }
        layer.claim /= layer.confident as f64;
        let promised = layer.claim - self.slack;
        // Nothing is below a promise of nothing; one of all is broken by a single look.
        let is_open = match promised {
            promised if promised >= 1.0 => layer.right == layer.confident,
            promised if promised > 0.0 => binomial(layer.confident, layer.right, promised) > self.delta,
            promised => promised <= 0.0,
        };
        layer.is_closed = !is_open;
    }
}

#[cfg(test)]
mod tests {
    use adainfer_core::ModelSpec;
    use adainfer_core::testing::scripted_probe;

    use super::*;
    use crate::{TokenTrace, TraceSource};

    /// So many looks after layer 1 with this gap, the first of which are right.
    fn traces(looks: usize, right: usize, gap: f32) -> TraceSet {
        let mut set = TraceSet::new(TraceSource::new(&ModelSpec::new(2, 8, 64, "scripted"), "logit"));
        for i in 0..looks {
            let mut probes = vec![scripted_probe(if i < right { 1 } else { 5 }, gap), scripted_probe(1, 0.9)];
            (probes[0].layer, probes[1].layer) = (1, 2);
            set.push(TokenTrace::new(i.to_string(), 2, probes, None).unwrap()).unwrap();
        }
        set
    }

    fn closed(looks: usize, right: usize, gap: f32) -> bool {
        Guard::default().inspect(&traces(looks, right, gap))[0].is_closed
    }

    #[test]
    fn a_layer_is_closed_where_chance_cannot_explain_how_wrong_it_is() {
        // A gap of 0.9 is a claim of 0.95, and 0.85 is allowed.
        assert!(!closed(100, 95, 0.9) && !closed(100, 85, 0.9) && !closed(100, 80, 0.9));
        assert!(closed(100, 75, 0.9) && closed(100, 0, 0.9));
        assert!(!closed(1, 0, 0.9), "one look says little: 0.15 is not rare");
        assert!(closed(2, 0, 0.9));
    }

    #[test]
    fn looks_that_claim_little_are_not_held_to_it() {
        assert!(!closed(100, 0, 0.7));
        let found = Guard::default().inspect(&traces(100, 40, 0.7));
        assert_eq!((found.len(), found[0].confident, found[0].claim), (1, 0, 0.0));
        let strict = Guard::default().confident(0.5).slack(0.0).inspect(&traces(100, 40, 0.7));
        assert_eq!((strict[0].confident, strict[0].right, strict[0].is_closed), (100, 40, true));
        assert!((strict[0].claim - 0.85).abs() < 1e-6);
    }

    #[test]
    fn a_larger_delta_closes_more() {
        let set = traces(100, 80, 0.9);
        assert!(!Guard::default().inspect(&set)[0].is_closed);
        assert!(Guard::default().delta(0.5).inspect(&set)[0].is_closed);
        assert!(!Guard::default().slack(2.0).inspect(&traces(9, 0, 0.9))[0].is_closed, "nothing is promised");
    }

    #[test]
    fn what_is_no_number_closes_rather_than_opens() {
        let set = traces(100, 95, 0.9);
        assert!(!Guard::default().inspect(&set)[0].is_closed);
        assert!(Guard::default().slack(f64::NAN).inspect(&set)[0].is_closed);
        assert!(Guard::default().delta(f64::NAN).inspect(&set)[0].is_closed);
    }
}

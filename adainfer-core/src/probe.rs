use crate::TokenId;

/// A token and the probability that the lens gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The token.
    pub token: TokenId,
    /// Its probability, 0 to 1.
    pub prob: f32,
}

/// What the lens saw after one layer (paper, section 4.1).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Probe {
    /// The layer, counted from 1; set by the session.
    pub layer: usize,
    /// The likeliest token; of equals the one with the lower id.
    pub top: Candidate,
    /// The second likeliest token.
    pub second: Candidate,
    /// Cosine of the last position's hidden state with the same after the layer before. `None` after
    /// the first layer and where not asked for, as for the next three.
    pub cos_hidden: Option<f32>,
    /// Cosine of the attention's output with the layer before's.
    pub cos_attn: Option<f32>,
    /// Cosine of the MLP's output with the layer before's.
    pub cos_mlp: Option<f32>,
    /// KL(P_l || P_m) in nats, where m is the layer of the probe before: l - 1 if every layer is
    /// looked at.
    pub kl: Option<f32>,
    /// Entropy of the distribution in nats. `None` where not asked for.
    pub entropy: Option<f32>,
}

impl Probe {
    /// A probe without extras, of a layer still to be set.
    pub fn new(top: Candidate, second: Candidate) -> Self {
        Self {
            layer: 0,
            top,
            second,
            cos_hidden: None,
            cos_attn: None,
            cos_mlp: None,
            kl: None,
            entropy: None,
        }
    }

    /// Softmax of `logits` and its two likeliest tokens; `None` if there are fewer than two.
    ///
    /// Sums in f64. A NaN or infinity among the logits makes the probabilities NaN, which
    /// [`is_finite`](Self::is_finite) reports. O(vocabulary).
    pub fn from_logits(logits: &[f32]) -> Option<Self> {
        let (top, second) = top_two(logits)?;
        let max = logits[top];
        let total: f64 = logits.iter().map(|&x| f64::from((x - max).exp())).sum();
        let candidate = |i: usize| Candidate {
            token: i as TokenId,
            prob: (f64::from((logits[i] - max).exp()) / total) as f32,
        };
        Some(Self::new(candidate(top), candidate(second)))
    }

    /// Probability of the top token: the paper's "top prob".
    pub fn top_prob(&self) -> f32 {
        self.top.prob
    }

    /// By how much the top token leads: the paper's "gap", P(top) - P(second).
    pub fn gap(&self) -> f32 {
        self.top.prob - self.second.prob
    }

    /// Whether every number that is there is finite.
    pub fn is_finite(&self) -> bool {
        let extras = [self.cos_hidden, self.cos_attn, self.cos_mlp, self.kl, self.entropy];
        [self.top.prob, self.second.prob].iter().chain(extras.iter().flatten()).all(|x| x.is_finite())
    }
}

/// Indices of the two largest values, the lower index first among equals.
fn top_two(values: &[f32]) -> Option<(usize, usize)> {
    let (mut top, mut second) = match values {
        [a, b, ..] if b > a => (1, 0),
        [_, _, ..] => (0, 1),
        _ => return None,
    };
    for (i, x) in values.iter().enumerate().skip(2) {
        if *x > values[second] {
            if *x > values[top] {
                (top, second) = (i, top);
            } else {
                second = i;
            }
        }
    }
    Some((top, second))
}

/// KL(P || Q) in nats of the softmaxes of two rows of logits of one length, summed in f64.
///
/// `None` where the lengths differ or there is nothing.
pub fn kl_divergence(p: &[f32], q: &[f32]) -> Option<f32> {
    if p.len() != q.len() || p.is_empty() {
        return None;
    }
    let (log_p, log_q) = (log_total(p), log_total(q));
    let term = |(&p, &q): (&f32, &f32)| {
        let p = f64::from(p) - log_p;
        p.exp() * (p - (f64::from(q) - log_q))
    };
    Some(p.iter().zip(q).map(term).sum::<f64>() as f32)
}

/// Entropy in nats of the softmax of a row of logits, summed in f64; 0 for an empty row.
pub fn entropy(logits: &[f32]) -> f32 {
    let log_total = log_total(logits);
    let term = |&x: &f32| {
        let log_prob = f64::from(x) - log_total;
        // Where the probability is 0, so is the term.
        if log_prob == f64::NEG_INFINITY { 0.0 } else { -log_prob.exp() * log_prob }
    };
    logits.iter().map(term).sum::<f64>() as f32
}

/// Logarithm of the sum of exponentials.
fn log_total(logits: &[f32]) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    max + logits.iter().map(|&x| (f64::from(x) - max).exp()).sum::<f64>().ln()
}

/// Which features beyond the top two tokens a probe carries; they cost time, so they are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extras {
    /// The three cosines with the layer before.
    pub cosines: bool,
    /// KL divergence from the probe before.
    pub kl: bool,
    /// Entropy of the distribution.
    pub entropy: bool,
}

impl Extras {
    /// Only the top two tokens.
    pub const NONE: Self = Self { cosines: false, kl: false, entropy: false };
    /// All there are.
    pub const ALL: Self = Self { cosines: true, kl: true, entropy: true };

    /// What either asks for.
    pub fn union(self, other: Self) -> Self {
        Self {
            cosines: self.cosines || other.cosines,
            kl: self.kl || other.kl,
            entropy: self.entropy || other.entropy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_are_ranked_by_id() {
        let probe = Probe::from_logits(&[1.0, 3.0, 3.0, 3.0]).unwrap();
        assert_eq!((probe.top.token, probe.second.token), (1, 2));
        assert_eq!(probe.gap(), 0.0);
    }

    #[test]
    fn probabilities_are_the_softmax() {
        let probe = Probe::from_logits(&[0.0, 2f32.ln(), 5f32.ln()]).unwrap();
        assert_eq!((probe.top.token, probe.second.token), (2, 1));
        assert!((probe.top_prob() - 0.625).abs() < 1e-7 && (probe.gap() - 0.375).abs() < 1e-7);
    }

    #[test]
    fn a_bad_logit_is_never_a_finite_probe() {
        for bad in [f32::NAN, f32::INFINITY] {
            for at in 0..4 {
                let mut logits = [0.5, 1.0, 0.25, 0.125];
                logits[at] = bad;
                assert!(!Probe::from_logits(&logits).unwrap().is_finite(), "{bad} at {at}");
            }
        }
        assert!(!Probe::from_logits(&[f32::NEG_INFINITY; 3]).unwrap().is_finite());
    }

    #[test]
    fn fewer_than_two_logits_are_no_probe() {
        assert!(Probe::from_logits(&[]).is_none() && Probe::from_logits(&[1.0]).is_none());
    }

    #[test]
    fn entropy_is_known_for_dice_and_never_asks_for_the_impossible() {
        assert!((entropy(&[2.0; 6]) - 6f32.ln()).abs() < 1e-6);
        assert_eq!(entropy(&[0.0, f32::NEG_INFINITY]), 0.0);
        assert_eq!(entropy(&[]), 0.0);
        assert!(entropy(&[0.0, f32::NAN]).is_nan() && entropy(&[0.0, f32::INFINITY]).is_nan());
    }

    #[test]
    fn kl_is_zero_to_itself_and_known_for_a_coin() {
        assert_eq!(kl_divergence(&[1.0, 2.0, 3.0], &[11.0, 12.0, 13.0]), Some(0.0));
        let kl = kl_divergence(&[0.0, 0.0], &[0.75f32.ln(), 0.25f32.ln()]).unwrap();
        assert!((kl - 0.5 * (0.25f32 / 0.1875).ln()).abs() < 1e-6);
        assert_eq!(kl_divergence(&[0.0], &[0.0, 1.0]), None);
    }
}

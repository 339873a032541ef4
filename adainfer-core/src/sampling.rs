use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::TokenId;

/// How tokens are drawn: temperature, then nucleus (top-p) sampling.
///
/// ```
/// use adainfer_core::Sampling;
///
/// let mut sampler = Sampling::new().temperature(0.7).top_p(0.9).seed(1).sampler()?;
/// let token = sampler.draw(&[0.1, 3.0, 2.5]);
/// assert!(token < 3);
/// # Ok::<(), adainfer_core::SamplingError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    temperature: f64,
    top_p: f64,
    seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_p: 1.0, seed: 0 }
    }
}

impl Sampling {
    /// The model's own distribution, with seed 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Divides the logits by `temperature`; at 0 the likeliest token is always taken.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// Keeps the fewest likeliest tokens whose probabilities sum to at least `top_p`.
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.top_p = top_p;
        self
    }

    /// Where the random numbers start: same seed, same tokens.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Checks the numbers and starts drawing.
    ///
    /// # Errors
    /// A temperature that is negative or not finite; a top-p outside (0, 1].
    pub fn sampler(self) -> Result<Sampler, SamplingError> {
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return Err(SamplingError::Temperature { found: self.temperature });
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(SamplingError::TopP { found: self.top_p });
        }
        Ok(Sampler { sampling: self, random: ChaCha8Rng::seed_from_u64(self.seed) })
    }
}

/// Why numbers do not describe a way of sampling.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// The temperature is out of range.
    #[error("the temperature must be 0 or more and finite, not {found}")]
    Temperature {
        /// What was given.
        found: f64,
    },
    /// The nucleus is out of range.
    #[error("top-p must be above 0 and at most 1, not {found}")]
    TopP {
        /// What was given.
        found: f64,
    },
}

/// Draws tokens from logits; made by [`Sampling::sampler`].
///
/// Random numbers come from ChaCha8, whose stream is the same on every platform and version.
#[derive(Debug, Clone)]
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
}

impl Sampler {
    /// A token of the distribution that `logits` describe. Takes one random number, also at
    /// temperature 0. Logits that are NaN are never drawn; of none at all the answer is 0.
    ///
    /// O(n) at temperature 0, else O(n log n) for n logits.
    pub fn draw(&mut self, logits: &[f32]) -> TokenId {
        // 53 bits: the floats from 0 up to but not including 1 that an f64 spaces evenly.
        let uniform = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let mut tokens: Vec<usize> = (0..logits.len()).filter(|&i| !logits[i].is_nan()).collect();
        let likelier = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
        if self.sampling.temperature == 0.0 {
            return tokens.into_iter().min_by(|a, b| likelier(a, b)).unwrap_or(0) as TokenId;
        }
        tokens.sort_unstable_by(likelier);
        self.pick(&tokens, logits, uniform) as TokenId
    }

    /// The token at `uniform` of the nucleus' probability; `tokens` are sorted, likeliest first.
    fn pick(&self, tokens: &[usize], logits: &[f32], uniform: f64) -> usize {
        let Some(&likeliest) = tokens.first() else { return 0 };
        let max = f64::from(logits[likeliest]);
        let weigh = |&token: &usize| ((f64::from(logits[token]) - max) / self.sampling.temperature).exp();
        let weights: Vec<f64> = tokens.iter().map(weigh).collect();
        let wanted = self.sampling.top_p * weights.iter().sum::<f64>();
        let mut mass = 0.0;
        let nucleus = weights.iter().take_while(|&&w| {
            let open = mass < wanted;
            mass += if open { w } else { 0.0 };
            open
        });
        let kept = nucleus.count();
        let mut left = uniform * mass;
        for (&token, weight) in tokens.iter().zip(&weights).take(kept) {
            if left < *weight {
                return token;
            }
            left -= weight;
        }
        likeliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(sampling: Sampling, logits: &[f32], token: TokenId) -> f64 {
        let mut sampler = sampling.sampler().unwrap();
        (0..20_000).filter(|_| sampler.draw(logits) == token).count() as f64 / 20_000.0
    }

    #[test]
    fn frequencies_follow_the_softmax() {
        let logits = [0.0, 3f32.ln()];
        assert!((share(Sampling::new(), &logits, 1) - 0.75).abs() < 0.01);
        // Twice as hot: the odds are the square root, 1 to 1.732.
        assert!((share(Sampling::new().temperature(2.0), &logits, 1) - 0.634).abs() < 0.01);
    }

    #[test]
    fn top_p_leaves_out_the_tail() {
        let logits = [5f32.ln(), 3f32.ln(), 2f32.ln()];
        assert_eq!(share(Sampling::new().top_p(0.5), &logits, 0), 1.0);
        assert_eq!(share(Sampling::new().top_p(0.6), &logits, 2), 0.0);
        assert!((share(Sampling::new().top_p(0.6), &logits, 0) - 0.625).abs() < 0.01);
    }

    #[test]
    fn the_same_seed_draws_the_same_tokens() {
        let draw = |seed| {
            let mut sampler = Sampling::new().seed(seed).sampler().unwrap();
            (0..32).map(|_| sampler.draw(&[0.0; 100])).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn temperature_zero_is_greedy_and_ties_go_to_the_lower_id() {
        let mut sampler = Sampling::new().temperature(0.0).sampler().unwrap();
        assert_eq!(sampler.draw(&[1.0, 4.0, 4.0, f32::NAN]), 1);
        assert_eq!(sampler.draw(&[]), 0);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for bad in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                Sampling::new().temperature(bad).sampler(),
                Err(SamplingError::Temperature { .. })
            ));
        }
        for bad in [0.0, 1.01, f64::NAN] {
            assert!(matches!(Sampling::new().top_p(bad).sampler(), Err(SamplingError::TopP { .. })));
        }
    }
}

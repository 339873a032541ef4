//! Thresholds with a certificate: Learn then Test (Angelopoulos et al. 2021) by fixed-sequence testing.

pub(crate) mod bounds;
mod counts;
mod error;

use adainfer_core::{At, Decision, ExitPolicy, Extras, ModelSpec, PolicyMismatch, Trace};

use serde::{Deserialize, Serialize};

use crate::training::in_order;
use crate::{Label, ScoringPolicy, TokenTrace, TraceSet, TraceSource};
pub(crate) use counts::Counts;
pub use error::CalibrationError;

/// What is bounded, of a model that exits early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Risk {
    /// The share of prompts with a token that is not dense's. For prompts of one token: the share of answers
    /// that early exit changes.
    Disagreement,
    /// The mean, over prompts, of the share of their tokens that are not dense's; by the
    /// Hoeffding-Bentkus bound.
    TokenShare,
    /// The share of wrong ones among the prompts that exit early at all.
    ///
    /// The safest threshold is tested first, on the prompts that exit there: where those are too few to show
    /// anything, nothing is certified. So give a grid that begins where many are expected to exit; a
    /// policy's own begins where hardly any do.
    WhereExited,
    /// The share of prompts with a token that is not its gold token, exited early or not: for lenses that answer
    /// better than the model, such as label probes.
    ///
    /// The safest threshold is tested first, and its answers are mostly the last layer's: where those alone are wrong
    /// more often than epsilon, nothing is certified.
    WrongAnswer,
}

impl Risk {
    /// What an answer is compared with.
    pub(crate) fn label(self) -> Label {
        match self {
            Self::WrongAnswer => Label::Gold,
            Self::Disagreement | Self::TokenShare | Self::WhereExited => Label::Dense,
        }
    }
}

/// Chooses a policy's threshold so that what early exit changes stays bounded.
///
/// # What the certificate says
///
/// Draw prompts, calibrate on them, and use the policy on further prompts like them: in a share of at least
/// `1 - delta` of such calibrations, the risk on the further prompts is at most `epsilon`. "Like them" means
/// exchangeable: drawn as the calibration prompts were, in any order. It says nothing about prompts of
/// another kind, another model or lens, or about any single prompt; and it holds for the thresholds of a grid
/// that was fixed before the traces were looked at, tested from the safest on until the first that
/// fails.
///
/// ```
/// use adainfer_core::testing::scripted_probe;
/// use adainfer_core::ModelSpec;
/// use adainfer_policies::{Calibration, GapThreshold, TokenTrace, TraceSet, TraceSource};
///
/// // The answer, token 1, is there after layer 1 where the gap is large.
/// let model = ModelSpec::new(2, 8, 64, "scripted");
/// let mut traces = TraceSet::new(TraceSource::new(&model, "logit"));
/// for i in 0..200 {
///     let gap = i as f32 / 200.0;
///     let mut probes = vec![scripted_probe(u32::from(gap > 0.5), gap), scripted_probe(1, 0.9)];
///     (probes[0].layer, probes[1].layer) = (1, 2);
///     traces.push(TokenTrace::new(format!("prompt {i}"), 2, probes, None)?)?;
/// }
/// let certified = Calibration::new(0.05, 0.05)?.calibrate(&GapThreshold::default(), &traces)?;
/// let threshold = certified.policy().expect("there are prompts enough").threshold();
/// assert!(threshold < 0.55 && certified.certificate().n == 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    pub(crate) epsilon: f64,
    pub(crate) delta: f64,
    pub(crate) risk: Risk,
    grid: Option<Vec<f64>>,
}

impl Calibration {
    /// A risk of at most `epsilon`, but for a probability `delta`.
    ///
    /// # Errors
    /// Numbers that are not between 0 and 1.
    pub fn new(epsilon: f64, delta: f64) -> Result<Self, CalibrationError> {
        for (name, found) in [("epsilon", epsilon), ("delta", delta)] {
            if found.is_nan() || found <= 0.0 || found >= 1.0 {
                return Err(CalibrationError::Parameter { name, found });
            }
        }
        Ok(Self { epsilon, delta, risk: Risk::Disagreement, grid: None })
    }

    /// Bounds another risk than disagreement.
    pub fn risk(mut self, risk: Risk) -> Self {
        self.risk = risk;
        self
    }

    /// Chooses among these thresholds instead of the policy's own grid; they must have been chosen without
    /// looking at the traces.
    ///
    /// # Errors
    /// None, one that is not finite, or one that is not below the one before.
    pub fn grid(mut self, thresholds: Vec<f64>) -> Result<Self, CalibrationError> {
        self.grid = Some(checked(thresholds)?);
        Ok(self)
    }

    /// Tests the thresholds on the traces, from the safest on, and keeps the last before the first failure.
    ///
    /// What is certified looks after the layers of the traces, where the policy wants to; for fewer looks,
    /// calibrate on [`TraceSet::at_layers`].
    ///
    /// Time is linear in the probes plus, a trace, the thresholds.
    ///
    /// # Errors
    /// No traces, traces of another model or of other layers than the policy looks after, prompts that it was trained
    /// on, and for [`Risk::WrongAnswer`] a trace without a gold token.
    pub fn calibrate<P: ScoringPolicy>(
        &self,
        policy: &P,
        traces: &TraceSet,
    ) -> Result<Certified<P>, CalibrationError> {
        if traces.tokens().is_empty() {
            return Err(CalibrationError::NoTraces);
        }
        let seen = |prompt: &&str| policy.training().is_some_and(|seen| seen.prompts.contains(prompt));
        if let Some(prompt) = traces.prompts().into_iter().find(seen) {
            return Err(CalibrationError::Overlap { prompt: prompt.to_owned() });
        }
        let no_gold = |trace: &&TokenTrace| trace.target(self.risk.label()).is_none();
        if let Some(trace) = traces.tokens().iter().find(no_gold) {
            return Err(CalibrationError::NoGold { prompt: trace.prompt().to_owned() });
        }
        let layers = looked_at(policy, traces)?;
        // What is tested is what the policy will have: it may round.
        let asked = self.grid.clone().unwrap_or_else(|| policy.grid());
        let grid = checked(asked.into_iter().map(|t| policy.with_threshold(t).threshold()).collect())?;
        let chosen = self.choose(&Counts::new(policy, traces, &grid, self.risk.label()), &grid);
        let chosen = chosen.as_ref();
        let certificate = Certificate {
            epsilon: self.epsilon,
            delta: self.delta,
            risk: self.risk,
            threshold: chosen.map(|test| test.threshold),
            n: chosen.map_or(traces.prompts().len(), |test| test.n),
            k: chosen.map_or(0.0, |test| test.k),
            grid,
            layers,
            source: traces.source().clone(),
            traces: traces.hash(),
        };
        let policy = chosen.map(|test| policy.with_threshold(test.threshold));
        Ok(Certified { policy, certificate })
    }

    /// The last threshold before the first that fails.
    pub(crate) fn choose(&self, counts: &[Counts], grid: &[f64]) -> Option<Test> {
        let tests = || counts.iter().zip(grid).map(|(counts, threshold)| self.test(*threshold, counts));
        let passed = passed(tests().map(|test| test.p_value), self.delta);
        tests().nth(passed.checked_sub(1)?)
    }

    fn test(&self, threshold: f64, counts: &Counts) -> Test {
        let Counts { prompts, exited, wrong, loss } = *counts;
        let (n, k, p_value) = match self.risk {
            Risk::Disagreement | Risk::WrongAnswer => {
                (prompts, wrong as f64, bounds::binomial(prompts, wrong, self.epsilon))
            }
            Risk::WhereExited => (exited, wrong as f64, bounds::binomial(exited, wrong, self.epsilon)),
            Risk::TokenShare => {
                (prompts, loss, bounds::hoeffding_bentkus(prompts, loss / prompts as f64, self.epsilon))
            }
        };
        Test { threshold, n, k, p_value }
    }
}

/// How many hypotheses fixed-sequence testing rejects: those before the first that it cannot.
fn passed(p_values: impl Iterator<Item = f64>, delta: f64) -> usize {
    p_values.take_while(|p_value| *p_value <= delta).count()
}

/// A threshold, tested.
pub(crate) struct Test {
    pub(crate) threshold: f64,
    n: usize,
    k: f64,
    p_value: f64,
}

/// The layers after which the policy looks, all of which the traces must hold.
fn looked_at(policy: &impl ScoringPolicy, traces: &TraceSet) -> Result<Vec<usize>, CalibrationError> {
    let model = traces.source().model();
    policy.check(&model)?;
    let recorded = traces.layers().map_err(|prompt| CalibrationError::OtherLayers { prompt })?;
    let wants = |layer: &usize| policy.wants(At::new(*layer, model.layers, 0));
    let trained = policy.training().map_or(&[][..], |training| &training.layers);
    match trained.iter().find(|layer| !recorded.contains(layer)) {
        Some(layer) => Err(CalibrationError::NotRecorded { layer: *layer }),
        None => Ok(recorded.into_iter().filter(wants).collect()),
    }
}

fn checked(grid: Vec<f64>) -> Result<Vec<f64>, CalibrationError> {
    if grid.is_empty() {
        return Err(CalibrationError::EmptyGrid);
    }
    for (index, threshold) in grid.iter().enumerate() {
        let before = index.checked_sub(1).map_or(f64::INFINITY, |before| grid[before]);
        if !threshold.is_finite() || *threshold >= before {
            return Err(CalibrationError::Grid { index, threshold: *threshold, before });
        }
    }
    Ok(grid)
}

/// What is certified, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Certificate {
    /// The bound.
    pub epsilon: f64,
    /// The probability that it fails, over calibrations.
    pub delta: f64,
    /// What is bounded.
    pub risk: Risk,
    /// The threshold; `None` where none could be certified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Prompts that were counted: those that exited for [`Risk::WhereExited`], else all.
    pub n: usize,
    /// Wrong ones among them; for [`Risk::TokenShare`] the sum of the losses.
    pub k: f64,
    /// The thresholds, from the safest on.
    pub grid: Vec<f64>,
    /// The layers that it was looked after.
    pub layers: Vec<usize>,
    /// The model and the lens.
    pub source: TraceSource,
    /// [`TraceSet::hash`] of what was calibrated on.
    pub traces: String,
}

impl Certificate {
    /// Whether it lets a policy look here.
    pub(crate) fn wants(&self, at: At) -> bool {
        self.layers.binary_search(&at.layer).is_ok()
    }

    /// Whether what has been seen is what was calibrated on: a look at each of the layers, and at no other.
    pub(crate) fn covers(&self, trace: Trace<'_>) -> bool {
        self.layers.partition_point(|layer| *layer <= trace.at().layer) == trace.count()
    }

    /// What is wrong with one that was read from a file.
    pub(crate) fn checked(&self) -> Result<(), String> {
        Calibration::new(self.epsilon, self.delta).map_err(|error| error.to_string())?;
        let grid = checked(self.grid.clone()).map_err(|error| error.to_string())?;
        if let Some(threshold) = self.threshold.filter(|threshold| !grid.contains(threshold)) {
            return Err(format!("the threshold {threshold} is not in its grid"));
        }
        in_order(&self.layers, self.source.layers)
    }
}

/// A policy with a certificate, or one that never exits, where no exit could be certified.
///
/// It exits only where it has looked as it was calibrated. Where an adaptor keeps it from a look, or another policy
/// adds one, or a probe is not finite, that token runs to the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Certified<P> {
    policy: Option<P>,
    certificate: Certificate,
}

impl<P> Certified<P> {
    /// The policy at its certified threshold; `None` where there is no certifiable exit.
    pub fn policy(&self) -> Option<&P> {
        self.policy.as_ref()
    }

    /// What is certified.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn into_parts(self) -> (Option<P>, Certificate) {
        (self.policy, self.certificate)
    }
}

impl<P: ScoringPolicy> ExitPolicy for Certified<P> {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        let policy = self.policy.as_ref().filter(|_| self.certificate.covers(trace));
        policy.map_or(Decision::Continue, |policy| policy.decide(trace))
    }

    fn wants(&self, at: At) -> bool {
        self.policy.as_ref().is_some_and(|policy| self.certificate.wants(at) && policy.wants(at))
    }

    fn extras(&self) -> Extras {
        self.policy.as_ref().map_or(Extras::NONE, ExitPolicy::extras)
    }

    /// Refuses another model or lens than the certificate's.
    fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        self.certificate.source.check(model)?;
        self.policy.as_ref().map_or(Ok(()), |policy| policy.check(model))
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::{bounds, passed};

    const DRAWS: usize = 20_000;
    /// A prompt exits where its score u, uniform, is above the threshold, and is wrong there with probability
    /// (1 - u) / 2: the risk of threshold t is (1 - t)^2 / 4.
    const THRESHOLDS: usize = 200;

    fn uniform(rng: &mut ChaCha8Rng) -> f64 {
        (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// In how many draws the threshold that `choose` takes from the counts has a risk above epsilon.
    fn violations(n: usize, epsilon: f64, choose: impl Fn(&[usize]) -> usize) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut bad = 0;
        for _ in 0..DRAWS {
            let mut counts = vec![0; THRESHOLDS];
            for _ in 0..n {
                let score = uniform(&mut rng);
                if uniform(&mut rng) < (1.0 - score) / 2.0 {
                    // Threshold j is 1 - (j + 1) / THRESHOLDS.
                    counts[((1.0 - score) * THRESHOLDS as f64) as usize] += 1;
                }
            }
            for j in 1..THRESHOLDS {
                counts[j] += counts[j - 1];
            }
            let share = choose(&counts) as f64 / THRESHOLDS as f64;
            bad += usize::from(share * share / 4.0 > epsilon);
        }
        bad as f64 / DRAWS as f64
    }

    #[test]
    fn a_certificate_fails_as_rarely_as_it_says_and_a_plug_in_threshold_often() {
        for (epsilon, delta, n) in [(0.05, 0.05, 1000), (0.02, 0.1, 500)] {
            let p_values: Vec<f64> = (0..=n).map(|k| bounds::binomial(n, k, epsilon)).collect();
            let certified =
                violations(n, epsilon, |counts| passed(counts.iter().map(|k| p_values[*k]), delta));
            let noise = 3.0 * (delta * (1.0 - delta) / DRAWS as f64).sqrt();
            assert!(certified <= delta + noise, "{certified}");
            // The bound is not idle either.
            assert!(certified > delta / 4.0, "{certified}");
            let plugged_in = violations(n, epsilon, |counts| {
                counts.iter().take_while(|k| **k as f64 <= epsilon * n as f64).count()
            });
            assert!(plugged_in > 0.4, "{plugged_in}");
        }
    }
}

//! Where to look, so that looking pays.

mod costs;
mod error;
mod file;
mod search;
mod trial;

pub use costs::{CostModel, CostParams, MeasureError, RunCost};
pub use error::PlanError;

use adainfer_core::PolicyMismatch;
use serde::{Deserialize, Serialize};

use crate::{Calibration, FitError, Risk, ScoringPolicy, TraceSet};
use search::Search;
use trial::Halves;

/// Fewer prompts than this, and a certificate on half of them would hardly ever allow an exit.
const FEWEST_PROMPTS: usize = 40;

/// Chooses the layers to look after: those with the least expected time, given what layers and looks cost and
/// what a certificate will let the policy do.
///
/// # How
///
/// A schedule is tried by cross-fitting: the policy is trained on one half of the prompts and scores the other, and the
/// reverse; then the threshold is chosen as [`Calibration`] would on all of them, and the time follows from the layers
/// and looks that are left. The search begins at the best of the schedules "from layer m on, every n-th", and adds, drops or moves one
/// look at a time while that saves time. The same costs and traces give the same plan.
///
/// A plan promises nothing: it has seen the prompts that it was chosen on. So calibrate on others, with
/// [`TraceSet::at_layers`] of the plan's layers; what comes out is bound to them.
///
/// ```
/// use adainfer_core::testing::scripted_probe;
/// use adainfer_core::ModelSpec;
/// use adainfer_policies::{Calibration, CostModel, GapThreshold, Planner, RunCost, TokenTrace, TraceSet, TraceSource};
///
/// // For every second prompt the answer, token 1, is there after layer 3 of 5; for the others only at the end.
/// let model = ModelSpec::new(5, 8, 64, "scripted");
/// let mut traces = TraceSet::new(TraceSource::new(&model, "logit"));
/// for i in 0..200 {
///     let late = [(0, 0.1), (0, 0.1), (0, 0.1), (0, 0.1), (1, 0.9)];
///     let early = [(0, 0.1), (0, 0.2), (1, 0.8), (1, 0.8), (1, 0.9)];
///     let script = if i % 2 == 0 { early } else { late };
///     let mut probes = script.map(|(token, gap)| scripted_probe(token, gap));
///     (1..).zip(&mut probes).for_each(|(layer, probe)| probe.layer = layer);
///     traces.push(TokenTrace::new(format!("prompt {i}"), 5, probes.to_vec(), None)?)?;
/// }
/// let run = |look| CostModel::new("scripted", "a device", vec![RunCost { positions: 50, base: 0.0, layer: 1.0, look }]);
/// let calibration = Calibration::new(0.05, 0.05)?;
/// let plan = |look| Planner::new(run(look)?, calibration.clone()).plan(&traces, |_| Ok(GapThreshold::default()));
/// assert_eq!(plan(0.1)?.layers, [3]);
/// // Where looks cost more than the layers that they save, looking does not pay.
/// assert!(plan(9.0)?.is_dense());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Planner {
    costs: CostModel,
    calibration: Calibration,
    least_saving: f64,
    seed: u64,
}

impl Planner {
    /// With what was measured, for what is to be certified.
    pub fn new(costs: CostModel, calibration: Calibration) -> Self {
        Self { costs, calibration, least_saving: 0.02, seed: 0 }
    }

    /// The share of dense's time that a schedule must save to be worth it; 0.02 unless said otherwise.
    pub fn least_saving(mut self, share: f64) -> Self {
        self.least_saving = share;
        self
    }

    /// Which prompts are in which half depends on this and on their names.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Chooses among the layers that the traces hold; `fit` trains the policy, or names one that needs no training.
    ///
    /// Calls `fit` twice for each schedule that is tried: a few hundred for a model of 30 layers. A schedule for
    /// which it fails is none.
    ///
    /// # Errors
    /// Costs and traces of different models, too few prompts, traces of different layers; what `fit` and the
    /// calibration say where no schedule could be tried.
    pub fn plan<P: ScoringPolicy>(
        &self,
        traces: &TraceSet,
        fit: impl Fn(&TraceSet) -> Result<P, FitError>,
    ) -> Result<Plan, PlanError> {
        let model = traces.source().model();
        if self.costs.model() != model.fingerprint {
            let (policy, model) = (self.costs.model().to_owned(), model.fingerprint);
            return Err(PlanError::OtherModel(PolicyMismatch::Weights { policy, model }));
        }
        let prompts = traces.prompts().len();
        if prompts < FEWEST_PROMPTS {
            return Err(PlanError::TooFewPrompts { found: prompts, needed: FEWEST_PROMPTS });
        }
        let recorded = traces.layers().map_err(|prompt| PlanError::OtherLayers { prompt })?;
        let halves = Halves::new(traces, self.seed);
        let trial = |layers: &[usize]| halves.trial(layers, &self.calibration, &self.costs, &fit);
        let dense = Expected::dense(traces, &self.costs, self.calibration.risk);
        let best = Search::new(trial, recorded).run()?;
        let enough = (1.0 - self.least_saving) * dense.seconds;
        let chosen = best.filter(|(_, expected)| expected.seconds < enough);
        let (layers, expected) = chosen.unwrap_or_else(|| (Vec::new(), dense.clone()));
        Ok(Plan {
            layers,
            expected,
            dense,
            epsilon: self.calibration.epsilon,
            delta: self.calibration.delta,
            risk: self.calibration.risk,
            prompts,
            seed: self.seed,
            traces: traces.hash(),
            costs: self.costs.clone(),
        })
    }
}

/// Where to look, what that is expected to give, and the measurements that say so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Plan {
    /// The layers to look after, in order; none where the dense model is expected to be as fast.
    pub layers: Vec<usize>,
    /// What the schedule is expected to do.
    pub expected: Expected,
    /// What dense does.
    pub dense: Expected,
    /// What the policy is to be certified for.
    pub epsilon: f64,
    /// The probability that the certificate fails.
    pub delta: f64,
    /// What is bounded.
    pub risk: Risk,
    /// Prompts that it was chosen on.
    pub prompts: usize,
    /// Which of them were in which half.
    pub seed: u64,
    /// [`TraceSet::hash`] of what it was chosen on.
    pub traces: String,
    /// What was measured.
    pub costs: CostModel,
}

impl Plan {
    /// Whether the advice is to run all layers and never to look.
    pub fn is_dense(&self) -> bool {
        self.layers.is_empty()
    }

    /// Dense's expected time over the plan's.
    pub fn speed_up(&self) -> f64 {
        self.dense.seconds / self.expected.seconds
    }
}

/// What a schedule does on the prompts that it was tried on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Expected {
    /// Mean seconds a token.
    pub seconds: f64,
    /// Mean layers run.
    pub layers: f64,
    /// Mean looks, the answer's own among them.
    pub looks: f64,
    /// Share of tokens that are right: dense's, or the gold ones where the risk is about those.
    pub right: f64,
}

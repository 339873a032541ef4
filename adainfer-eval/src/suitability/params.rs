use std::collections::BTreeSet;

use adainfer_policies::{
    Calibration, Certified, CostModel, Fit, LogisticParams, Planner, Replay, SavedPolicy, TraceSet,
};

use super::layers::means;
use super::{Advice, LayerAgreement, LensSuitability, Measured, Suitability, SuitabilityError};

/// Fewer prompts than this cannot be planned, calibrated and reported on.
const FEWEST_PROMPTS: usize = 100;
/// Shares of the prompts for planning and for calibration; the rest is reported on.
const PLANNED: f64 = 0.4;
pub(super) const CALIBRATED: f64 = 0.4;

/// What was seen through a lens, and what looking through it costs.
#[derive(Debug, Clone, PartialEq)]
pub struct LensTraces {
    /// What the lens is called.
    pub lens: String,
    /// Every look of every prompt.
    pub traces: TraceSet,
    /// The same of prompts to report on; without them it is a fifth of the others.
    pub reported: Option<TraceSet>,
    /// Layers and looks, measured where the model is to run.
    pub costs: CostModel,
}

impl LensTraces {
    /// Of prompts that all parts of a report are made from.
    pub fn new(lens: impl Into<String>, traces: TraceSet, costs: CostModel) -> Self {
        Self { lens: lens.into(), traces, reported: None, costs }
    }

    /// Reports on these prompts, which nothing else sees.
    pub fn reported(mut self, traces: TraceSet) -> Self {
        self.reported = Some(traces);
        self
    }

    /// What all that is said of the lens itself is said of.
    fn shown(&self) -> &TraceSet {
        self.reported.as_ref().unwrap_or(&self.traces)
    }

    fn prompts(&self) -> [BTreeSet<&str>; 2] {
        [self.traces.prompts(), self.reported.as_ref().map(TraceSet::prompts).unwrap_or_default()]
    }
}

/// How a [`Suitability`] report is made.
///
/// ```
/// use adainfer_core::testing::scripted_probe;
/// use adainfer_core::ModelSpec;
/// use adainfer_eval::{LensTraces, SuitabilityParams};
/// use adainfer_policies::{Calibration, CostModel, RunCost, TokenTrace, TraceSet, TraceSource};
///
/// // The answer, token 1, is there from layer 6 of 10 on.
/// let mut traces = TraceSet::new(TraceSource::new(&ModelSpec::new(10, 8, 64, "a model"), "logit"));
/// for i in 0..400 {
///     let look = |layer| {
///         let mut probe = scripted_probe(u32::from(layer > 5), 0.09 * layer as f32);
///         probe.layer = layer;
///         probe
///     };
///     traces.push(TokenTrace::new(i.to_string(), 10, (1..=10).map(look).collect(), None)?)?;
/// }
/// let cost = RunCost { positions: 100, base: 0.001, layer: 0.01, look: 0.001 };
/// let costs = CostModel::new("a model", "this computer", vec![cost])?;
/// let report = SuitabilityParams::new(Calibration::new(0.05, 0.05)?).assess(&[LensTraces::new("logit", traces, costs)])?;
/// assert!(report.advice.is_worth_it && report.lenses[0].measured.mean_layers == 6.0);
/// println!("{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SuitabilityParams {
    calibration: Calibration,
    policy: LogisticParams,
    seed: u64,
}

impl SuitabilityParams {
    /// For policies that are certified like this; they are logistic regressions on eight features unless another is asked for.
    pub fn new(calibration: Calibration) -> Self {
        Self { calibration, policy: LogisticParams::default(), seed: 0 }
    }

    /// How policies are trained.
    pub fn policy(mut self, policy: LogisticParams) -> Self {
        self.policy = policy;
        self
    }

    /// Which prompts are in which part depends on this and on their names.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Plans on two fifths of the prompts, calibrates on two, and reports on the last; where prompts to report on are given
    /// apart, it calibrates on the last three.
    ///
    /// Each lens must have seen the same prompts; they should not be those that it was fitted on.
    ///
    /// # Errors
    /// See [`SuitabilityError`].
    pub fn assess(&self, lenses: &[LensTraces]) -> Result<Suitability, SuitabilityError> {
        let first = lenses.first().ok_or(SuitabilityError::NoTraces)?;
        let [names, apart] = first.prompts();
        if names.len() < FEWEST_PROMPTS {
            return Err(SuitabilityError::TooFewPrompts { found: names.len(), needed: FEWEST_PROMPTS });
        }
        if let Some(prompt) = names.intersection(&apart).next() {
            return Err(SuitabilityError::Seen { prompt: (*prompt).to_owned() });
        }
        if let Some(other) = lenses.iter().find(|lens| lens.prompts() != first.prompts()) {
            let (first, lens) = (first.lens.clone(), other.lens.clone());
            return Err(SuitabilityError::OtherPrompts { first, lens });
        }
        let found = lenses.iter().map(|lens| self.through(lens)).collect::<Result<Vec<_>, _>>()?;
        let prompts = self.split(first).map(|part| part.prompts().len());
        let source = first.traces.source();
        Ok(Suitability {
            model: source.fingerprint.clone(),
            layers: source.layers,
            prompts,
            advice: Advice::on(&found, prompts),
            lenses: found,
        })
    }

    /// What is planned on, calibrated on and reported on.
    fn split(&self, lens: &LensTraces) -> [TraceSet; 3] {
        let (planned, rest) = lens.traces.clone().split(PLANNED, self.seed);
        if let Some(reported) = &lens.reported {
            return [planned, rest, reported.clone()];
        }
        // Another seed, or the rest would be in the order of the first split.
        let (calibrated, reported) = rest.split(CALIBRATED / (1.0 - PLANNED), self.seed.wrapping_add(1));
        [planned, calibrated, reported]
    }

    fn through(&self, lens: &LensTraces) -> Result<LensSuitability, SuitabilityError> {
        let [planned, calibrated, reported] = self.split(lens);
        let planner = Planner::new(lens.costs.clone(), self.calibration.clone()).seed(self.seed);
        let plan = planner.plan(&planned, |traces| Ok(self.policy.fit(traces)?.0))?;
        let looks = |traces: TraceSet| traces.at_layers(plan.layers.iter().copied());
        let certified: Option<Certified<_>> = match plan.is_dense() {
            true => None,
            false => {
                let (policy, _) = self.policy.fit(&looks(planned))?;
                Some(self.calibration.calibrate(&policy, &looks(calibrated))?)
            }
        };
        let certificate = certified.as_ref().map(|certified| certified.certificate().clone());
        let policy = certified.map_or_else(|| SavedPolicy::new(adainfer_core::Never), SavedPolicy::from);
        let measured = Measured::of(&Replay::new(&policy, &looks(reported)), &plan);
        let (mean_optimal_layer, mean_saturation_layer) = means(lens.shown());
        Ok(LensSuitability {
            lens: lens.lens.clone(),
            agreement: LayerAgreement::all(lens.shown()),
            mean_optimal_layer,
            mean_saturation_layer,
            plan,
            certificate,
            measured,
            policy,
        })
    }
}

use adainfer_core::ExitPolicy;

use crate::{Feature, FeatureSet, Label, TokenTrace, TraceSet};

/// Hyper-parameters that give a policy when they meet traces.
///
/// ```
/// use adainfer_core::testing::scripted_probe;
/// use adainfer_core::ModelSpec;
/// use adainfer_policies::{CrfParams, Fit, TokenTrace, TraceSet, TraceSource};
///
/// let model = ModelSpec::new(2, 8, 64, "scripted");
/// let mut traces = TraceSet::new(TraceSource::new(&model, "logit"));
/// for i in 0..20 {
///     let mut probes = vec![scripted_probe(i % 2, 0.3 + 0.02 * i as f32), scripted_probe(1, 0.9)];
///     (probes[0].layer, probes[1].layer) = (1, 2);
///     traces.push(TokenTrace::new(format!("prompt {i}"), 2, probes, None)?)?;
/// }
/// let (policy, report) = CrfParams::default().fit(&traces)?;
/// assert!(report.converged && report.rows == 40);
/// # let _ = policy;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Fit {
    /// What comes out.
    type Policy: ExitPolicy;

    /// Checks the hyper-parameters and the traces, then trains.
    ///
    /// # Errors
    /// What is wrong with either; see [`FitError`].
    fn fit(&self, traces: &TraceSet) -> Result<(Self::Policy, FitReport), FitError>;
}

/// How training went.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FitReport {
    /// Probes that were trained on.
    pub rows: usize,
    /// Those where an exit was right.
    pub right: usize,
    /// Whether the solver reached its tolerance.
    pub converged: bool,
    /// Its steps.
    pub iterations: usize,
    /// What it made as small as it could.
    pub objective: f64,
}

/// Why training gave no policy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// A hyper-parameter is out of its range.
    #[error("{name} must be {must}, not {found}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// Its range.
        must: &'static str,
        /// Its value.
        found: f64,
    },
    /// There is nothing to learn from.
    #[error("there are no traces")]
    NoRows,
    /// Every probe has the same label.
    #[error("an exit is {} at all of the {rows} probes", if *.right { "right" } else { "wrong" })]
    OneClass {
        /// The probes.
        rows: usize,
        /// The label.
        right: bool,
    },
    /// A trace has no gold token, and those are the labels.
    #[error("prompt {prompt:?} has no gold token")]
    NoGold {
        /// The prompt's name.
        prompt: String,
    },
    /// A feature needs what the probes do not carry.
    #[error("prompt {prompt:?}: the probe of layer {layer} was recorded without the feature {feature}")]
    NotRecorded {
        /// The prompt's name.
        prompt: String,
        /// The layer, counted from 1.
        layer: usize,
        /// The feature.
        feature: Feature,
    },
    /// A feature says nothing.
    #[error("the feature {feature} is {value} at all of the {rows} probes")]
    Constant {
        /// The feature.
        feature: Feature,
        /// Its value.
        value: f64,
        /// The probes.
        rows: usize,
    },
    /// The solver stopped before it reached its tolerance.
    #[error("no solution to the tolerance after {iterations} steps; the objective is {objective}")]
    NotConverged {
        /// Steps taken.
        iterations: usize,
        /// The objective there.
        objective: f64,
    },
}

/// Features and labels of one trace, a row a probe.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// Row after row.
    pub(crate) features: Vec<f64>,
    /// Whether an exit is right.
    pub(crate) labels: Vec<bool>,
}

/// What a set of traces trains on: each trace's rows, none of them empty, with both labels and without a
/// feature that says nothing.
pub(crate) fn rows(traces: &TraceSet, features: &FeatureSet, label: Label) -> Result<Vec<Rows>, FitError> {
    let all = traces.tokens().iter().map(|t| rows_of(t, features, label)).collect::<Result<Vec<_>, _>>()?;
    let count = all.iter().map(|rows| rows.labels.len()).sum::<usize>();
    let mut labels = all.iter().flat_map(|rows| &rows.labels);
    let Some(right) = labels.next().copied() else { return Err(FitError::NoRows) };
    if labels.all(|label| *label == right) {
        return Err(FitError::OneClass { rows: count, right });
    }
    for (i, feature) in features.iter().enumerate() {
        let mut values = all.iter().flat_map(|rows| rows.features.iter().skip(i).step_by(features.len()));
        let Some(value) = values.next().copied() else { return Err(FitError::NoRows) };
        if values.all(|other| *other == value) {
            return Err(FitError::Constant { feature, value, rows: count });
        }
    }
    Ok(all)
}

fn rows_of(trace: &TokenTrace, features: &FeatureSet, label: Label) -> Result<Rows, FitError> {
    let prompt = || trace.prompt().to_owned();
    let target = trace.target(label).ok_or_else(|| FitError::NoGold { prompt: prompt() })?;
    // The first probe has nothing to be compared with; every other must carry what is asked for.
    for probe in trace.probes().iter().skip(1) {
        if let Some(feature) = features.iter().find(|feature| !feature.is_carried_by(probe)) {
            return Err(FitError::NotRecorded { prompt: prompt(), layer: probe.layer, feature });
        }
    }
    Ok(Rows {
        features: trace.prefixes().flat_map(|prefix| features.of(prefix).collect::<Vec<_>>()).collect(),
        labels: trace.probes().iter().map(|probe| probe.top.token == target).collect(),
    })
}

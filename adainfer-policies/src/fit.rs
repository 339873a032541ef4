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
    /// Probes that there were; more than `rows` where a sample was taken.
    pub sampled_from: usize,
    /// Those of `rows` where an exit was right.
    pub right: usize,
    /// Whether the solver reached its tolerance.
    pub converged: bool,
    /// Its steps.
    pub iterations: usize,
    /// What it made as small as it could.
    pub objective: f64,
    /// Of a support vector machine, its support vectors.
    pub support_vectors: Option<usize>,
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
    /// A trace has probes of other layers than the first has, so that it is not clear where to look.
    #[error("prompt {prompt:?} has probes of other layers than the first trace")]
    OtherLayers {
        /// The prompt's name.
        prompt: String,
    },
    /// More rows are asked for than memory is sure to hold.
    #[error("{rows} rows are asked for; a kernel matrix is made for {limit} at most")]
    TooManyRows {
        /// Asked for.
        rows: usize,
        /// The limit.
        limit: usize,
    },
    /// The solver failed.
    #[error("the solver failed: {reason}")]
    Solver {
        /// In its words.
        reason: String,
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

/// What a set of traces trains on that must tell two labels apart: [`rows`] with both of them, and without a feature that
/// says nothing.
pub(crate) fn rows_of_both(
    traces: &TraceSet,
    features: &FeatureSet,
    label: Label,
) -> Result<Vec<Rows>, FitError> {
    let all = rows(traces, features, label)?;
    let labels = || all.iter().flat_map(|rows| &rows.labels).copied();
    let (count, Some(right)) = (labels().count(), labels().next()) else { return Err(FitError::NoRows) };
    if labels().all(|label| label == right) {
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

/// What a set of traces trains on: each trace's rows, none of them empty.
pub(crate) fn rows(traces: &TraceSet, features: &FeatureSet, label: Label) -> Result<Vec<Rows>, FitError> {
    let all = traces.tokens().iter().map(|t| rows_of(t, features, label)).collect::<Result<Vec<_>, _>>()?;
    if all.is_empty() { Err(FitError::NoRows) } else { Ok(all) }
}

fn rows_of(trace: &TokenTrace, features: &FeatureSet, label: Label) -> Result<Rows, FitError> {
    let prompt = || trace.prompt().to_owned();
    let target = trace.target(label).ok_or_else(|| FitError::NoGold { prompt: prompt() })?;
    for (i, probe) in trace.probes().iter().enumerate() {
        // The first probe has nothing to be compared with; all else must be there.
        let excused = |feature: &Feature| i == 0 && feature.compares();
        let missing = |feature: &Feature| !feature.is_carried_by(probe) && !excused(feature);
        if let Some(feature) = features.iter().find(missing) {
            return Err(FitError::NotRecorded { prompt: prompt(), layer: probe.layer, feature });
        }
    }
    Ok(Rows {
        features: trace.prefixes().flat_map(|prefix| features.of(prefix).collect::<Vec<_>>()).collect(),
        labels: trace.probes().iter().map(|probe| probe.top.token == target).collect(),
    })
}

/// Rows of all traces, one after the other.
#[cfg(feature = "svm")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Features of a row.
    pub(crate) width: usize,
    /// Row after row.
    pub(crate) features: Vec<f64>,
    /// Whether an exit is right.
    pub(crate) labels: Vec<bool>,
}

#[cfg(feature = "svm")]
impl Table {
    pub(crate) fn of(rows: &[Rows], width: usize) -> Self {
        let features = rows.iter().flat_map(|rows| &rows.features).copied().collect();
        let labels = rows.iter().flat_map(|rows| &rows.labels).copied().collect();
        Self { width, features, labels }
    }

    /// So many rows at most, in their order: of each label its share, and one at least.
    pub(crate) fn sample(&self, most: usize, seed: u64) -> Self {
        let count = self.labels.len();
        if count <= most {
            return self.clone();
        }
        let right = self.labels.iter().filter(|right| **right).count();
        let of_right = (most * right).div_ceil(count).clamp(1, most - 1);
        let mut kept: Vec<usize> = [(true, of_right), (false, most - of_right)]
            .into_iter()
            .flat_map(|(label, share)| {
                let mut rows: Vec<_> = (0..count).filter(|row| self.labels[*row] == label).collect();
                rows.sort_by_key(|row| scrambled(seed, *row as u64));
                rows.truncate(share);
                rows
            })
            .collect();
        kept.sort_unstable();
        let row = |row: &usize| &self.features[row * self.width..][..self.width];
        Self {
            width: self.width,
            features: kept.iter().flat_map(row).copied().collect(),
            labels: kept.iter().map(|row| self.labels[*row]).collect(),
        }
    }
}

/// SplitMix64 (Steele et al. 2014): an order of rows that has nothing to do with their own.
#[cfg(feature = "svm")]
fn scrambled(seed: u64, row: u64) -> u64 {
    let mut z = seed.wrapping_add((row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(all(test, feature = "svm"))]
mod tests {
    use super::*;

    #[test]
    fn a_sample_keeps_shares_and_order() {
        let table = Table {
            width: 2,
            features: (0..2000).map(f64::from).collect(),
            labels: (0..1000usize).map(|i| i.is_multiple_of(10)).collect(),
        };
        let sample = table.sample(50, 3);
        assert_eq!((sample.labels.len(), sample.features.len()), (50, 100));
        assert_eq!(sample.labels.iter().filter(|right| **right).count(), 5);
        assert!(sample.features.chunks(2).is_sorted_by(|a, b| a[0] < b[0]));
        for (row, label) in sample.features.chunks(2).zip(&sample.labels) {
            assert_eq!((row[0] as usize / 2).is_multiple_of(10), *label, "labels stay with their rows");
        }
        assert_eq!(sample, table.sample(50, 3));
        assert_ne!(sample, table.sample(50, 4));
        assert_eq!(table.sample(1000, 3), table);
    }
}

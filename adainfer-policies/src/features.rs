//! What a policy looks at, computed from a trace (paper, section 4.1 and appendix).

use std::fmt;
use std::str::FromStr;

use adainfer_core::{Extras, Probe, Trace};
use serde::{Deserialize, Serialize};

/// One number of a trace's newest probe, seen beside the probes before it.
///
/// Differences and [`Consistency`](Self::Consistency) are 0 at the first probe, as are numbers that a probe
/// does not carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum Feature {
    /// G: by how much the top token leads.
    Gap,
    /// T: probability of the top token.
    TopProb,
    /// Difference of T to the probe before.
    TopProbChange,
    /// Difference of G to the probe before.
    GapChange,
    /// T times G.
    Product,
    /// Product of the two differences.
    ChangeProduct,
    /// Share of the probes so far whose top token is the current one.
    Frequency,
    /// 1 if the probe before had the same top token.
    Consistency,
    /// Cosine of the hidden state with the layer before's.
    CosHidden,
    /// Cosine of the attention's output with the layer before's.
    CosAttn,
    /// Cosine of the MLP's output with the layer before's.
    CosMlp,
    /// KL divergence from the probe before.
    Kl,
    /// Entropy of the distribution.
    Entropy,
}

/// All features with the names that files use.
const NAMES: [(Feature, &str); 13] = [
    (Feature::Gap, "gap"),
    (Feature::TopProb, "top_prob"),
    (Feature::TopProbChange, "top_prob_change"),
    (Feature::GapChange, "gap_change"),
    (Feature::Product, "product"),
    (Feature::ChangeProduct, "change_product"),
    (Feature::Frequency, "frequency"),
    (Feature::Consistency, "consistency"),
    (Feature::CosHidden, "cos_hidden"),
    (Feature::CosAttn, "cos_attn"),
    (Feature::CosMlp, "cos_mlp"),
    (Feature::Kl, "kl"),
    (Feature::Entropy, "entropy"),
];

impl Feature {
    /// Its value after the newest probe. [`Frequency`](Self::Frequency) takes time linear in the probes, the
    /// others constant time.
    pub fn of(self, trace: Trace<'_>) -> f64 {
        self.value(&trace)
    }

    /// By reference and inlined: a copy of the trace or a call would cost more than the feature.
    #[inline(always)]
    fn value(self, trace: &Trace<'_>) -> f64 {
        let (last, previous) = (trace.last(), trace.previous());
        let change = |of: fn(&Probe) -> f32| previous.map_or(0.0, |p| f64::from(of(last)) - f64::from(of(p)));
        let given = |value: Option<f32>| value.map_or(0.0, f64::from);
        match self {
            Self::Gap => last.gap().into(),
            Self::TopProb => last.top_prob().into(),
            Self::TopProbChange => change(Probe::top_prob),
            Self::GapChange => change(Probe::gap),
            Self::Product => f64::from(last.top_prob()) * f64::from(last.gap()),
            Self::ChangeProduct => change(Probe::top_prob) * change(Probe::gap),
            Self::Frequency => {
                let (same, all) = trace.iter().fold((0u32, 0u32), |(same, all), probe| {
                    (same + u32::from(probe.top.token == last.top.token), all + 1)
                });
                f64::from(same) / f64::from(all)
            }
            Self::Consistency => f64::from(u8::from(previous.is_some_and(|p| p.top.token == last.top.token))),
            Self::CosHidden => given(last.cos_hidden),
            Self::CosAttn => given(last.cos_attn),
            Self::CosMlp => given(last.cos_mlp),
            Self::Kl => given(last.kl),
            Self::Entropy => given(last.entropy),
        }
    }

    /// What a probe must carry for it.
    pub fn extras(self) -> Extras {
        let mut extras = Extras::NONE;
        extras.cosines = matches!(self, Self::CosHidden | Self::CosAttn | Self::CosMlp);
        extras.kl = self == Self::Kl;
        extras.entropy = self == Self::Entropy;
        extras
    }

    /// Whether a probe carries it only where there is one before.
    pub(crate) fn compares(self) -> bool {
        matches!(self, Self::CosHidden | Self::CosAttn | Self::CosMlp | Self::Kl)
    }

    /// Whether it can be told of a probe.
    pub(crate) fn is_carried_by(self, probe: &Probe) -> bool {
        match self {
            Self::CosHidden => probe.cos_hidden.is_some(),
            Self::CosAttn => probe.cos_attn.is_some(),
            Self::CosMlp => probe.cos_mlp.is_some(),
            Self::Kl => probe.kl.is_some(),
            Self::Entropy => probe.entropy.is_some(),
            _ => true,
        }
    }

    fn name(self) -> &'static str {
        NAMES.iter().find(|(feature, _)| *feature == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Feature {
    type Err = FeatureError;

    fn from_str(name: &str) -> Result<Self, FeatureError> {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map(|(feature, _)| *feature).ok_or_else(|| FeatureError::Unknown { name: name.to_owned() })
    }
}

impl From<Feature> for String {
    fn from(feature: Feature) -> Self {
        feature.name().to_owned()
    }
}

impl TryFrom<String> for Feature {
    type Error = FeatureError;

    fn try_from(name: String) -> Result<Self, FeatureError> {
        name.parse()
    }
}

/// Features in an order: what a trained policy was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Feature>", try_from = "Vec<Feature>")]
pub struct FeatureSet(Vec<Feature>);

/// The eight of the paper's largest set; the smaller ones begin like it.
const EIGHT: [Feature; 8] = [
    Feature::TopProb,
    Feature::Gap,
    Feature::TopProbChange,
    Feature::GapChange,
    Feature::Product,
    Feature::ChangeProduct,
    Feature::Frequency,
    Feature::Consistency,
];

impl FeatureSet {
    /// These, in this order.
    ///
    /// # Errors
    /// None at all, or one twice.
    pub fn new(features: impl IntoIterator<Item = Feature>) -> Result<Self, FeatureError> {
        let features: Vec<_> = features.into_iter().collect();
        if features.is_empty() {
            return Err(FeatureError::Empty);
        }
        for (i, feature) in features.iter().enumerate() {
            if features[..i].contains(feature) {
                return Err(FeatureError::Twice { feature: *feature });
            }
        }
        Ok(Self(features))
    }

    /// The paper's choice: gap and top prob.
    pub fn base() -> Self {
        Self(vec![Feature::Gap, Feature::TopProb])
    }

    /// T, G, their differences, T G and the product of the differences.
    pub fn six() -> Self {
        Self(EIGHT[..6].to_vec())
    }

    /// The six, token frequency and token consistency. The paper leaves the last two undefined; ours are
    /// [`Feature::Frequency`] and [`Feature::Consistency`].
    pub fn eight() -> Self {
        Self(EIGHT.to_vec())
    }

    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The features in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Feature> + '_ {
        self.0.iter().copied()
    }

    /// Their values after the newest probe of a trace.
    pub fn of<'a>(&'a self, trace: Trace<'a>) -> impl ExactSizeIterator<Item = f64> + 'a {
        self.iter().map(move |feature| feature.of(trace))
    }

    /// The same without an allocation, in room for all that there are.
    pub(crate) fn values<'r>(&self, trace: Trace<'_>, room: &'r mut [f64; NAMES.len()]) -> &'r [f64] {
        for (value, feature) in room.iter_mut().zip(self.iter()) {
            *value = feature.value(&trace);
        }
        room.get(..self.len()).unwrap_or(room)
    }

    /// The sum of their values, a weight each.
    pub(crate) fn weighted(&self, weights: &[f64], trace: Trace<'_>) -> f64 {
        self.iter().zip(weights).map(|(feature, weight)| weight * feature.value(&trace)).sum()
    }

    /// What probes must carry for them.
    pub fn extras(&self) -> Extras {
        self.iter().map(Feature::extras).fold(Extras::NONE, Extras::union)
    }
}

impl From<FeatureSet> for Vec<Feature> {
    fn from(set: FeatureSet) -> Self {
        set.0
    }
}

impl TryFrom<Vec<Feature>> for FeatureSet {
    type Error = FeatureError;

    fn try_from(features: Vec<Feature>) -> Result<Self, FeatureError> {
        Self::new(features)
    }
}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Feature::name).collect();
        f.pad(&names.join(", "))
    }
}

/// Why features are no set of features.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// There is none.
    #[error("there must be at least one feature")]
    Empty,
    /// One is named twice.
    #[error("the feature {feature} comes twice")]
    Twice {
        /// Which.
        feature: Feature,
    },
    /// A name that is no feature's.
    #[error("{name:?} is not a feature; there are {}", NAMES.map(|(_, name)| name).join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use adainfer_core::{At, Candidate};

    use super::*;

    fn probe(token: u32, top: f32, second: f32) -> Probe {
        Probe::new(Candidate { token, prob: top }, Candidate { token: 9, prob: second })
    }

    fn values(set: &FeatureSet, probes: &[Probe]) -> Vec<f64> {
        set.of(Trace::new(At::new(probes.len(), 8, 0), probes).unwrap()).collect()
    }

    #[test]
    fn eight_features_are_those_of_the_paper() {
        let probes = [probe(1, 0.5, 0.25), probe(2, 0.5, 0.375), probe(1, 0.75, 0.25)];
        let found = values(&FeatureSet::eight(), &probes);
        assert_eq!(found, [0.75, 0.5, 0.25, 0.375, 0.375, 0.25 * 0.375, 2.0 / 3.0, 0.0]);
        assert_eq!(values(&FeatureSet::six(), &probes), found[..6]);
        assert_eq!(values(&FeatureSet::base(), &probes), [0.5, 0.75]);
    }

    #[test]
    fn the_first_probe_has_nothing_before_it() {
        let found = values(&FeatureSet::eight(), &[probe(1, 0.5, 0.25)]);
        assert_eq!(found, [0.5, 0.25, 0.0, 0.0, 0.125, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for (feature, name) in NAMES {
            assert_eq!((name.parse(), feature.to_string()), (Ok(feature), name.to_owned()));
        }
        let error = "gapp".parse::<Feature>().unwrap_err().to_string();
        assert!(error.starts_with("\"gapp\" is not a feature; there are gap, top_prob,"), "{error}");
    }

    #[test]
    fn a_set_is_neither_empty_nor_has_one_twice() {
        assert_eq!(FeatureSet::new([]), Err(FeatureError::Empty));
        let twice = FeatureSet::new([Feature::Gap, Feature::Kl, Feature::Gap]);
        assert_eq!(twice, Err(FeatureError::Twice { feature: Feature::Gap }));
    }

    #[test]
    fn a_set_asks_for_what_its_features_need() {
        let set = FeatureSet::new([Feature::Gap, Feature::CosMlp]).unwrap();
        assert_eq!((set.extras().cosines, set.extras().kl), (true, false));
        assert_eq!(FeatureSet::eight().extras(), Extras::NONE);
    }
}

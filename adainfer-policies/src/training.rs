//! What a trained policy remembers of its training.

use adainfer_core::{At, ExitPolicy, ModelSpec, PolicyMismatch};
use serde::{Deserialize, Serialize};

use crate::{FeatureSet, FitError, PromptSet, TraceSet, TraceSource};

/// What a trained policy was trained on, and is therefore bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
#[non_exhaustive]
pub struct Training {
    /// The model and the lens.
    pub source: TraceSource,
    /// The layers that it looks after: those of its traces, without the last.
    pub layers: Vec<usize>,
    /// What it looks at.
    pub features: FeatureSet,
    /// The prompts that it must not be calibrated on.
    pub prompts: PromptSet,
    /// The model that it was trained on, where it was [transferred](crate::Transfer) to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transferred_from: Option<TraceSource>,
}

impl Training {
    /// Of a policy that these traces train.
    pub(crate) fn new(traces: &TraceSet, features: &FeatureSet) -> Result<Self, FitError> {
        Ok(Self {
            source: traces.source().clone(),
            layers: traces.layers().map_err(|prompt| FitError::OtherLayers { prompt })?,
            features: features.clone(),
            prompts: traces.prompts().into_iter().collect(),
            transferred_from: None,
        })
    }

    /// Refuses what has not one number a feature.
    pub(crate) fn has_width(&self, found: usize, name: &str) -> Result<(), String> {
        let wanted = self.features.len();
        let wrong =
            || format!("{name} has {found} numbers for each of its rows and there are {wanted} features");
        if found == wanted { Ok(()) } else { Err(wrong()) }
    }

    /// Whether it looks here.
    pub(crate) fn wants(&self, at: At) -> bool {
        self.position(at.layer).is_some()
    }

    /// Which of its layers this is.
    pub(crate) fn position(&self, layer: usize) -> Option<usize> {
        // They mostly follow on one another; then there is nothing to search.
        let guess = layer.checked_sub(*self.layers.first()?)?;
        if self.layers.get(guess) == Some(&layer) {
            Some(guess)
        } else {
            self.layers.binary_search(&layer).ok()
        }
    }

    /// Refuses another model or lens.
    pub(crate) fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        self.source.check(model)
    }

    /// The same for another model: its layers at the same depths, and its fingerprint.
    pub(crate) fn transferred_to(&self, model: &ModelSpec) -> Self {
        let (old, new) = (self.source.layers, model.layers);
        let looked_at = |layer: &usize| self.layers.binary_search(&(layer * old).div_ceil(new)).is_ok();
        Self {
            source: TraceSource::new(model, self.source.lens.clone()),
            layers: (1..new).filter(looked_at).collect(),
            transferred_from: Some(self.transferred_from.as_ref().unwrap_or(&self.source).clone()),
            ..self.clone()
        }
    }
}

/// A trained policy looks where its traces did, and exits where its score is above its threshold.
macro_rules! exits_above_its_threshold {
    ($policy:ty) => {
        impl adainfer_core::ExitPolicy for $policy {
            fn decide(&self, trace: adainfer_core::Trace<'_>) -> adainfer_core::Decision {
                adainfer_core::Decision::exit_if(self.score(trace) > self.threshold)
            }
            fn wants(&self, at: adainfer_core::At) -> bool {
                self.training.wants(at)
            }
            fn extras(&self) -> adainfer_core::Extras {
                self.training.features.extras()
            }
            fn check(&self, model: &ModelSpec) -> Result<(), adainfer_core::PolicyMismatch> {
                self.training.check(model)
            }
        }
    };
}
pub(crate) use exits_above_its_threshold;

/// As a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    source: TraceSource,
    layers: Vec<usize>,
    features: FeatureSet,
    prompts: PromptSet,
    #[serde(default)]
    transferred_from: Option<TraceSource>,
}

impl TryFrom<Unchecked> for Training {
    type Error = String;

    fn try_from(file: Unchecked) -> Result<Self, String> {
        let Unchecked { source, layers, features, prompts, transferred_from } = file;
        in_order(&layers, source.layers)?;
        Ok(Self { source, layers, features, prompts, transferred_from })
    }
}

/// Refuses layers that a model of so many has not, before its last, or that are not in order.
pub(crate) fn in_order(layers: &[usize], all: usize) -> Result<(), String> {
    if !layers.is_sorted_by(|a, b| a < b) || layers.contains(&0) {
        return Err("the layers that it looks after are not in order".to_owned());
    }
    match layers.last() {
        Some(last) if *last >= all => Err(format!("it looks after layer {last} of {all}")),
        _ => Ok(()),
    }
}

/// A policy that was trained on one model can be tried on another: the paper's generalisation tests.
pub trait Transfer: ExitPolicy + Sized {
    /// The same policy for another model: it looks at the same depths, for the share of the layers that lie
    /// before them, and [`check`](ExitPolicy::check) accepts that model.
    ///
    /// What is certified for one model says nothing about another, so a [`Certified`](crate::Certified) policy
    /// is no longer one: take its [`policy`](crate::Certified::policy). The policy remembers where it comes
    /// from ([`Training::transferred_from`]), and files and reports show it.
    ///
    /// # Errors
    /// [`TransferError`] where the policy has something for each layer of its own model.
    fn transfer_to(&self, model: &ModelSpec) -> Result<Self, TransferError>;
}

/// A policy whose numbers belong to the layers of one model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a policy with weights for each of {policy} layers cannot be one for a model of {model}")]
pub struct TransferError {
    /// Layers of the policy's model.
    pub policy: usize,
    /// Layers of the other.
    pub model: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_keeps_depths() {
        let small = ModelSpec::new(12, 8, 64, "small");
        let training = Training {
            source: TraceSource::new(&small, "logit"),
            layers: (6..12).collect(),
            features: FeatureSet::base(),
            prompts: PromptSet::default(),
            transferred_from: None,
        };
        let moved = training.transferred_to(&ModelSpec::new(24, 8, 64, "large"));
        assert_eq!(moved.layers, (11..=22).collect::<Vec<_>>());
        assert_eq!((moved.source.layers, moved.source.fingerprint.as_str()), (24, "large"));
        let again = moved.transferred_to(&ModelSpec::new(6, 8, 64, "tiny"));
        assert_eq!(again.layers, [3, 4, 5]);
        assert_eq!(again.transferred_from, Some(TraceSource::new(&small, "logit")));
    }
}

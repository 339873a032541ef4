//! Label probes: a task's labels, read from a layer's hidden state.

mod answers;
mod error;
mod file;
#[cfg(feature = "fit")]
mod fit;

pub use answers::{Labelled, LabelledHidden, LabelledLogits, LabelledState};
pub use error::LabelProbeError;
#[cfg(feature = "fit")]
pub use fit::{LabelProbeParams, LabelProbeReport, LabelledPrompt};

use std::collections::BTreeMap;

use adainfer_core::{ModelSpec, TokenId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::candidates::checked;
use super::{CandidateError, hex};

/// A classifier for one task: after layer l, the labels' scores are `W_l (h / rms(h)) + b_l`, where h is the hidden state at the
/// last position.
///
/// It answers the task itself, from labelled prompts, and not what the model would have answered: it is often right where the
/// model is not. [`Labelled`] makes a model of it that exits early as any other does; what is certified of that
/// should be certified against gold labels
/// ([`Risk::WrongAnswer`](https://docs.rs/adainfer-policies/latest/adainfer_policies/enum.Risk.html)).
///
/// ```
/// use adainfer_burn::{LabelMap, LabelProbe, LabelQuality};
/// use adainfer_core::ModelSpec;
///
/// let quality = LabelQuality { penalty: 100.0, temperature: 1.0, accuracy: 0.8, log_loss: 0.4 };
/// let map = || LabelMap { weight: vec![1.0, 0.0, 0.0, 1.0], bias: vec![0.0, 0.0], quality };
/// let mut probe = LabelProbe::new(&ModelSpec::new(12, 100, 64, "a model"), 2, &[17, 42], "no prompts")?;
/// probe.set(9, map())?;
/// probe.set(12, map())?;
/// assert_eq!(probe.layers().collect::<Vec<_>>(), [9, 12]);
/// # Ok::<(), adainfer_burn::LabelProbeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LabelProbe {
    model: String,
    layers: usize,
    hidden: usize,
    /// In order, as everywhere.
    tokens: Vec<TokenId>,
    prompts: String,
    maps: BTreeMap<usize, LabelMap>,
}

/// What a label probe does after one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelMap {
    /// `[labels, hidden]`, row-major, in the order of [`LabelProbe::tokens`].
    pub weight: Vec<f32>,
    /// A number a label.
    pub bias: Vec<f32>,
    /// How well it does.
    pub quality: LabelQuality,
}

/// How a map was found, and how well it does on prompts that it was not fitted on: by cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelQuality {
    /// The weight of the squared parameters, beside the sum of the prompts' losses, that did best.
    pub penalty: f64,
    /// What the scores were divided by, so that probabilities say how often a label is right.
    pub temperature: f64,
    /// Share of the labels that it finds.
    pub accuracy: f64,
    /// Mean loss in nats, -ln of the right label's probability.
    pub log_loss: f64,
}

impl LabelProbe {
    /// A probe without maps. `tokens` stand for the labels, as their answers do: the first token of each; `prompts` says what
    /// it is fitted on.
    ///
    /// # Errors
    /// [`LabelProbeError::Labels`] for fewer than two tokens, one twice, one outside the vocabulary.
    pub fn new(
        model: &ModelSpec,
        hidden: usize,
        tokens: &[TokenId],
        prompts: impl Into<String>,
    ) -> Result<Self, LabelProbeError> {
        Ok(Self {
            model: model.fingerprint.clone(),
            layers: model.layers,
            hidden,
            tokens: checked(tokens, model.vocab)?,
            prompts: prompts.into(),
            maps: BTreeMap::new(),
        })
    }

    /// Gives it a map for a layer, counted from 1, the last one among them, in the place of one that it has.
    ///
    /// # Errors
    /// [`LabelProbeError::Layer`] for one that the model does not have, [`LabelProbeError::Shape`] for numbers that do not fit,
    /// [`LabelProbeError::NotFinite`].
    pub fn set(&mut self, layer: usize, map: LabelMap) -> Result<(), LabelProbeError> {
        if layer == 0 || layer > self.layers {
            return Err(LabelProbeError::Layer { layer, layers: self.layers });
        }
        let labels = self.tokens.len();
        let tensors =
            [(&map.weight, "weight", self.hidden.saturating_mul(labels)), (&map.bias, "bias", labels)];
        for (values, tensor, wanted) in tensors {
            if values.len() != wanted {
                return Err(LabelProbeError::Shape { layer, tensor, found: values.len(), wanted });
            }
            if let Some(element) = values.iter().position(|x| !x.is_finite()) {
                return Err(LabelProbeError::NotFinite { layer, tensor, element, value: values[element] });
            }
        }
        self.maps.insert(layer, map);
        Ok(())
    }

    /// Takes a layer's map away: it no longer looks there.
    pub fn close(&mut self, layer: usize) -> Option<LabelMap> {
        self.maps.remove(&layer)
    }

    /// The layers that it has maps for, counted from 1, in order.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.maps.keys().copied()
    }

    /// The map of a layer, counted from 1.
    pub fn map(&self, layer: usize) -> Option<&LabelMap> {
        self.maps.get(&layer)
    }

    /// What stands for the labels, by id.
    pub fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// Fingerprint of the model that it was fitted for.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What it was fitted on: a hash of the labelled prompts, where [`LabelProbeParams`](crate::LabelProbeParams) fitted it.
    pub fn prompts(&self) -> &str {
        &self.prompts
    }

    /// SHA-256 of what it does, in hexadecimal.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.model);
        self.tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
        for (layer, map) in &self.maps {
            hash.update((*layer as u64).to_le_bytes());
            map.weight.iter().chain(&map.bias).for_each(|value| hash.update(value.to_le_bytes()));
        }
        hex(hash)
    }

    /// Refuses another model than it was fitted for, and one that could not answer at its end.
    fn check(&self, model: &ModelSpec, hidden: usize) -> Result<(), LabelProbeError> {
        if self.hidden != hidden {
            return Err(LabelProbeError::Width { probe: self.hidden, model: hidden });
        }
        if self.layers != model.layers || self.model != model.fingerprint {
            let (probe, model) = (self.model.clone(), model.fingerprint.clone());
            return Err(LabelProbeError::OtherModel { probe, model });
        }
        if !self.maps.contains_key(&self.layers) {
            return Err(LabelProbeError::NoLast { layers: self.layers });
        }
        checked(&self.tokens, model.vocab)?;
        Ok(())
    }
}

impl From<CandidateError> for LabelProbeError {
    fn from(error: CandidateError) -> Self {
        Self::Labels(error)
    }
}

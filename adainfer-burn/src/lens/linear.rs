use std::collections::BTreeMap;

use adainfer_core::ModelSpec;
use half::f16;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LensError, hex};

/// A fitted linear lens: after layer l, what the model's final norm would give at its end is taken to be
/// `y = (h / rms(h)) W_l + b_l`, where h is the hidden state at the last position, and the model's own head reads
/// its answer from y. The model's parameters stay as they are.
///
/// It looks only after the layers that it has a map for, and after the last one, where the model answers for
/// itself. The idea is that of the tuned lens (Belrose et al., arXiv 2303.08112), in closed form.
///
/// ```
/// use adainfer_burn::{LayerMap, LensQuality, LinearLens};
/// use adainfer_core::ModelSpec;
///
/// let identity = LayerMap {
///     weight: vec![1.0, 0.0, 0.0, 1.0],
///     bias: vec![0.0, 0.0],
///     quality: LensQuality { ridge: 0.0, r2: 1.0 },
/// };
/// let mut lens = LinearLens::new(&ModelSpec::new(12, 100, 64, "a model"), 2, "no prompts");
/// lens.set(9, identity)?;
/// assert_eq!(lens.layers().collect::<Vec<_>>(), [9]);
/// # Ok::<(), adainfer_burn::LensError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinearLens {
    pub(super) model: String,
    pub(super) layers: usize,
    pub(super) hidden: usize,
    pub(super) prompts: String,
    pub(super) maps: BTreeMap<usize, LayerMap>,
}

/// What a linear lens does after one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerMap {
    /// `[outputs, inputs]`, row-major: `y_i` is row i times the normed state.
    pub weight: Vec<f32>,
    /// What is added: a number an output.
    pub bias: Vec<f32>,
    /// How well it does.
    pub quality: LensQuality,
}

/// How a map was found, and how well it does on prompts that it was not fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LensQuality {
    /// The weight of the squared parameters that did best on held-out prompts, as a share of the inputs' mean
    /// square.
    pub ridge: f64,
    /// Share of the variance of held-out final states that it explains; 1 is all of it.
    pub r2: f64,
}

impl LinearLens {
    /// A lens without maps for a model of this width; `prompts` says what it is fitted on.
    pub fn new(model: &ModelSpec, hidden: usize, prompts: impl Into<String>) -> Self {
        Self {
            model: model.fingerprint.clone(),
            layers: model.layers,
            hidden,
            prompts: prompts.into(),
            maps: BTreeMap::new(),
        }
    }

    /// Gives it a map for a layer, counted from 1, in the place of one that it has.
    ///
    /// # Errors
    /// [`LensError::Layer`] for the last layer or one that the model does not have, [`LensError::Shape`] for numbers
    /// that do not fit the width, [`LensError::NotFinite`].
    pub fn set(&mut self, layer: usize, map: LayerMap) -> Result<(), LensError> {
        if layer == 0 || layer >= self.layers {
            return Err(LensError::Layer { layer, layers: self.layers });
        }
        let tensors = [
            (&map.weight, "weight", self.hidden.saturating_mul(self.hidden)),
            (&map.bias, "bias", self.hidden),
        ];
        for (values, tensor, wanted) in tensors {
            if values.len() != wanted {
                return Err(LensError::Shape { layer, tensor, found: values.len(), wanted });
            }
            if let Some(element) = values.iter().position(|x| !x.is_finite()) {
                return Err(LensError::NotFinite { layer, tensor, element, value: values[element] });
            }
        }
        self.maps.insert(layer, map);
        Ok(())
    }

    /// Takes a layer's map away: it no longer looks there.
    pub fn close(&mut self, layer: usize) -> Option<LayerMap> {
        self.maps.remove(&layer)
    }

    /// The same with every number rounded to half precision: its file takes half the room.
    pub fn to_half(&self) -> Self {
        let half = |x: &f32| f16::from_f32(*x).to_f32();
        let mut lens = self.clone();
        for map in lens.maps.values_mut() {
            map.weight.iter_mut().chain(&mut map.bias).for_each(|x| *x = half(x));
        }
        lens
    }

    /// The layers that it has maps for, counted from 1, in order.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.maps.keys().copied()
    }

    /// The map of a layer, counted from 1.
    pub fn map(&self, layer: usize) -> Option<&LayerMap> {
        self.maps.get(&layer)
    }

    /// Fingerprint of the model that it was fitted for.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Width of the hidden states.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// What it was fitted on: a hash of the prompts, where [`LinearLensParams`](crate::LinearLensParams) fitted it.
    pub fn prompts(&self) -> &str {
        &self.prompts
    }

    /// SHA-256 of what it does, in hexadecimal.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.model);
        for (layer, map) in &self.maps {
            hash.update((*layer as u64).to_le_bytes());
            for value in map.weight.iter().chain(&map.bias) {
                hash.update(value.to_le_bytes());
            }
        }
        hex(hash)
    }

    /// Fingerprint of the model through this lens.
    pub(crate) fn through(&self, model: &ModelSpec) -> String {
        format!("{} through {}", model.fingerprint, self.hash())
    }

    /// Refuses another model than it was fitted for.
    pub(crate) fn check(&self, model: &ModelSpec, hidden: usize) -> Result<(), LensError> {
        if self.hidden != hidden {
            return Err(LensError::Width { lens: self.hidden, model: hidden });
        }
        if self.layers != model.layers || self.model != model.fingerprint {
            let (lens, model) = (self.model.clone(), model.fingerprint.clone());
            return Err(LensError::OtherModel { lens, model });
        }
        Ok(())
    }
}

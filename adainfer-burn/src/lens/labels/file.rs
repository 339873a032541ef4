//! A label probe's file.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::{LabelMap, LabelProbe, LabelProbeError, LabelQuality};
use crate::lens::file::{Maps, Saved, save};

/// What the file calls itself, and the version that this library writes and reads.
const KIND: &str = "adainfer_label_probe";
const VERSION: u32 = 1;

impl LabelProbe {
    /// Writes a safetensors file of `4 labels (hidden + 1)` bytes a layer, every number as it is. It takes the place of an
    /// older one in one step, so that none is left half written; the same probe gives the same bytes.
    ///
    /// # Errors
    /// [`LabelProbeError::File`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), LabelProbeError> {
        let quality: BTreeMap<_, _> = self.maps.iter().map(|(layer, map)| (layer, map.quality)).collect();
        // The format has texts alone here.
        let metadata = json!({
            KIND: VERSION.to_string(),
            "model": self.model,
            "layers": self.layers.to_string(),
            "hidden": self.hidden.to_string(),
            "tokens": json!(self.tokens).to_string(),
            "prompts": self.prompts,
            "quality": json!(quality).to_string(),
        });
        let tensors = |layer: usize| {
            let LabelMap { weight, bias, .. } = self.map(layer)?;
            let labels = self.tokens.len();
            Some([
                Saved { layer, tensor: "weight", shape: vec![labels, self.hidden], values: weight },
                Saved { layer, tensor: "bias", shape: vec![labels], values: bias },
            ])
        };
        Ok(save(path.as_ref(), &metadata, &self.layers().filter_map(tensors).flatten().collect::<Vec<_>>())?)
    }

    /// Reads a file that [`save`](Self::save) wrote. Nothing is allocated beyond what the file's size justifies.
    ///
    /// # Errors
    /// [`LabelProbeError::File`] for a file that cannot be read, is damaged, of another version or contradicts itself, and
    /// those of [`set`](Self::set).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LabelProbeError> {
        let mut file = Maps::open(path.as_ref(), KIND, VERSION)?;
        let (layers, hidden) = (file.number("layers")?, file.number("hidden")?);
        let (model, prompts) = (file.text("model")?, file.text("prompts")?);
        let tokens: Vec<_> = serde_json::from_str(&file.text("tokens")?)
            .map_err(|error| file.bad("tokens", error.to_string()))?;
        if tokens.len() < 2 || !tokens.is_sorted_by(|a, b| a < b) {
            return Err(file.bad("tokens", "there must be two or more, in order").into());
        }
        let labels = tokens.len();
        let mut probe = Self { model, layers, hidden, tokens, prompts, maps: BTreeMap::new() };
        for (layer, quality) in file.quality::<LabelQuality>()? {
            let weight = file.tensor(layer, "weight", &[labels, hidden])?;
            let bias = file.tensor(layer, "bias", &[labels])?;
            probe.set(layer, LabelMap { weight, bias, quality })?;
        }
        Ok(probe)
    }
}

//! A linear lens's file.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::file::{Maps, Saved, save};
use super::{LayerMap, LensError, LensQuality, LinearLens};

/// What the file calls itself, and the version that this library writes and reads.
const KIND: &str = "adainfer_lens";
const VERSION: u32 = 1;

impl LinearLens {
    /// Writes a safetensors file, every number as it is: of `4 hidden (hidden + 1)` bytes a layer, or half as much where
    /// [`to_half`](Self::to_half) rounded them. It takes the place of an older one in one step, so that none is
    /// left half written; the same lens gives the same bytes.
    ///
    /// # Errors
    /// [`LensError::File`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), LensError> {
        let quality: BTreeMap<_, _> = self.maps.iter().map(|(layer, map)| (layer, map.quality)).collect();
        // The format has texts alone here.
        let metadata = json!({
            KIND: VERSION.to_string(),
            "model": self.model,
            "layers": self.layers.to_string(),
            "hidden": self.hidden.to_string(),
            "prompts": self.prompts,
            "quality": json!(quality).to_string(),
        });
        let tensors = |layer: usize| {
            let LayerMap { weight, bias, .. } = self.map(layer)?;
            let hidden = self.hidden;
            Some([
                Saved { layer, tensor: "weight", shape: vec![hidden; 2], values: weight },
                Saved { layer, tensor: "bias", shape: vec![hidden], values: bias },
            ])
        };
        Ok(save(path.as_ref(), &metadata, &self.layers().filter_map(tensors).flatten().collect::<Vec<_>>())?)
    }

    /// Reads a file that [`save`](Self::save) wrote. Nothing is allocated beyond what the file's size justifies.
    ///
    /// # Errors
    /// [`LensError::File`] for a file that cannot be read, is damaged, of another version or contradicts itself, and those of
    /// [`set`](Self::set).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LensError> {
        let mut file = Maps::open(path.as_ref(), KIND, VERSION)?;
        let (layers, hidden) = (file.number("layers")?, file.number("hidden")?);
        let (model, prompts) = (file.text("model")?, file.text("prompts")?);
        let mut lens = Self { model, layers, hidden, prompts, maps: BTreeMap::new() };
        for (layer, quality) in file.quality::<LensQuality>()? {
            let weight = file.tensor(layer, "weight", &[hidden, hidden])?;
            let bias = file.tensor(layer, "bias", &[hidden])?;
            lens.set(layer, LayerMap { weight, bias, quality })?;
        }
        Ok(lens)
    }
}

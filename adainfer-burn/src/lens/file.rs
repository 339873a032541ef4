//! Lenses as safetensors files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Map, json};

use super::{LayerMap, LensError, LensQuality, LinearLens};
use crate::load::SafetensorsFile;

/// Of the files that this library writes, and reads.
const VERSION: u32 = 1;

/// A tensor of a layer, as the file calls it.
fn name(layer: usize, tensor: &str) -> String {
    format!("layer.{layer}.{tensor}")
}

impl LinearLens {
    /// Writes a safetensors file, of `4 hidden (hidden + 1)` bytes a layer, every number as it is. It takes the place of
    /// an older one in one step, so that none is left half written; the same lens gives the same bytes.
    ///
    /// # Errors
    /// [`LensError::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), LensError> {
        let path = path.as_ref();
        let mut part = path.file_name().unwrap_or_default().to_owned();
        part.push(".part");
        let part = path.with_file_name(part);
        let written = self.write(&part).and_then(|()| std::fs::rename(&part, path));
        if written.is_err() {
            // The error that matters is the one that there is.
            let _ = std::fs::remove_file(&part);
        }
        written.map_err(|source| LensError::Io { path: path.to_path_buf(), source })
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let quality: BTreeMap<_, _> = self.maps.iter().map(|(layer, map)| (layer, map.quality)).collect();
        let mut header = Map::new();
        // The format has texts alone here.
        let metadata = json!({
            "adainfer_lens": VERSION.to_string(),
            "model": self.model,
            "layers": self.layers.to_string(),
            "hidden": self.hidden.to_string(),
            "prompts": self.prompts,
            "quality": serde_json::to_string(&quality)?,
        });
        header.insert("__metadata__".to_owned(), metadata);
        let mut end = 0;
        for layer in self.layers() {
            for (tensor, shape) in [("weight", vec![self.hidden; 2]), ("bias", vec![self.hidden])] {
                let start = end;
                end += 4 * shape.iter().product::<usize>();
                let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
                header.insert(name(layer, tensor), entry);
            }
        }
        let mut header = serde_json::to_vec(&header)?;
        header.resize(header.len().next_multiple_of(8), b' ');

        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for map in self.maps.values() {
            for value in map.weight.iter().chain(&map.bias) {
                file.write_all(&value.to_le_bytes())?;
            }
        }
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
    }

    /// Reads a file that [`save`](Self::save) wrote. Nothing is allocated beyond what the file's size justifies.
    ///
    /// # Errors
    /// [`LensError::File`] for a file that cannot be read or is damaged, [`LensError::Version`],
    /// [`LensError::Field`] for what is missing or contradicts the rest, and those of [`set`](Self::set).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LensError> {
        let path = path.as_ref();
        let mut file = SafetensorsFile::open(path)?;
        let bad = |field, reason: String| LensError::Field { path: path.to_path_buf(), field, reason };
        let text = |field: &'static str| match file.metadata(field) {
            Some(text) => Ok(text.to_owned()),
            None => Err(bad(field, "it is missing".to_owned())),
        };
        let number = |field| {
            let text = text(field)?;
            text.parse::<usize>().map_err(|_| bad(field, format!("it must be a number, not {text:?}")))
        };
        let found = text("adainfer_lens")?;
        if found != VERSION.to_string() {
            return Err(LensError::Version { path: path.to_path_buf(), found, known: VERSION });
        }
        let (layers, hidden) = (number("layers")?, number("hidden")?);
        let mut lens =
            Self { model: text("model")?, layers, hidden, prompts: text("prompts")?, maps: BTreeMap::new() };
        let quality: BTreeMap<usize, LensQuality> =
            serde_json::from_str(&text("quality")?).map_err(|error| bad("quality", error.to_string()))?;

        let shapes: BTreeMap<_, _> = file.tensors().collect();
        if shapes.len() != 2 * quality.len() {
            let (tensors, layers) = (shapes.len(), quality.len());
            return Err(bad("quality", format!("it names {layers} layers, and there are {tensors} tensors")));
        }
        for (layer, quality) in quality {
            let mut read = |tensor: &str, shape: &[usize]| {
                let name = name(layer, tensor);
                match shapes.get(&name) {
                    Some(found) if found == shape => {}
                    found => {
                        return Err(bad("quality", format!("{name} must be {shape:?} and is {found:?}")));
                    }
                }
                let mut values = Vec::new();
                file.append(&name, &mut values, &mut |_| ())?;
                Ok(values)
            };
            let (weight, bias) = (read("weight", &[hidden, hidden])?, read("bias", &[hidden])?);
            lens.set(layer, LayerMap { weight, bias, quality })?;
        }
        Ok(lens)
    }
}

//! A model whose layers lie on several devices.

use std::ops::Range;
use std::path::Path;

use adainfer_core::{Extras, LayeredModel, ModelSpec, Probe, TokenId};

use super::any::{AnyHidden, AnyLogits, AnyModel, AnyRows, AnyState};
use crate::load::{Digests, fingerprint};
use crate::{
    CandidateHead, Device, LensError, LensModel, LinearLens, LoadError, LoadOptions, ModelError, Progress,
};

/// Which device runs which layers, first to last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceMap {
    shares: Vec<(Device, usize)>,
}

impl DeviceMap {
    /// Each device with how many layers it runs, in the order of the layers. A device may come twice; one
    /// without layers is left out.
    pub fn new(shares: impl IntoIterator<Item = (Device, usize)>) -> Self {
        Self { shares: shares.into_iter().filter(|(_, layers)| *layers > 0).collect() }
    }

    /// Equal shares of a model of so many layers; where they do not come out even, earlier devices take
    /// one more.
    pub fn even(layers: usize, devices: &[Device]) -> Self {
        let (each, more) = match devices.len() {
            0 => (0, 0),
            count => (layers / count, layers % count),
        };
        Self::new(
            devices.iter().enumerate().map(|(i, device)| (device.clone(), each + usize::from(i < more))),
        )
    }

    /// Devices and their layers, counted from 0.
    pub fn parts(&self) -> impl Iterator<Item = (&Device, Range<usize>)> {
        self.shares.iter().scan(0, |first, (device, layers)| {
            let part = *first..*first + layers;
            *first = part.end;
            Some((device, part))
        })
    }

    fn layers(&self) -> usize {
        self.shares.iter().map(|(_, layers)| layers).sum()
    }
}

/// A model too large for one device: layers on several, of one backend or of different ones. Hidden states
/// move where the next layer is elsewhere; between backends they pass through the host, which waits for
/// them there.
///
/// It answers as the model on one device does, within rounding, and has the same fingerprint: what was
/// trained or calibrated for one serves the other. The first device has the embedding, and each has the
/// output head, so that a look needs no other device.
///
/// ```no_run
/// use adainfer_burn::{Device, DeviceMap, SplitModel};
/// use adainfer_core::{EarlyExit, Never};
///
/// let map = DeviceMap::even(80, &[Device::Cuda(0), Device::Cuda(1)]);
/// let model = SplitModel::open("Llama-2-70b-hf", &map)?;
/// let step = EarlyExit::new(&model, Never)?.session()?.feed(&[1, 3575, 282])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SplitModel {
    parts: Vec<Part>,
    spec: ModelSpec,
}

#[derive(Debug)]
struct Part {
    layers: Range<usize>,
    model: AnyModel,
}

/// The state of a [`SplitModel`]: that of each part.
#[derive(Debug, Clone)]
pub struct SplitState(Vec<AnyState>);

/// The hidden states of a [`SplitModel`], on the device of one part.
#[derive(Debug, Clone)]
pub struct SplitHidden {
    part: usize,
    hidden: AnyHidden,
}

impl SplitHidden {
    /// The numbers on the host; see [`Hidden::values`](crate::Hidden::values).
    ///
    /// # Errors
    /// [`ModelError::Device`] where the device failed.
    pub fn values(&self) -> Result<Vec<f32>, ModelError> {
        self.hidden.values()
    }
}

/// The logits of a [`SplitModel`], on the device of one part.
#[derive(Debug, Clone)]
pub struct SplitLogits {
    part: usize,
    logits: AnyLogits,
}

impl SplitModel {
    /// Opens a model's layers on the devices of `map`, in f32.
    ///
    /// # Errors
    /// As [`AnyModel::open`], and [`LoadError::DeviceMap`] or [`LoadError::EmptyDeviceMap`] where the map does
    /// not place exactly the model's layers.
    pub fn open(path: impl AsRef<Path>, map: &DeviceMap) -> Result<Self, LoadError> {
        Self::open_with(path, map, LoadOptions::new())
    }

    /// As [`open`](Self::open), with options, which hold for every part.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`AnyModel::open_with`].
    pub fn open_with(
        path: impl AsRef<Path>,
        map: &DeviceMap,
        options: LoadOptions<'_>,
    ) -> Result<Self, LoadError> {
        let (path, mapped) = (path.as_ref(), map.layers());
        let LoadOptions { dtype, weights, screened_head, mut progress } = options;
        let (mut parts, mut digests, mut read) = (Vec::new(), Digests::new(), 0);
        if map.shares.is_empty() {
            return Err(LoadError::EmptyDeviceMap { path: path.to_path_buf() });
        }
        for (device, layers) in map.parts() {
            let before = read;
            let report = &mut |p: Progress<'_>| {
                // A head that is read again is not counted twice.
                read = (before + p.done).min(p.total);
                if let Some(progress) = &mut progress {
                    progress(Progress { done: read, ..p });
                }
            };
            let options = LoadOptions::new()
                .dtype(dtype)
                .weights(weights)
                .screened_head(screened_head)
                .progress(report);
            let model = AnyModel::open_part(path, layers.clone(), mapped, device, options)?;
            digests.extend(model.identity().digests.clone());
            parts.push(Part { layers, model });
        }
        let first = &parts[0].model;
        let fingerprint = fingerprint(&first.identity().architecture, &digests);
        let ModelSpec { layers, vocab, max_positions, .. } = *first.spec();
        let spec = ModelSpec::new(layers, vocab, max_positions, fingerprint);
        Ok(Self { parts, spec })
    }

    /// The tokens that end a text; see [`Model::end_tokens`](crate::Model::end_tokens).
    pub fn end_tokens(&self) -> &[TokenId] {
        self.first().end_tokens()
    }

    /// Text in and out; see [`Model::tokenizer`](crate::Model::tokenizer).
    ///
    /// # Errors
    /// As [`Model::tokenizer`](crate::Model::tokenizer).
    #[cfg(feature = "text")]
    pub fn tokenizer(&self) -> Result<&crate::text::Tokenizer, LoadError> {
        self.first().tokenizer()
    }

    /// The same model with a fitted lens, on each of its devices; see
    /// [`Model::with_lens`](crate::Model::with_lens).
    ///
    /// # Errors
    /// As [`Model::with_lens`](crate::Model::with_lens).
    pub fn with_lens(&self, lens: &LinearLens) -> Result<Self, LensError> {
        let with_lens = |part: &Part| {
            Ok(Part { layers: part.layers.clone(), model: part.model.with_lens_of(lens, &self.spec)? })
        };
        let parts = self.parts.iter().map(with_lens).collect::<Result<Vec<_>, LensError>>()?;
        let mut spec = self.spec.clone();
        spec.fingerprint = lens.through(&self.spec);
        Ok(Self { parts, spec })
    }

    /// How much each layer changes; see [`Model::block_influence`](crate::Model::block_influence).
    ///
    /// # Errors
    /// As [`Model::block_influence`](crate::Model::block_influence).
    pub fn block_influence(&self, tokens: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        let mut state = self.start(Extras::NONE)?;
        let mut hidden = self.embed(tokens, &mut state)?;
        let influence = |index| {
            let (part, moved) = self.at(index, hidden.clone())?;
            hidden = moved;
            let (model, state) = (&self.parts[part].model, &mut state.0[part]);
            model.influence(index, &mut hidden.hidden, state)
        };
        (0..self.spec.layers).map(influence).collect()
    }

    /// The part with the embedding; `open_with` makes one at least.
    fn first(&self) -> &AnyModel {
        &self.parts[0].model
    }

    fn part(&self, index: usize) -> Result<&AnyModel, ModelError> {
        self.parts.get(index).map(|part| &part.model).ok_or(ModelError::OtherBackend)
    }

    /// The part that runs a layer, and hidden states where it runs.
    fn at(&self, index: usize, hidden: SplitHidden) -> Result<(usize, SplitHidden), ModelError> {
        let part = self.parts.iter().position(|part| part.layers.contains(&index));
        let part = part.ok_or(ModelError::NoSuchLayer { index, layers: self.spec.layers })?;
        Ok((part, self.moved(hidden, part)?))
    }

    fn moved(&self, hidden: SplitHidden, part: usize) -> Result<SplitHidden, ModelError> {
        if hidden.part == part {
            return Ok(hidden);
        }
        Ok(SplitHidden { part, hidden: self.part(part)?.receive(hidden.hidden)? })
    }
}

impl LayeredModel for SplitModel {
    type State = SplitState;
    type Hidden = SplitHidden;
    type Logits = SplitLogits;
    type Error = ModelError;

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn start(&self, extras: Extras) -> Result<SplitState, ModelError> {
        self.parts.iter().map(|part| part.model.start(extras)).collect::<Result<_, _>>().map(SplitState)
    }

    fn embed(&self, tokens: &[TokenId], state: &mut SplitState) -> Result<SplitHidden, ModelError> {
        if state.0.len() != self.parts.len() {
            return Err(ModelError::OtherBackend);
        }
        let hidden = self.first().embed(tokens, &mut state.0[0])?;
        for (part, state) in self.parts.iter().zip(&mut state.0).skip(1) {
            part.model.expect(tokens.len(), state)?;
        }
        Ok(SplitHidden { part: 0, hidden })
    }

    fn layer(
        &self,
        index: usize,
        hidden: SplitHidden,
        state: &mut SplitState,
    ) -> Result<SplitHidden, ModelError> {
        let (part, SplitHidden { hidden, .. }) = self.at(index, hidden)?;
        let state = state.0.get_mut(part).ok_or(ModelError::OtherBackend)?;
        Ok(SplitHidden { part, hidden: self.part(part)?.layer(index, hidden, state)? })
    }

    fn layer_at_last(
        &self,
        index: usize,
        hidden: SplitHidden,
        state: &mut SplitState,
    ) -> Result<SplitHidden, ModelError> {
        let (part, SplitHidden { hidden, .. }) = self.at(index, hidden)?;
        let state = state.0.get_mut(part).ok_or(ModelError::OtherBackend)?;
        Ok(SplitHidden { part, hidden: self.part(part)?.layer_at_last(index, hidden, state)? })
    }

    fn layer_each(
        &self,
        index: usize,
        batch: Vec<(SplitHidden, &mut SplitState)>,
    ) -> Result<Vec<SplitHidden>, ModelError> {
        let mut here = Vec::with_capacity(batch.len());
        let mut place = 0;
        for (hidden, state) in batch {
            let (part, SplitHidden { hidden, .. }) = self.at(index, hidden)?;
            here.push((hidden, state.0.get_mut(part).ok_or(ModelError::OtherBackend)?));
            place = part;
        }
        let after = self.part(place)?.layer_each(index, here)?;
        Ok(after.into_iter().map(|hidden| SplitHidden { part: place, hidden }).collect())
    }

    fn join(&self, earlier: SplitHidden, later: SplitHidden) -> Result<SplitHidden, ModelError> {
        let SplitHidden { part, hidden: later } = later;
        let earlier = self.moved(earlier, part)?.hidden;
        Ok(SplitHidden { part, hidden: self.part(part)?.join(earlier, later)? })
    }

    fn looks_after(&self, index: usize) -> bool {
        self.first().looks_after(index)
    }

    /// Where the hidden states are: each part has the head.
    fn head(&self, index: usize, hidden: &SplitHidden) -> Result<SplitLogits, ModelError> {
        let SplitHidden { part, hidden } = hidden;
        Ok(SplitLogits { part: *part, logits: self.part(*part)?.head(index, hidden)? })
    }

    fn head_each(&self, index: usize, hidden: &[&SplitHidden]) -> Result<Vec<SplitLogits>, ModelError> {
        let Some(part) = hidden.first().map(|hidden| hidden.part) else { return Ok(Vec::new()) };
        if hidden.iter().any(|hidden| hidden.part != part) {
            return hidden.iter().map(|hidden| self.head(index, hidden)).collect();
        }
        let here: Vec<_> = hidden.iter().map(|hidden| &hidden.hidden).collect();
        let logits = self.part(part)?.head_each(index, &here)?;
        Ok(logits.into_iter().map(|logits| SplitLogits { part, logits }).collect())
    }

    fn probe(&self, logits: &SplitLogits, previous: Option<&SplitLogits>) -> Result<Probe, ModelError> {
        let model = self.part(logits.part)?;
        match previous {
            Some(previous) if previous.part != logits.part => {
                let previous = model.receive_logits(previous.logits.clone())?;
                model.probe(&logits.logits, Some(&previous))
            }
            previous => model.probe(&logits.logits, previous.map(|previous| &previous.logits)),
        }
    }

    fn values(&self, logits: &SplitLogits) -> Result<Vec<f32>, ModelError> {
        self.part(logits.part)?.values(&logits.logits)
    }
}

impl LensModel for SplitModel {
    fn hidden_size(&self) -> usize {
        self.first().hidden_size()
    }

    fn positions(&self, hidden: &SplitHidden) -> usize {
        self.part(hidden.part).map_or(0, |model| model.positions(&hidden.hidden))
    }

    fn states(&self, hidden: &SplitHidden, positions: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.part(hidden.part)?.states(&hidden.hidden, positions)
    }

    fn normed_states(&self, hidden: &SplitHidden, positions: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.part(hidden.part)?.normed_states(&hidden.hidden, positions)
    }
}

impl CandidateHead for SplitModel {
    /// Of each part.
    type Rows = Vec<AnyRows>;

    fn rows(&self, tokens: &[TokenId]) -> Result<Vec<AnyRows>, ModelError> {
        self.parts.iter().map(|part| part.model.rows(tokens)).collect()
    }

    fn head_of(
        &self,
        rows: &Vec<AnyRows>,
        index: usize,
        hidden: &SplitHidden,
    ) -> Result<SplitLogits, ModelError> {
        let SplitHidden { part, hidden } = hidden;
        let rows = rows.get(*part).ok_or(ModelError::OtherBackend)?;
        Ok(SplitLogits { part: *part, logits: self.part(*part)?.head_of(rows, index, hidden)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_each_other() {
        let map = DeviceMap::new([(Device::Cpu, 2), (Device::NdArray, 0), (Device::Cuda(1), 3)]);
        let parts: Vec<_> = map.parts().collect();
        assert_eq!(parts, [(&Device::Cpu, 0..2), (&Device::Cuda(1), 2..5)]);
        assert_eq!(map.layers(), 5);
    }

    #[test]
    fn even_shares_differ_by_one_layer_at_most() {
        let devices = [Device::Cuda(0), Device::Cuda(1), Device::Cuda(2)];
        let shares =
            |layers| DeviceMap::even(layers, &devices).parts().map(|(_, p)| p.len()).collect::<Vec<_>>();
        assert_eq!(shares(80), [27, 27, 26]);
        assert_eq!(shares(2), [1, 1]);
        assert_eq!(DeviceMap::even(80, &[]), DeviceMap::new([]));
    }
}

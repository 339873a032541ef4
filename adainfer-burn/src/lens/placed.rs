use adainfer_core::ModelSpec;
use burn_tensor::Tensor;

use super::{EPSILON, LensError, LinearLens};
use crate::layers::Linear;
use crate::load::tensor;
use crate::ops::Ops;
use crate::{Model, ModelError};

/// A lens on the device of its model.
#[derive(Debug)]
pub(crate) struct PlacedLens<B: Ops> {
    /// The scale of a root-mean-square norm that has none.
    unit: Tensor<B, 1>,
    /// One an index, for layers that it looks after.
    maps: Vec<Option<Linear<B>>>,
}

impl<B: Ops> PlacedLens<B> {
    pub(crate) fn looks_after(&self, index: usize) -> bool {
        self.map(index).is_some()
    }

    /// What the final norm would give, by the map of this layer: [1, hidden] to the same.
    pub(crate) fn normed(&self, index: usize, x: Tensor<B, 2>) -> Result<Tensor<B, 2>, ModelError> {
        let map = self.map(index).ok_or(ModelError::NoLook { layer: index + 1 })?;
        Ok(map.forward(self.level(&x)))
    }

    /// x at a root mean square of 1: what maps are for.
    pub(crate) fn level(&self, x: &Tensor<B, 2>) -> Tensor<B, 2> {
        B::rms_norm(x, &self.unit, EPSILON)
    }

    pub(crate) fn map(&self, index: usize) -> Option<&Linear<B>> {
        self.maps.get(index)?.as_ref()
    }
}

impl<B: Ops> Model<B> {
    /// The same model, with the same weights, that looks through a fitted lens. Its fingerprint is another, so that
    /// policies which were trained or calibrated without the lens refuse it.
    ///
    /// A look costs a product of `[1, hidden]` and `[hidden, hidden]` more; the maps take
    /// `4 hidden (hidden + 1)` bytes a layer in f32.
    ///
    /// # Errors
    /// [`LensError::OtherModel`] and [`LensError::Width`] for another model's lens, [`LensError::Twice`] where there is
    /// one already.
    pub fn with_lens(&self, lens: &LinearLens) -> Result<Self, LensError> {
        self.with_lens_of(lens, &self.spec)
    }

    /// The same for a part of the model that `whole` describes.
    pub(crate) fn with_lens_of(&self, lens: &LinearLens, whole: &ModelSpec) -> Result<Self, LensError> {
        if self.lens.is_some() {
            return Err(LensError::Twice);
        }
        lens.check(whole, self.hidden)?;
        let (hidden, device, dtype) = (self.hidden, &self.device, self.dtype);
        let placed = B::in_order(|| {
            let map = |index: usize| {
                let map = lens.map(index + 1)?;
                let weight = tensor(map.weight.clone(), [hidden, hidden], device, dtype);
                Some(Linear::new(weight, Some(tensor(map.bias.clone(), [hidden], device, dtype))))
            };
            PlacedLens {
                unit: tensor(vec![1.0; hidden], [hidden], device, dtype),
                maps: (0..self.spec.layers).map(map).collect(),
            }
        });
        let mut model = self.clone();
        model.lens = Some(placed.into());
        model.spec.fingerprint = lens.through(whole);
        Ok(model)
    }
}

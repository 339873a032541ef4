//! How much each layer changes what passes through it.

use adainfer_core::{Extras, LayeredModel, TokenId};
use burn_tensor::Tensor;

use crate::layered::read;
use crate::ops::{Ops, wide};
use crate::{Hidden, Model, ModelError, State};

impl<B: Ops> Model<B> {
    /// Block influence of every layer over a text: 1 - the mean over positions of the cosine of the
    /// hidden states before and after it (ShortGPT, arXiv 2403.03853). Near 0 for a layer that hardly
    /// matters; [`WithoutLayers`](adainfer_core::WithoutLayers) leaves it out.
    ///
    /// # Errors
    /// No token, one that is not in the vocabulary, or more than the model has positions.
    pub fn block_influence(&self, tokens: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        let mut state = self.start(Extras::NONE)?;
        let mut hidden = self.embed(tokens, &mut state)?;
        (0..self.spec().layers).map(|layer| self.influence(layer, &mut hidden, &mut state)).collect()
    }

    /// Runs a layer, and says by how much it changed what it was given.
    pub(crate) fn influence(
        &self,
        layer: usize,
        hidden: &mut Hidden<B>,
        state: &mut State<B>,
    ) -> Result<f32, ModelError> {
        let before = hidden.clone();
        *hidden = self.layer(layer, before.clone(), state)?;
        B::in_order(|| {
            let cosine = read(mean_cosine(before.tensor().clone(), hidden.tensor().clone()))?;
            cosine.first().map(|cosine| 1.0 - cosine).ok_or_else(|| ModelError::Device("no cosine".into()))
        })
    }
}

/// [positions, width] twice, to [1].
fn mean_cosine<B: Ops>(a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 1> {
    let (a, b) = (wide(a), wide(b));
    let dot = |a: &Tensor<B, 2>, b: &Tensor<B, 2>| (a.clone() * b.clone()).sum_dim(1);
    (dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()).mean()
}

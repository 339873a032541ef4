//! How much each layer changes what passes through it.

use adainfer_core::{Extras, LayeredModel, TokenId};
use burn_tensor::Tensor;

use crate::layered::read;
use crate::ops::{Ops, wide};
use crate::{Model, ModelError};

impl<B: Ops> Model<B> {
    /// Block influence of every layer over a text: 1 - the mean over positions of the cosine of the
    /// hidden states before and after it (ShortGPT, arXiv 2403.03853). Near 0 for a layer that hardly
    /// matters; [`WithoutLayers`](adainfer_core::WithoutLayers) leaves it out.
    ///
    /// # Errors
    /// No token, one that is not in the vocabulary, or more than the model has positions.
    pub fn block_influence(&self, tokens: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        B::in_order(|| {
            let mut state = self.start(Extras::NONE)?;
            let mut hidden = self.embed(tokens, &mut state)?;
            let mut influences = Vec::with_capacity(self.spec().layers);
            for layer in 0..self.spec().layers {
                let before = hidden.tensor().clone();
                hidden = self.layer(layer, hidden, &mut state)?;
                influences.push(-mean_cosine(before, hidden.tensor().clone()) + 1.0);
            }
            read(Tensor::cat(influences, 0))
        })
    }
}

/// [positions, width] twice, to [1].
fn mean_cosine<B: Ops>(a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 1> {
    let (a, b) = (wide(a), wide(b));
    let dot = |a: &Tensor<B, 2>, b: &Tensor<B, 2>| (a.clone() * b.clone()).sum_dim(1);
    (dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()).mean()
}

use adainfer_core::LayeredModel;
use burn_tensor::{Int, Tensor, TensorData};

use crate::layered::read;
use crate::ops::{Ops, wide};
use crate::{Hidden, Model, ModelError};

/// A model whose hidden states can be read: what lenses are fitted on.
pub trait LensModel: LayeredModel<Error = ModelError> {
    /// Width of a hidden state.
    fn hidden_size(&self) -> usize;

    /// Positions of this run.
    fn positions(&self, hidden: &Self::Hidden) -> usize;

    /// The hidden states of some positions of this run, counted from 0, one after the other: `positions x hidden` numbers.
    ///
    /// # Errors
    /// [`ModelError::NoSuchPosition`]; [`ModelError::Device`] where the device failed.
    fn states(&self, hidden: &Self::Hidden, positions: &[usize]) -> Result<Vec<f32>, ModelError>;

    /// The same after the model's final norm, where it has one: what a linear lens aims at.
    ///
    /// # Errors
    /// As [`states`](Self::states).
    fn normed_states(&self, hidden: &Self::Hidden, positions: &[usize]) -> Result<Vec<f32>, ModelError>;
}

impl<M: LensModel + ?Sized> LensModel for &M {
    fn hidden_size(&self) -> usize {
        (**self).hidden_size()
    }
    fn positions(&self, hidden: &Self::Hidden) -> usize {
        (**self).positions(hidden)
    }
    fn states(&self, hidden: &Self::Hidden, positions: &[usize]) -> Result<Vec<f32>, ModelError> {
        (**self).states(hidden, positions)
    }
    fn normed_states(&self, hidden: &Self::Hidden, positions: &[usize]) -> Result<Vec<f32>, ModelError> {
        (**self).normed_states(hidden, positions)
    }
}

impl<B: Ops> LensModel for Model<B> {
    fn hidden_size(&self) -> usize {
        self.hidden
    }

    fn positions(&self, hidden: &Hidden<B>) -> usize {
        hidden.x.dims()[0]
    }

    fn states(&self, hidden: &Hidden<B>, positions: &[usize]) -> Result<Vec<f32>, ModelError> {
        B::in_order(|| read(wide(self.at(hidden, positions)?)))
    }

    fn normed_states(&self, hidden: &Hidden<B>, positions: &[usize]) -> Result<Vec<f32>, ModelError> {
        B::in_order(|| read(wide(self.head.norm(self.at(hidden, positions)?))))
    }
}

impl<B: Ops> Model<B> {
    /// Rows of hidden states: [positions, hidden].
    fn at(&self, hidden: &Hidden<B>, positions: &[usize]) -> Result<Tensor<B, 2>, ModelError> {
        let there = self.positions(hidden);
        if let Some(position) = positions.iter().copied().find(|position| *position >= there) {
            return Err(ModelError::NoSuchPosition { position, positions: there });
        }
        let ids: Vec<i32> = positions.iter().map(|position| *position as i32).collect();
        let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(ids, [positions.len()]), &self.device);
        Ok(hidden.x.clone().select(0, ids))
    }
}

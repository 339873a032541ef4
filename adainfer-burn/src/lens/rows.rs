use adainfer_core::TokenId;
use burn_tensor::{Int, Tensor, TensorData};

use super::CandidateHead;
use crate::layers::Linear;
use crate::ops::{Ops, wide};
use crate::{Hidden, Logits, Model, ModelError};

/// The rows of some tokens, after the last layer and after each that a linear lens has a map for.
#[derive(Debug)]
pub struct CandidateRows<B: Ops> {
    last: Rows<B>,
    /// One an index, with the lens's map folded in.
    folded: Vec<Option<Rows<B>>>,
}

/// Scores of normed states.
#[derive(Debug)]
struct Rows<B: Ops> {
    /// [tokens, hidden].
    weight: Tensor<B, 2>,
    /// [tokens].
    bias: Option<Tensor<B, 1>>,
}

impl<B: Ops> Rows<B> {
    fn score(&self, normed: Tensor<B, 2>) -> Tensor<B, 2> {
        let scores = wide(B::score(normed, &self.weight));
        match &self.bias {
            Some(bias) => scores + wide(bias.clone()).unsqueeze(),
            None => scores,
        }
    }

    /// What scores x as this does `x W^T + b`.
    fn after(&self, map: &Linear<B>) -> Self {
        let weight = B::product(self.weight.clone(), map.weight(&self.weight.device()));
        let shift =
            map.bias().map(|bias| B::product(self.weight.clone(), bias.unsqueeze_dim(1)).squeeze_dim(1));
        let bias = match (shift, self.bias.clone()) {
            (Some(shift), Some(bias)) => Some(shift + bias),
            (shift, bias) => shift.or(bias),
        };
        Self { weight, bias }
    }
}

impl<B: Ops> CandidateHead for Model<B> {
    type Rows = CandidateRows<B>;

    fn rows(&self, tokens: &[TokenId]) -> Result<CandidateRows<B>, ModelError> {
        self.known(tokens)?;
        B::in_order(|| {
            let ids: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
            let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(ids, [tokens.len()]), &self.device);
            let (weight, bias) = self.head.rows(ids);
            let last = Rows { weight, bias };
            let folded = |index| Some(last.after(self.lens.as_ref()?.map(index)?));
            let folded = (0..self.spec.layers).map(folded).collect();
            Ok(CandidateRows { last, folded })
        })
    }

    fn head_of(
        &self,
        rows: &CandidateRows<B>,
        index: usize,
        hidden: &Hidden<B>,
    ) -> Result<Logits<B>, ModelError> {
        let layers = self.spec.layers;
        if index >= layers {
            return Err(ModelError::NoSuchLayer { index, layers });
        }
        B::in_order(|| {
            let x = hidden.last();
            let values = match &self.lens {
                Some(lens) if index + 1 < layers => {
                    let folded = rows.folded.get(index).and_then(Option::as_ref);
                    folded.ok_or(ModelError::NoLook { layer: index + 1 })?.score(lens.level(&x))
                }
                _ => rows.last.score(self.head.norm(x)),
            };
            Ok(Logits { values, cosines: hidden.cosines.clone(), entropy: hidden.entropy })
        })
    }
}

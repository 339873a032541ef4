use adainfer_core::TokenId;

use super::LensFileError;
use crate::ModelError;

/// Why there is no such lens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LensError {
    /// A layer that a lens cannot have a map for.
    #[error("a lens has no map after layer {layer}: the model's layers before the last are 1 to {}", layers.saturating_sub(1))]
    Layer {
        /// The layer, counted from 1.
        layer: usize,
        /// The model's layers.
        layers: usize,
    },
    /// A map's tensor is not of the lens's width.
    #[error("the {tensor} after layer {layer} has {found} numbers and needs {wanted}")]
    Shape {
        /// The layer, counted from 1.
        layer: usize,
        /// Which of its tensors.
        tensor: &'static str,
        /// Numbers that it has.
        found: usize,
        /// Numbers that it needs.
        wanted: usize,
    },
    /// A map with a number that is not finite.
    #[error("the {tensor} after layer {layer} holds {value} at element {element}")]
    NotFinite {
        /// The layer, counted from 1.
        layer: usize,
        /// Which of its tensors.
        tensor: &'static str,
        /// Index of the first such number.
        element: usize,
        /// The number.
        value: f32,
    },
    /// The lens is for a model of another width.
    #[error("the lens is for hidden states of width {lens} and the model's have {model}")]
    Width {
        /// The lens's.
        lens: usize,
        /// The model's.
        model: usize,
    },
    /// The lens was fitted for another model.
    #[error("the lens is for model {lens} and this is {model}")]
    OtherModel {
        /// Fingerprint that the lens names.
        lens: String,
        /// The model's.
        model: String,
    },
    /// The model has a lens already, and lenses are not put before each other.
    #[error("the model has a lens already")]
    Twice,
    /// The lens could not be read or written.
    #[error(transparent)]
    File(#[from] LensFileError),
}

/// Why tokens are no candidates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CandidateError {
    /// One candidate is no question.
    #[error("there must be at least 2 candidates, not {found}")]
    TooFew {
        /// Candidates given.
        found: usize,
    },
    /// A token is named twice.
    #[error("token {token} is a candidate twice")]
    Twice {
        /// The token.
        token: TokenId,
    },
    /// A token is not in the vocabulary.
    #[error("token {token} is not in the vocabulary of {vocab}")]
    OutOfRange {
        /// The token.
        token: TokenId,
        /// Tokens that the model has.
        vocab: usize,
    },
    /// A word has no tokens.
    #[error("{word:?} has no tokens")]
    NoToken {
        /// The word.
        word: String,
    },
    /// Two words begin with the same token, and could not be told apart.
    #[error("{one:?} and {other:?} both begin with token {token}")]
    Collide {
        /// The word named first.
        one: String,
        /// The other.
        other: String,
        /// Their first token.
        token: TokenId,
    },
    /// A word could not be split into tokens.
    #[cfg(feature = "text")]
    #[error("{word:?} cannot be split into tokens")]
    Word {
        /// The word.
        word: String,
        /// Why.
        #[source]
        source: crate::text::TokenizerError,
    },
    /// The model could not be asked for its rows.
    #[error(transparent)]
    Model(#[from] ModelError),
}

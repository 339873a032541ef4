use crate::TokenId;

/// Why a session could not go on.
///
/// A refused argument ([`EmptyPrompt`](Self::EmptyPrompt), [`TokenOutOfRange`](Self::TokenOutOfRange),
/// [`TooLong`](Self::TooLong)) leaves the session as it was; every other error poisons it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError<E> {
    /// No token was given.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// A token is not in the vocabulary.
    #[error("token {token} at position {position} of the input is not below the vocabulary size {vocab}")]
    TokenOutOfRange {
        /// The token.
        token: TokenId,
        /// Its index in the slice that was given.
        position: usize,
        /// The vocabulary size.
        vocab: usize,
    },
    /// The sequence would outgrow the model's positions.
    #[error("{needed} positions are needed and the model has {max}")]
    TooLong {
        /// Positions needed.
        needed: usize,
        /// Positions there are.
        max: usize,
    },
    /// The last layer's head gave NaN or infinity.
    #[error("the output of layer {layer} of {layer} is not finite")]
    NotFinite {
        /// The last layer, counted from 1.
        layer: usize,
    },
    /// An earlier call on this session failed half-way.
    #[error("the session failed earlier and cannot go on")]
    Poisoned,
    /// The policy is for another model.
    #[error(transparent)]
    Policy(#[from] PolicyMismatch),
    /// The model failed.
    #[error("the model failed")]
    Model(#[source] E),
}

/// Why a policy refuses a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyMismatch {
    /// Made for another number of layers.
    #[error("the policy is for {policy} layers and the model has {model}")]
    Layers {
        /// The policy's count.
        policy: usize,
        /// The model's count.
        model: usize,
    },
    /// Made for other weights, or for another lens.
    #[error("the policy is for the weights {policy} and the model's are {model}")]
    Weights {
        /// The policy's fingerprint.
        policy: String,
        /// The model's fingerprint.
        model: String,
    },
    /// It would look after a layer that the model does not have.
    #[error("the policy looks after layer {layer} and the model's layers are 1 to {layers}")]
    NoSuchLayer {
        /// The layer, counted from 1.
        layer: usize,
        /// The model's layer count.
        layers: usize,
    },
}

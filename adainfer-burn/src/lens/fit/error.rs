use crate::{LensError, ModelError};

/// Why a lens cannot be fitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LensFitError {
    /// The first layer is none that a lens has a map for.
    #[error("maps can begin after layer 1 to {}, not {layer}", layers.saturating_sub(1))]
    From {
        /// The layer asked for.
        layer: usize,
        /// The model's layers.
        layers: usize,
    },
    /// A weight of the ridge that is not one, or none at all.
    #[error("the weights of the ridge must be finite and above 0, at least one of them; found {found:?}")]
    Ridge {
        /// The first bad one; `None` where there is none at all.
        found: Option<f64>,
    },
    /// A share that leaves nothing to fit on or to hold out.
    #[error("the share held out must be between 0 and 1, not {found}")]
    HeldOut {
        /// The share asked for.
        found: f64,
    },
    /// Too few prompts for a choice on held-out ones to mean anything.
    #[error("{found} prompts are too few: a lens needs {needed}, and does better with a few hundred")]
    TooFewPrompts {
        /// Prompts given.
        found: usize,
        /// Prompts needed.
        needed: usize,
    },
    /// Two prompts have one name.
    #[error("two prompts are called {prompt:?}")]
    Twice {
        /// The name.
        prompt: String,
    },
    /// A prompt without a position to look at.
    #[error("prompt {prompt:?} has no position to look at")]
    NoPosition {
        /// The prompt.
        prompt: String,
    },
    /// A position that the prompt does not have.
    #[error("prompt {prompt:?} has {tokens} tokens, and no position {position}")]
    Position {
        /// The prompt.
        prompt: String,
        /// The position, counted from 0.
        position: usize,
        /// Its tokens.
        tokens: usize,
    },
    /// A weight that is not one.
    #[error(
        "the weight of position {position} of prompt {prompt:?} must be finite and above 0, not {weight}"
    )]
    Weight {
        /// The prompt.
        prompt: String,
        /// The position, counted from 0.
        position: usize,
        /// The weight.
        weight: f64,
    },
    /// The model's states on a prompt are not finite.
    #[error("the states of prompt {prompt:?} after layer {layer} are not finite")]
    NotFinite {
        /// The prompt.
        prompt: String,
        /// The layer, counted from 1.
        layer: usize,
    },
    /// All held-out final states are the same: nothing can be learned from them.
    #[error(
        "the final states of the held-out prompts do not differ, so the map after layer {layer} cannot be judged"
    )]
    Constant {
        /// The layer, counted from 1.
        layer: usize,
    },
    /// The equations have no solution in f64 with any of the ridges.
    #[error("the equations of layer {layer} have no solution with any of the ridges")]
    NoSolution {
        /// The layer, counted from 1.
        layer: usize,
    },
    /// The model could not run a prompt.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The maps that were found are none.
    #[error(transparent)]
    Lens(#[from] LensError),
}

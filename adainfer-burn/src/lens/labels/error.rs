use adainfer_core::TokenId;

use crate::lens::LensFileError;
use crate::{CandidateError, ModelError};

/// Why there is no such label probe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelProbeError {
    /// The tokens cannot stand for labels.
    #[error("these tokens cannot stand for labels")]
    Labels(#[source] CandidateError),
    /// A layer that the model does not have.
    #[error("a label probe has no map after layer {layer}: the model's layers are 1 to {layers}")]
    Layer {
        /// The layer, counted from 1.
        layer: usize,
        /// The model's layers.
        layers: usize,
    },
    /// A map's tensor does not fit the labels and the width.
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
    /// The probe is for a model of another width.
    #[error("the probe is for hidden states of width {probe} and the model's have {model}")]
    Width {
        /// The probe's.
        probe: usize,
        /// The model's.
        model: usize,
    },
    /// The probe was fitted for another model.
    #[error("the probe is for model {probe} and this is {model}")]
    OtherModel {
        /// Fingerprint that the probe names.
        probe: String,
        /// The model's.
        model: String,
    },
    /// The probe cannot answer where no exit came.
    #[error("the probe has no map after the last layer, {layers}, and could not answer there")]
    NoLast {
        /// The model's layers.
        layers: usize,
    },
    /// A number that fitting is told is out of its range.
    #[error("{name} must be {must}, not {found}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// Its range.
        must: &'static str,
        /// Its value.
        found: f64,
    },
    /// Too few prompts with one of the labels.
    #[error("label {token} has {found} prompts and needs {needed}, and does better with a hundred")]
    TooFewPrompts {
        /// The token that stands for the label.
        token: TokenId,
        /// Its prompts.
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
    /// A prompt without a token.
    #[error("prompt {prompt:?} has no token")]
    NoToken {
        /// The prompt.
        prompt: String,
    },
    /// The model's states on a prompt are not finite.
    #[error("the state of prompt {prompt:?} after layer {layer} is not finite")]
    State {
        /// The prompt.
        prompt: String,
        /// The layer, counted from 1.
        layer: usize,
    },
    /// The regression of a layer failed.
    #[error("the regression of layer {layer} failed: {reason}")]
    Solver {
        /// The layer, counted from 1.
        layer: usize,
        /// What its library said.
        reason: String,
    },
    /// The model could not run a prompt.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The probe could not be read or written.
    #[error(transparent)]
    File(#[from] LensFileError),
}

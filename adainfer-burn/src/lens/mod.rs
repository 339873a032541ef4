//! Lenses: what stands between a layer's hidden state and the model's own head.

mod candidates;
mod error;
mod file;
#[cfg(feature = "fit")]
mod fit;
mod linear;
mod placed;
mod rows;
mod states;
mod words;

pub use candidates::{CandidateHead, Candidates};
pub use error::{CandidateError, LensError};
#[cfg(feature = "fit")]
pub use fit::{LensFitError, LensProgress, LensPrompt, LensReport, LinearLensParams};
pub use linear::{LayerMap, LensQuality, LinearLens};
pub(crate) use placed::PlacedLens;
pub use rows::CandidateRows;
pub use states::LensModel;
#[cfg(feature = "text")]
pub use words::first_tokens;
pub use words::most_frequent;

/// Beside the mean square in a lens's root-mean-square norm: a state of zeros has one too.
pub(crate) const EPSILON: f64 = 1e-6;

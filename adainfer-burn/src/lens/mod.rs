//! Lenses: what stands between a layer's hidden state and the model's own head.

use sha2::{Digest, Sha256};

mod candidates;
mod error;
mod file;
#[cfg(feature = "fit")]
mod fit;
mod labels;
mod linear;
mod placed;
mod rows;
mod saved;
mod states;
mod words;

pub use candidates::{CandidateHead, Candidates};
pub use error::{CandidateError, LensError};
pub use file::LensFileError;
#[cfg(feature = "fit")]
pub use fit::{LensFitError, LensProgress, LensPrompt, LensReport, LinearLensParams};
pub use labels::{
    LabelMap, LabelProbe, LabelProbeError, LabelQuality, Labelled, LabelledHidden, LabelledLogits,
    LabelledState,
};
#[cfg(feature = "fit")]
pub use labels::{LabelProbeParams, LabelProbeReport, LabelledPrompt};
pub use linear::{LayerMap, LensQuality, LinearLens};
pub(crate) use placed::PlacedLens;
pub use rows::CandidateRows;
pub use states::LensModel;
#[cfg(feature = "text")]
pub use words::first_tokens;
pub use words::most_frequent;

/// Beside the mean square in a lens's root-mean-square norm: a state of zeros has one too.
pub(crate) const EPSILON: f64 = 1e-6;

/// x at a root mean square of 1, as the maps of lenses and label probes have it.
fn level(x: &[f32]) -> impl Iterator<Item = f64> {
    let mean_square = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64;
    let scale = 1.0 / (mean_square + EPSILON).sqrt();
    x.iter().map(move |x| f64::from(*x) * scale)
}

/// A hash in hexadecimal.
fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

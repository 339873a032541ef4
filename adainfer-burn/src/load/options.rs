use std::fmt;

use super::Progress;
use crate::{Dtype, WeightFormat};

/// How a model is loaded, beyond from where and onto what.
///
/// ```no_run
/// use adainfer_burn::{AnyModel, Dtype, LoadOptions};
///
/// let mut report = |p: adainfer_burn::Progress<'_>| eprintln!("{} of {} weights", p.done, p.total);
/// let options = LoadOptions::new().dtype(Dtype::F16).progress(&mut report);
/// let model = AnyModel::open_with("Llama-2-7b-hf", &"cuda:0".parse()?, options)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct LoadOptions<'a> {
    pub(crate) dtype: Dtype,
    pub(crate) weights: WeightFormat,
    pub(crate) screened_head: bool,
    pub(crate) progress: Option<&'a mut dyn FnMut(Progress<'_>)>,
}

impl<'a> LoadOptions<'a> {
    /// In f32, silently.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number format on the device, whatever the files hold.
    #[must_use]
    pub fn dtype(mut self, dtype: Dtype) -> Self {
        self.dtype = dtype;
        self
    }

    /// How matrices are held; in floating point unless said otherwise.
    #[must_use]
    pub fn weights(mut self, format: WeightFormat) -> Self {
        self.weights = format;
        self
    }

    /// Whether a head held in floating point is kept in 8 bits too, on the CPU backends: a look then finds the 64
    /// likeliest tokens there, in about a third of the time, and scores those alone exactly. The scores of all others
    /// are off by what 8 bits are, and so is, slightly, the sum that probabilities are divided by.
    #[must_use]
    pub fn screened_head(mut self, screened: bool) -> Self {
        self.screened_head = screened;
        self
    }

    /// Whom to tell, before each tensor and once at the end, how much has been read.
    #[must_use]
    pub fn progress(mut self, progress: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        self.progress = Some(progress);
        self
    }
}

impl fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions")
            .field("dtype", &self.dtype)
            .field("weights", &self.weights)
            .field("screened_head", &self.screened_head)
            .finish_non_exhaustive()
    }
}

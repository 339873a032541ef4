//! One type for the models of every backend: the device is chosen when the program runs.

use std::ops::Range;
use std::path::Path;

use adainfer_core::{Extras, LayeredModel, ModelSpec, Probe, TokenId};

use super::moving::{HostHidden, HostLogits};
use crate::model::Identity;
use crate::{
    CandidateHead, CandidateRows, Device, Hidden, LensError, LensModel, LinearLens, LoadError, LoadOptions,
    Logits, Model, ModelError, State, backend,
};

/// Writes [`AnyModel`] and what belongs to it, with one variant a backend.
macro_rules! any {
    ($($feature:literal $name:ident $backend:ty, $device:pat => $open:expr;)+) => {
        /// A model on a device that was named when the program ran.
        ///
        /// What it does is what [`Model`] does, on the backend of its device; programs for one backend
        /// use that directly. A clone shares the weights.
        ///
        /// ```no_run
        /// use adainfer_burn::AnyModel;
        /// use adainfer_core::{EarlyExit, Never};
        ///
        /// let model = AnyModel::open("SmolLM2-135M-Instruct.Q4_1.gguf", &"cpu".parse()?)?;
        /// let step = EarlyExit::new(&model, Never)?.session()?.feed(&[504, 3575, 282])?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum AnyModel {
            $(#[doc = concat!("On the backend `", $feature, "`.")]
            #[cfg(feature = $feature)]
            $name(Model<$backend>),)+
        }

        /// The state of an [`AnyModel`].
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum AnyState {
            $(#[doc = concat!("On the backend `", $feature, "`.")]
            #[cfg(feature = $feature)]
            $name(State<$backend>),)+
        }

        /// The hidden states of an [`AnyModel`].
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum AnyHidden {
            $(#[doc = concat!("On the backend `", $feature, "`.")]
            #[cfg(feature = $feature)]
            $name(Hidden<$backend>),)+
        }

        /// The logits of an [`AnyModel`].
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum AnyLogits {
            $(#[doc = concat!("On the backend `", $feature, "`.")]
            #[cfg(feature = $feature)]
            $name(Logits<$backend>),)+
        }

        /// Rows of the head of an [`AnyModel`].
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum AnyRows {
            $(#[doc = concat!("On the backend `", $feature, "`.")]
            #[cfg(feature = $feature)]
            $name(CandidateRows<$backend>),)+
        }

        impl AnyModel {
            /// Opens a model on a device, as [`Model::open`] does.
            ///
            /// # Errors
            /// As [`Model::open`], and [`LoadError::Device`] where there is no such device.
            pub fn open(path: impl AsRef<Path>, device: &Device) -> Result<Self, LoadError> {
                Self::open_with(path, device, LoadOptions::new())
            }

            /// As [`open`](Self::open), with options.
            ///
            /// # Errors
            /// As [`Model::open_with`], and [`LoadError::Device`] where there is no such device.
            pub fn open_with(
                path: impl AsRef<Path>,
                device: &Device,
                options: LoadOptions<'_>,
            ) -> Result<Self, LoadError> {
                match device {
                    $(#[cfg(feature = $feature)]
                    $device => Ok(Self::$name(Model::open_with(path, &$open?, options)?)),)+
                    #[allow(unreachable_patterns, reason = "where every backend is built")]
                    other => Err(other.not_in_this_build().into()),
                }
            }

            /// A model of a shape with weights that nobody trained; see [`Model::with_random_weights`].
            ///
            /// # Errors
            /// As [`Model::with_random_weights`], and [`LoadError::Device`] where there is no such device.
            pub fn with_random_weights(
                config: &str,
                seed: u64,
                device: &Device,
                options: LoadOptions<'_>,
            ) -> Result<Self, LoadError> {
                match device {
                    $(#[cfg(feature = $feature)]
                    $device => Ok(Self::$name(Model::with_random_weights(config, seed, &$open?, options)?)),)+
                    #[allow(unreachable_patterns, reason = "where every backend is built")]
                    other => Err(other.not_in_this_build().into()),
                }
            }

            /// The tokens that end a text; see [`Model::end_tokens`].
            pub fn end_tokens(&self) -> &[TokenId] {
                match self { $(#[cfg(feature = $feature)] Self::$name(model) => model.end_tokens(),)+ }
            }

            /// Text in and out; see [`Model::tokenizer`].
            ///
            /// # Errors
            /// As [`Model::tokenizer`].
            #[cfg(feature = "text")]
            pub fn tokenizer(&self) -> Result<&crate::text::Tokenizer, LoadError> {
                match self { $(#[cfg(feature = $feature)] Self::$name(model) => model.tokenizer(),)+ }
            }

            /// The same model with a fitted lens; see [`Model::with_lens`].
            ///
            /// # Errors
            /// As [`Model::with_lens`].
            pub fn with_lens(&self, lens: &LinearLens) -> Result<Self, LensError> {
                match self { $(#[cfg(feature = $feature)] Self::$name(model) => model.with_lens(lens).map(Self::$name),)+ }
            }

            /// How much each layer changes; see [`Model::block_influence`].
            ///
            /// # Errors
            /// As [`Model::block_influence`].
            pub fn block_influence(&self, tokens: &[TokenId]) -> Result<Vec<f32>, ModelError> {
                match self { $(#[cfg(feature = $feature)] Self::$name(model) => model.block_influence(tokens),)+ }
            }
        }

        impl AnyHidden {
            /// The numbers on the host; see [`Hidden::values`].
            ///
            /// # Errors
            /// As [`Hidden::values`].
            pub fn values(&self) -> Result<Vec<f32>, ModelError> {
                match self { $(#[cfg(feature = $feature)] Self::$name(hidden) => hidden.values(),)+ }
            }

            fn into_host(self) -> Result<HostHidden, ModelError> {
                match self { $(#[cfg(feature = $feature)] Self::$name(hidden) => hidden.into_host(),)+ }
            }
        }

        impl AnyLogits {
            fn into_host(self) -> Result<HostLogits, ModelError> {
                match self { $(#[cfg(feature = $feature)] Self::$name(logits) => logits.into_host(),)+ }
            }
        }

        /// What a part of a [`SplitModel`](crate::SplitModel) does beyond being a model.
        #[allow(unreachable_patterns, reason = "where one backend is built")]
        impl AnyModel {
            pub(crate) fn open_part(
                path: &Path,
                part: Range<usize>,
                mapped: usize,
                device: &Device,
                options: LoadOptions<'_>,
            ) -> Result<Self, LoadError> {
                match device {
                    $(#[cfg(feature = $feature)]
                    $device => Ok(Self::$name(Model::open_part(path, part, mapped, &$open?, options)?)),)+
                    other => Err(other.not_in_this_build().into()),
                }
            }

            pub(crate) fn with_lens_of(&self, lens: &LinearLens, whole: &ModelSpec) -> Result<Self, LensError> {
                match self {
                    $(#[cfg(feature = $feature)]
                    Self::$name(model) => model.with_lens_of(lens, whole).map(Self::$name),)+
                }
            }

            pub(crate) fn identity(&self) -> &Identity {
                match self { $(#[cfg(feature = $feature)] Self::$name(model) => &model.identity,)+ }
            }

            /// Makes a state ready for positions that another part embeds.
            pub(crate) fn expect(&self, positions: usize, state: &mut AnyState) -> Result<(), ModelError> {
                match (self, state) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyState::$name(state)) => Ok(model.expect(positions, state)),)+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            pub(crate) fn influence(
                &self,
                layer: usize,
                hidden: &mut AnyHidden,
                state: &mut AnyState,
            ) -> Result<f32, ModelError> {
                match (self, hidden, state) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(hidden), AnyState::$name(state)) => {
                        model.influence(layer, hidden, state)
                    })+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            /// Brings hidden states of another part to this one's device.
            pub(crate) fn receive(&self, hidden: AnyHidden) -> Result<AnyHidden, ModelError> {
                match (self, hidden) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(hidden)) => {
                        Ok(AnyHidden::$name(model.receive(hidden)))
                    })+
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), hidden) => {
                        Ok(AnyHidden::$name(model.receive_from_host(hidden.into_host()?)))
                    })+
                }
            }

            /// The same for logits.
            pub(crate) fn receive_logits(&self, logits: AnyLogits) -> Result<AnyLogits, ModelError> {
                match (self, logits) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyLogits::$name(logits)) => {
                        Ok(AnyLogits::$name(model.receive_logits(logits)))
                    })+
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), logits) => {
                        Ok(AnyLogits::$name(model.receive_logits_from_host(logits.into_host()?)))
                    })+
                }
            }
        }

        #[allow(unreachable_patterns, reason = "where one backend is built")]
        impl LensModel for AnyModel {
            fn hidden_size(&self) -> usize {
                match self { $(#[cfg(feature = $feature)] Self::$name(model) => model.hidden_size(),)+ }
            }

            /// None of another backend's states.
            fn positions(&self, hidden: &AnyHidden) -> usize {
                match (self, hidden) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(hidden)) => model.positions(hidden),)+
                    _ => 0,
                }
            }

            fn states(&self, hidden: &AnyHidden, positions: &[usize]) -> Result<Vec<f32>, ModelError> {
                match (self, hidden) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(hidden)) => model.states(hidden, positions),)+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            fn normed_states(&self, hidden: &AnyHidden, positions: &[usize]) -> Result<Vec<f32>, ModelError> {
                match (self, hidden) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(hidden)) => model.normed_states(hidden, positions),)+
                    _ => Err(ModelError::OtherBackend),
                }
            }
        }

        #[allow(unreachable_patterns, reason = "where one backend is built")]
        impl CandidateHead for AnyModel {
            type Rows = AnyRows;

            fn rows(&self, tokens: &[TokenId]) -> Result<AnyRows, ModelError> {
                match self {
                    $(#[cfg(feature = $feature)]
                    Self::$name(model) => model.rows(tokens).map(AnyRows::$name),)+
                }
            }

            fn head_of(&self, rows: &AnyRows, index: usize, hidden: &AnyHidden) -> Result<AnyLogits, ModelError> {
                match (self, rows, hidden) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyRows::$name(rows), AnyHidden::$name(hidden)) => {
                        model.head_of(rows, index, hidden).map(AnyLogits::$name)
                    })+
                    _ => Err(ModelError::OtherBackend),
                }
            }
        }

        #[allow(unreachable_patterns, reason = "where one backend is built")]
        impl LayeredModel for AnyModel {
            type State = AnyState;
            type Hidden = AnyHidden;
            type Logits = AnyLogits;
            type Error = ModelError;

            fn spec(&self) -> &ModelSpec {
                match self { $(#[cfg(feature = $feature)] Self::$name(model) => model.spec(),)+ }
            }

            fn start(&self, extras: Extras) -> Result<AnyState, ModelError> {
                match self {
                    $(#[cfg(feature = $feature)]
                    Self::$name(model) => model.start(extras).map(AnyState::$name),)+
                }
            }

            fn embed(&self, tokens: &[TokenId], state: &mut AnyState) -> Result<AnyHidden, ModelError> {
                match (self, state) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyState::$name(state)) => {
                        model.embed(tokens, state).map(AnyHidden::$name)
                    })+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            fn layer(
                &self,
                index: usize,
                hidden: AnyHidden,
                state: &mut AnyState,
            ) -> Result<AnyHidden, ModelError> {
                match (self, hidden, state) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(hidden), AnyState::$name(state)) => {
                        model.layer(index, hidden, state).map(AnyHidden::$name)
                    })+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            fn layer_at_last(
                &self,
                index: usize,
                hidden: AnyHidden,
                state: &mut AnyState,
            ) -> Result<AnyHidden, ModelError> {
                match (self, hidden, state) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(hidden), AnyState::$name(state)) => {
                        model.layer_at_last(index, hidden, state).map(AnyHidden::$name)
                    })+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            fn layer_each(
                &self,
                index: usize,
                batch: Vec<(AnyHidden, &mut AnyState)>,
            ) -> Result<Vec<AnyHidden>, ModelError> {
                match self {
                    $(#[cfg(feature = $feature)]
                    Self::$name(model) => {
                        let own = batch.into_iter().map(|pair| match pair {
                            (AnyHidden::$name(hidden), AnyState::$name(state)) => Ok((hidden, state)),
                            _ => Err(ModelError::OtherBackend),
                        });
                        let after = model.layer_each(index, own.collect::<Result<_, _>>()?)?;
                        Ok(after.into_iter().map(AnyHidden::$name).collect())
                    })+
                }
            }

            fn join(&self, earlier: AnyHidden, later: AnyHidden) -> Result<AnyHidden, ModelError> {
                match (self, earlier, later) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(earlier), AnyHidden::$name(later)) => {
                        model.join(earlier, later).map(AnyHidden::$name)
                    })+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            fn looks_after(&self, index: usize) -> bool {
                match self { $(#[cfg(feature = $feature)] Self::$name(model) => model.looks_after(index),)+ }
            }

            fn head(&self, index: usize, hidden: &AnyHidden) -> Result<AnyLogits, ModelError> {
                match (self, hidden) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyHidden::$name(hidden)) => {
                        model.head(index, hidden).map(AnyLogits::$name)
                    })+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            fn head_each(&self, index: usize, hidden: &[&AnyHidden]) -> Result<Vec<AnyLogits>, ModelError> {
                match self {
                    $(#[cfg(feature = $feature)]
                    Self::$name(model) => {
                        let own = hidden.iter().map(|hidden| match hidden {
                            AnyHidden::$name(hidden) => Ok(hidden),
                            _ => Err(ModelError::OtherBackend),
                        });
                        let logits = model.head_each(index, &own.collect::<Result<Vec<_>, _>>()?)?;
                        Ok(logits.into_iter().map(AnyLogits::$name).collect())
                    })+
                }
            }

            fn probe(&self, logits: &AnyLogits, previous: Option<&AnyLogits>) -> Result<Probe, ModelError> {
                match (self, logits) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyLogits::$name(logits)) => {
                        let previous = match previous {
                            None => None,
                            Some(AnyLogits::$name(previous)) => Some(previous),
                            Some(_) => return Err(ModelError::OtherBackend),
                        };
                        model.probe(logits, previous)
                    })+
                    _ => Err(ModelError::OtherBackend),
                }
            }

            fn values(&self, logits: &AnyLogits) -> Result<Vec<f32>, ModelError> {
                match (self, logits) {
                    $(#[cfg(feature = $feature)]
                    (Self::$name(model), AnyLogits::$name(logits)) => model.values(logits),)+
                    _ => Err(ModelError::OtherBackend),
                }
            }
        }
    };
}

any! {
    "flex" Flex backend::Flex, Device::Cpu => flex();
    "ndarray" NdArray backend::NdArray, Device::NdArray => ndarray();
    "wgpu" Wgpu backend::Wgpu, Device::Wgpu(index) => backend::wgpu_device(*index);
    "cuda" Cuda backend::Cuda, Device::Cuda(index) => backend::cuda_device(*index);
    "remote" Remote backend::Remote, Device::Remote(address) => backend::remote_device(address);
}

#[cfg(feature = "flex")]
fn flex() -> Result<backend::FlexDevice, LoadError> {
    Ok(Default::default())
}

#[cfg(feature = "ndarray")]
fn ndarray() -> Result<backend::NdArrayDevice, LoadError> {
    Ok(Default::default())
}

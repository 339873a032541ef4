#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[doc(inline)]
pub use adainfer_burn as burn;
#[doc(inline)]
pub use adainfer_core as core;
#[cfg(feature = "eval")]
#[doc(inline)]
pub use adainfer_eval as eval;
#[cfg(feature = "policies")]
#[doc(inline)]
pub use adainfer_policies as policies;

/// What most programs need: `use adainfer::prelude::*`.
pub mod prelude {
    #[cfg(any(
        feature = "flex",
        feature = "ndarray",
        feature = "wgpu",
        feature = "cuda",
        feature = "remote"
    ))]
    pub use adainfer_burn::{AnyModel, DeviceMap, SplitModel};
    pub use adainfer_burn::{Device, Dtype, LoadError, LoadOptions, Model, Progress, WeightFormat, backend};
    pub use adainfer_core::{
        Decision, EarlyExit, ExitPolicy, Extras, LayeredModel, Never, Observer, Probe, Recorder, Sampling,
        Session, Step, TokenId, Trace, Watch, policy_fn,
    };
    #[cfg(feature = "policies")]
    pub use adainfer_policies::{GapThreshold, StaticLayer, TopProbThreshold};
}

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod adaptors;
mod batch;
mod engine;
mod error;
mod generation;
mod lenses;
mod looks;
mod model;
mod observer;
mod policy;
mod probe;
mod sampling;
mod sequence;
mod session;
pub mod testing;
mod trace;
mod without_layers;

pub use engine::EarlyExit;
pub use error::{PolicyMismatch, RunError};
pub use generation::Generation;
pub use lenses::Lenses;
pub use model::{LayeredModel, ModelSpec, TokenId};
pub use observer::{Observer, Recorded, Recorder};
pub use policy::{Decision, ExitPolicy, Never, PolicyFn, Watch, policy_fn};
pub use probe::{Candidate, Extras, Probe, entropy, kl_divergence};
pub use sampling::{Sampler, Sampling, SamplingError};
pub use session::{Session, Step, StepResult};
pub use trace::{At, Memory, Trace};
pub use without_layers::{WithoutLayers, WithoutLayersError};

use std::sync::Arc;

use crate::adaptors::{And, AtLayers, EveryNth, Or, Patience, StartingAt, WarmUp};
use crate::{At, Extras, ModelSpec, PolicyMismatch, Trace};

/// A policy's answer after a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Run the next layer.
    Continue,
    /// The answer is settled: take the lens's top token.
    Exit,
}

impl Decision {
    /// `Exit` where `yes`.
    pub fn exit_if(yes: bool) -> Self {
        if yes { Self::Exit } else { Self::Continue }
    }

    /// Whether this is `Exit`.
    pub fn is_exit(self) -> bool {
        self == Self::Exit
    }
}

/// Decides after which layer a token's answer is settled.
///
/// A policy is a pure function of the [`Trace`]: it keeps nothing between calls, so threads share it,
/// recorded traces replay it, and a test needs no model. Layers are counted from 1. After the last
/// layer nothing is left to decide, and no policy is asked.
///
/// ```
/// use adainfer_core::{Decision, ExitPolicy, policy_fn};
///
/// let confident = policy_fn(|trace| Decision::exit_if(trace.last().gap() > 0.8));
/// // From layer 8 on, after every other layer, and only once two looks in a row agree.
/// let policy = confident.starting_at(8).every_nth(2).patience(2);
/// # let _ = policy;
/// ```
pub trait ExitPolicy {
    /// Decides from everything seen so far. A probe that is not finite never reaches a policy.
    fn decide(&self, trace: Trace<'_>) -> Decision;

    /// Whether to look here; asked before the head is paid for.
    fn wants(&self, _at: At) -> bool {
        true
    }

    /// The features that [`decide`](Self::decide) reads beyond the top two tokens.
    fn extras(&self) -> Extras {
        Extras::NONE
    }

    /// Refuses a model that this policy was not made for.
    ///
    /// # Errors
    /// What does not fit: layers, weights, lens.
    fn check(&self, _model: &ModelSpec) -> Result<(), PolicyMismatch> {
        Ok(())
    }

    /// Exits where both policies would; looks only where both do.
    fn and<P: ExitPolicy>(self, other: P) -> And<Self, P>
    where
        Self: Sized,
    {
        And::new(self, other)
    }

    /// Exits where either policy would, each asked only where it looks.
    fn or<P: ExitPolicy>(self, other: P) -> Or<Self, P>
    where
        Self: Sized,
    {
        Or::new(self, other)
    }

    /// Looks only from `layer` on.
    fn starting_at(self, layer: usize) -> StartingAt<Self>
    where
        Self: Sized,
    {
        StartingAt::new(self, layer)
    }

    /// Looks only after every `n`th layer: n, 2n, 3n, ...; `0` is read as `1`.
    fn every_nth(self, n: usize) -> EveryNth<Self>
    where
        Self: Sized,
    {
        EveryNth::new(self, n.max(1))
    }

    /// Looks only after the given layers; refuses a model that lacks one of them.
    fn at_layers(self, layers: impl IntoIterator<Item = usize>) -> AtLayers<Self>
    where
        Self: Sized,
    {
        AtLayers::new(self, layers)
    }

    /// Runs the first `tokens` tokens that a session decides in full.
    fn warm_up(self, tokens: usize) -> WarmUp<Self>
    where
        Self: Sized,
    {
        WarmUp::new(self, tokens)
    }

    /// Exits only once the last `n` probes agree on the token; `0` is read as `1`.
    fn patience(self, n: usize) -> Patience<Self>
    where
        Self: Sized,
    {
        Patience::new(self, n.max(1))
    }
}

// Object safety is part of the contract: policies chosen at run time are `Box<dyn ExitPolicy>`.
const _: fn(&dyn ExitPolicy) = |_| {};

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<P: ExitPolicy + ?Sized> ExitPolicy for $pointer {
            fn decide(&self, trace: Trace<'_>) -> Decision {
                (**self).decide(trace)
            }
            fn wants(&self, at: At) -> bool {
                (**self).wants(at)
            }
            fn extras(&self) -> Extras {
                (**self).extras()
            }
            fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
                (**self).check(model)
            }
        }
    )*};
}
forward!(&P, Box<P>, Arc<P>);

/// Never looks and never exits: the dense model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Never;

impl ExitPolicy for Never {
    fn decide(&self, _: Trace<'_>) -> Decision {
        Decision::Continue
    }
    fn wants(&self, _: At) -> bool {
        false
    }
}

/// Looks after every layer, with the extras it is given, and never exits: for recording traces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watch {
    extras: Extras,
}

impl Watch {
    /// Asks for `extras` with every probe.
    pub fn new(extras: Extras) -> Self {
        Self { extras }
    }
}

impl ExitPolicy for Watch {
    fn decide(&self, _: Trace<'_>) -> Decision {
        Decision::Continue
    }
    fn extras(&self) -> Extras {
        self.extras
    }
}

/// A policy made of a closure; see [`policy_fn`].
#[derive(Clone, Copy)]
pub struct PolicyFn<F>(F);

/// Makes a policy of a closure; it looks after every layer unless an adaptor narrows that.
pub fn policy_fn<F: Fn(Trace<'_>) -> Decision>(decide: F) -> PolicyFn<F> {
    PolicyFn(decide)
}

impl<F> std::fmt::Debug for PolicyFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PolicyFn")
    }
}

impl<F: Fn(Trace<'_>) -> Decision> ExitPolicy for PolicyFn<F> {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        (self.0)(trace)
    }
}

//! What the methods of [`ExitPolicy`] return: policies that wrap others.

use crate::{At, Decision, ExitPolicy, Extras, ModelSpec, PolicyMismatch, Trace};

/// See [`ExitPolicy::and`].
#[derive(Debug, Clone, Copy)]
pub struct And<A, B> {
    first: A,
    second: B,
}

impl<A, B> And<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: ExitPolicy, B: ExitPolicy> ExitPolicy for And<A, B> {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        Decision::exit_if(self.first.decide(trace).is_exit() && self.second.decide(trace).is_exit())
    }
    fn wants(&self, at: At) -> bool {
        self.first.wants(at) && self.second.wants(at)
    }
    fn extras(&self) -> Extras {
        self.first.extras().union(self.second.extras())
    }
    fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        self.first.check(model)?;
        self.second.check(model)
    }
}

/// See [`ExitPolicy::or`].
#[derive(Debug, Clone, Copy)]
pub struct Or<A, B> {
    first: A,
    second: B,
}

impl<A, B> Or<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

fn exits_where_it_looks(policy: &impl ExitPolicy, trace: Trace<'_>) -> bool {
    policy.wants(trace.at()) && policy.decide(trace).is_exit()
}

impl<A: ExitPolicy, B: ExitPolicy> ExitPolicy for Or<A, B> {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        Decision::exit_if(
            exits_where_it_looks(&self.first, trace) || exits_where_it_looks(&self.second, trace),
        )
    }
    fn wants(&self, at: At) -> bool {
        self.first.wants(at) || self.second.wants(at)
    }
    fn extras(&self) -> Extras {
        self.first.extras().union(self.second.extras())
    }
    fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        self.first.check(model)?;
        self.second.check(model)
    }
}

/// Adaptors that only narrow where the inner policy looks.
macro_rules! gate {
    ($(#[$doc:meta])* $name:ident { $field:ident }, $open:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name<P> {
            inner: P,
            $field: usize,
        }

        impl<P> $name<P> {
            pub(crate) fn new(inner: P, $field: usize) -> Self {
                Self { inner, $field }
            }
        }

        impl<P: ExitPolicy> ExitPolicy for $name<P> {
            fn decide(&self, trace: Trace<'_>) -> Decision {
                self.inner.decide(trace)
            }
            fn wants(&self, at: At) -> bool {
                let open: fn(usize, At) -> bool = $open;
                open(self.$field, at) && self.inner.wants(at)
            }
            fn extras(&self) -> Extras {
                self.inner.extras()
            }
            fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
                self.inner.check(model)
            }
        }
    };
}
gate!(/// See [`ExitPolicy::starting_at`].
    StartingAt { layer }, |layer, at| at.layer >= layer);
gate!(/// See [`ExitPolicy::every_nth`].
    EveryNth { n }, |n, at| at.layer.is_multiple_of(n));
gate!(/// See [`ExitPolicy::warm_up`].
    WarmUp { tokens }, |tokens, at| at.produced >= tokens);

/// See [`ExitPolicy::at_layers`].
#[derive(Debug, Clone)]
pub struct AtLayers<P> {
    inner: P,
    layers: Vec<usize>,
}

impl<P> AtLayers<P> {
    pub(crate) fn new(inner: P, layers: impl IntoIterator<Item = usize>) -> Self {
        let mut layers: Vec<usize> = layers.into_iter().collect();
        layers.sort_unstable();
        layers.dedup();
        Self { inner, layers }
    }
}

impl<P: ExitPolicy> ExitPolicy for AtLayers<P> {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        self.inner.decide(trace)
    }
    fn wants(&self, at: At) -> bool {
        self.layers.binary_search(&at.layer).is_ok() && self.inner.wants(at)
    }
    fn extras(&self) -> Extras {
        self.inner.extras()
    }
    fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        // Sorted: if one is out of range, the first or the last is.
        for &layer in self.layers.first().into_iter().chain(self.layers.last()) {
            if !(1..=model.layers).contains(&layer) {
                return Err(PolicyMismatch::NoSuchLayer { layer, layers: model.layers });
            }
        }
        self.inner.check(model)
    }
}

/// See [`ExitPolicy::patience`].
#[derive(Debug, Clone, Copy)]
pub struct Patience<P> {
    inner: P,
    n: usize,
}

impl<P> Patience<P> {
    pub(crate) fn new(inner: P, n: usize) -> Self {
        Self { inner, n }
    }
}

impl<P: ExitPolicy> ExitPolicy for Patience<P> {
    fn decide(&self, trace: Trace<'_>) -> Decision {
        let token = trace.last().top.token;
        let agreeing = trace.iter().rev().take_while(|probe| probe.top.token == token).count();
        if agreeing >= self.n { self.inner.decide(trace) } else { Decision::Continue }
    }
    fn wants(&self, at: At) -> bool {
        self.inner.wants(at)
    }
    fn extras(&self) -> Extras {
        self.inner.extras()
    }
    fn check(&self, model: &ModelSpec) -> Result<(), PolicyMismatch> {
        self.inner.check(model)
    }
}

//! The unit tests of what the examples share.

#[path = "../examples/support/mod.rs"]
mod support;

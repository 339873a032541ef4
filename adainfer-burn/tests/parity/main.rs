//! The reference implementation's numbers, on every backend that this build has. A backend whose device is
//! not there has its tests listed as ignored, with the reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod backends;
mod golden;
mod goldens;
#[cfg(feature = "remote")]
mod server;
mod variants;

use std::process::ExitCode;
use std::sync::Arc;

use backends::{Tested, for_each_backend};
use libtest_mimic::{Arguments, Trial, run};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    macro_rules! add {
        ($backend:ty) => {
            trials.extend(trials_on::<$backend>());
        };
    }
    for_each_backend!(add);
    run(&Arguments::from_args(), trials).exit_code()
}

fn trials_on<B: Tested>() -> Vec<Trial> {
    let device = B::find().map(Arc::new);
    let trial = |name: &str, check: Box<dyn FnOnce(&B::Device) + Send>| {
        let name = format!("{}::{name}", B::NAME);
        match &device {
            Ok(device) => {
                let device = Arc::clone(device);
                Trial::test(name, move || {
                    check(&device);
                    Ok(())
                })
            }
            Err(reason) => Trial::test(name, || Ok(())).with_ignored_flag(true).with_kind(reason),
        }
    };
    let goldens = goldens::checks::<B>()
        .into_iter()
        .map(|(name, check)| trial(name, Box::new(move |device| goldens::each::<B>(device, check))));
    let variants = [
        trial("variants_are_the_reference", Box::new(variants::variants_are_the_reference::<B>)),
        trial(
            "a_text_longer_than_the_window_of_attention_is_refused",
            Box::new(variants::a_text_longer_than_the_window_of_attention_is_refused::<B>),
        ),
    ];
    goldens.chain(variants).collect()
}

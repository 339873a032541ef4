//! The reference implementation's numbers, on every device that this build knows. Where one is not there,
//! its tests are listed as ignored, with the reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod golden;
mod goldens;
#[cfg(feature = "serve")]
mod server;
mod targets;
mod variants;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial, run};
use targets::{Target, targets};

fn main() -> ExitCode {
    let trials = targets().into_iter().flat_map(|(target, there)| trials(Arc::new(target), there)).collect();
    run(&Arguments::from_args(), trials).exit_code()
}

fn trials(target: Arc<Target>, there: Result<(), String>) -> Vec<Trial> {
    let trial = |name: &str, check: Box<dyn FnOnce(&Target) + Send>| {
        let (name, target) = (format!("{}::{name}", target.name), Arc::clone(&target));
        match &there {
            Ok(()) => Trial::test(name, move || {
                check(&target);
                Ok(())
            }),
            Err(reason) => Trial::test(name, || Ok(())).with_ignored_flag(true).with_kind(reason),
        }
    };
    if target.devices.len() > 1 {
        let split = goldens::checks().into_iter();
        return split
            .map(|(name, check)| trial(name, Box::new(move |t| goldens::each_split(t, check))))
            .collect();
    }
    let goldens = goldens::checks().into_iter();
    goldens
        .map(|(name, check)| trial(name, Box::new(move |target| goldens::each(target, check))))
        .chain([
            trial("variants_are_the_reference", Box::new(variants::variants_are_the_reference)),
            trial(
                "a_text_longer_than_the_window_of_attention_is_refused",
                Box::new(variants::a_text_longer_than_the_window_of_attention_is_refused),
            ),
        ])
        .collect()
}

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

use adainfer_burn::Dtype;
use libtest_mimic::{Arguments, Trial, run};
use targets::{Target, opens, targets};

fn main() -> ExitCode {
    let trials = targets().into_iter().flat_map(|(target, there)| trials(Arc::new(target), there)).collect();
    run(&Arguments::from_args(), trials).exit_code()
}

fn trials(target: Arc<Target>, there: Result<(), String>) -> Vec<Trial> {
    let trial = |name: String, there: &Result<(), String>, check: Box<dyn FnOnce(&Target) + Send>| {
        let (name, target) = (format!("{}::{name}", target.name), Arc::clone(&target));
        match there {
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
            .map(|(name, check)| {
                trial(name.to_owned(), &there, Box::new(move |target| goldens::each_split(target, check)))
            })
            .collect();
    }
    let goldens = goldens::checks().into_iter().map(|(name, check)| {
        trial(name.to_owned(), &there, Box::new(move |target| goldens::each(target, check)))
    });
    let half = [Dtype::F16, Dtype::Bf16].map(|dtype| {
        let there = there.clone().and_then(|()| opens(&target.devices[0], dtype));
        let check = move |target: &Target| goldens::half_precision_is_near_the_reference(target, dtype);
        trial(format!("{dtype}_is_near_the_reference"), &there, Box::new(check))
    });
    let variants = [
        trial("variants_are_the_reference".into(), &there, Box::new(variants::variants_are_the_reference)),
        trial(
            "a_text_longer_than_the_window_of_attention_is_refused".into(),
            &there,
            Box::new(variants::a_text_longer_than_the_window_of_attention_is_refused),
        ),
    ];
    goldens.chain(half).chain(variants).collect()
}

//! The reference implementation's numbers, on every device that this build knows. Where one is not there,
//! its tests are listed as ignored, with the reason.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod golden;
mod goldens;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod operations;
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

type Check = Box<dyn FnOnce(&Target) + Send>;

fn trials(target: Arc<Target>, there: Result<(), String>) -> Vec<Trial> {
    let trial = |name: String, there: &Result<(), String>, check: Check| {
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
            "logits_that_overflow_are_an_error".into(),
            &there,
            Box::new(variants::logits_that_overflow_are_an_error),
        ),
        trial(
            "a_text_longer_than_the_window_of_attention_is_refused".into(),
            &there,
            Box::new(variants::a_text_longer_than_the_window_of_attention_is_refused),
        ),
    ];
    let kernels =
        kernels(&target).map(|check| trial("operations_are_those_of_the_cpu".into(), &there, check));
    goldens.chain(half).chain(variants).chain(kernels).collect()
}

/// The check of a backend that has kernels of our own.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn kernels(target: &Target) -> Option<Check> {
    use adainfer_burn::{Device, backend};
    use operations::operations_are_those_of_the_cpu as check;

    match *target.devices.first()? {
        #[cfg(feature = "wgpu")]
        Device::Wgpu(index) => {
            Some(Box::new(move |_| check::<backend::Wgpu>(&backend::wgpu_device(index).unwrap())))
        }
        #[cfg(feature = "cuda")]
        Device::Cuda(index) => {
            Some(Box::new(move |_| check::<backend::Cuda>(&backend::cuda_device(index).unwrap())))
        }
        _ => None,
    }
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn kernels(_: &Target) -> Option<Check> {
    None
}

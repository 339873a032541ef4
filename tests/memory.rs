//! Opening a model takes little more memory than its weights in f32.
//!
//! A file of its own, so that a process of its own: the peak is the whole process's.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::Write;

/// Peak resident memory of this process, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn loading_the_gguf_peaks_at_its_f32_weights_and_a_tenth() {
    let required = std::env::var_os("ADAINFER_REQUIRE_MODEL").is_some_and(|value| value == "1");
    let Some(path) = support::find_local(None).unwrap() else {
        assert!(!required, "ADAINFER_REQUIRE_MODEL is 1 and the model was not found");
        writeln!(std::io::stderr(), "skipped: model not found").unwrap();
        return;
    };
    let mut weights = 0;
    let model = adainfer::burn::Model::<adainfer::burn::backend::Flex>::open_with(
        path,
        &Default::default(),
        &mut |progress: adainfer::burn::Progress<'_>| weights = progress.total,
    )
    .unwrap();
    let (peak, allowed) = (peak(), weights * 4 + weights * 4 / 10);
    let megabytes = |bytes: u64| bytes >> 20;
    writeln!(
        std::io::stderr(),
        "peak {} MiB, weights {} MiB, allowed {} MiB",
        megabytes(peak),
        megabytes(weights * 4),
        megabytes(allowed)
    )
    .unwrap();
    assert!(peak <= allowed, "{} MiB are more than {}", megabytes(peak), megabytes(allowed));
    drop(model);
}

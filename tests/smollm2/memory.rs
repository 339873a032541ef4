//! Opening a model takes little more memory than its weights in f32.

use std::process::Command;

use adainfer::burn::{LoadOptions, Model, Progress, backend};

/// Set in the process that is measured.
const MEASURE: &str = "ADAINFER_MEASURE_MEMORY";

/// Peak resident memory of this process, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// The peak is a whole process's: so this test runs itself again, alone.
#[test]
fn opening_peaks_at_the_f32_weights_and_a_tenth() {
    if std::env::var_os(MEASURE).is_some() {
        return measure();
    }
    if super::model_path().is_none() {
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::opening_peaks_at_the_f32_weights_and_a_tenth", "--nocapture"])
        .env(MEASURE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    let said = |word: &str| text.lines().find_map(|line| line.strip_prefix(word)?.trim().parse::<u64>().ok());
    let (Some(peak), Some(weights)) = (said("peak "), said("weights ")) else {
        panic!("{text}{}", String::from_utf8_lossy(&child.stderr));
    };
    let allowed = weights + weights / 10;
    assert!(peak <= allowed, "{peak} bytes for {weights} bytes of weights: more than {allowed}");
}

fn measure() {
    let mut weights = 0;
    let report = &mut |progress: Progress<'_>| weights = progress.total * 4;
    let path = super::model_path().unwrap();
    let options = LoadOptions::new().progress(report);
    let model = Model::<backend::Flex>::open_with(path, &Default::default(), options).unwrap();
    println!("\npeak {}\nweights {weights}", peak());
    drop(model);
}

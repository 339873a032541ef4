//! Opening a model takes little more memory than its weights.

use std::process::Command;

use adainfer::burn::{LoadOptions, Model, Progress, WeightFormat, backend};

/// Set to a weight format in the process that is measured.
const MEASURE: &str = "ADAINFER_MEASURE_MEMORY";

/// Peak resident memory of this process, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn opening_peaks_at_the_f32_weights_and_a_tenth() {
    let test = "memory::opening_peaks_at_the_f32_weights_and_a_tenth";
    let Some((peak, weights)) = measured(WeightFormat::Float, test) else { return };
    let allowed = weights + weights / 10;
    assert!(peak <= allowed, "{peak} bytes for {weights} bytes of weights: more than {allowed}");
}

#[test]
fn opening_stored_blocks_peaks_at_one_and_a_half_times_the_file() {
    let test = "memory::opening_stored_blocks_peaks_at_one_and_a_half_times_the_file";
    let Some((peak, _)) = measured(WeightFormat::Stored, test) else { return };
    let file = std::fs::metadata(super::model_path().unwrap()).unwrap().len();
    assert!(2 * peak <= 3 * file, "{peak} bytes for a file of {file}");
}

/// Peak memory of opening the model, and what its weights take in f32. The peak is a whole process's: so the test
/// of this name runs itself again, alone, and ends there.
fn measured(format: WeightFormat, test: &str) -> Option<(u64, u64)> {
    if let Ok(format) = std::env::var(MEASURE) {
        measure(format.parse().unwrap());
        return None;
    }
    super::model_path()?;
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MEASURE, format.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    let said = |word: &str| text.lines().find_map(|line| line.strip_prefix(word)?.trim().parse::<u64>().ok());
    let (Some(peak), Some(weights)) = (said("peak "), said("weights ")) else {
        unreachable!("{text}{}", String::from_utf8_lossy(&child.stderr));
    };
    println!("{format}: a peak of {peak} bytes");
    Some((peak, weights))
}

fn measure(format: WeightFormat) {
    let mut weights = 0;
    let report = &mut |progress: Progress<'_>| weights = progress.total * 4;
    let path = super::model_path().unwrap();
    let options = LoadOptions::new().weights(format).progress(report);
    let model = Model::<backend::Flex>::open_with(path, &Default::default(), options).unwrap();
    println!("\npeak {}\nweights {weights}", peak());
    drop(model);
}

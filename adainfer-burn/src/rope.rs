//! Rotary position embedding: its frequencies, and the table of their cosines and sines.

use burn_tensor::{Tensor, TensorData};

use crate::ops::Ops;

/// How the frequencies of long-context models are changed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RopeScaling {
    /// Not at all.
    None,
    /// All divided by one factor.
    Linear { factor: f64 },
    /// Llama 3: low ones divided, high ones kept, those between blended.
    Llama3 { factor: f64, low_frequency_factor: f64, high_frequency_factor: f64, original_positions: f64 },
    /// Each divided by its own factor, as GGUF files store Llama 3's.
    Factors(Vec<f32>),
}

/// Angles a position for each pair of a head's elements; half as many as the head is wide.
///
/// In f32 from here on, as the reference implementation computes them.
pub(crate) fn frequencies(width: usize, theta: f64, scaling: &RopeScaling) -> Vec<f32> {
    let plain = (0..width / 2).map(|i| theta.powf(-2.0 * i as f64 / width as f64));
    match scaling {
        RopeScaling::None => plain.map(|f| f as f32).collect(),
        RopeScaling::Linear { factor } => plain.map(|f| (f / factor) as f32).collect(),
        RopeScaling::Llama3 { .. } => plain.map(|f| llama3(f, scaling) as f32).collect(),
        RopeScaling::Factors(factors) => {
            plain.zip(factors).map(|(f, factor)| (f / f64::from(*factor)) as f32).collect()
        }
    }
}

fn llama3(frequency: f64, scaling: &RopeScaling) -> f64 {
    let RopeScaling::Llama3 { factor, low_frequency_factor, high_frequency_factor, original_positions } =
        scaling
    else {
        return frequency;
    };
    // How many turns the pair makes over the original context.
    let turns = original_positions * frequency / std::f64::consts::TAU;
    if turns < *low_frequency_factor {
        frequency / factor
    } else if turns > *high_frequency_factor {
        frequency
    } else {
        let kept = (turns - low_frequency_factor) / (high_frequency_factor - low_frequency_factor);
        (1.0 - kept) * frequency / factor + kept * frequency
    }
}

/// Positions whose angles a new table holds at least: 1 MiB for a head of 64, done in milliseconds.
const FIRST_POSITIONS: usize = 2048;

/// Cosines and sines of all angles, up to some position; a clone is cheap.
#[derive(Debug, Clone)]
pub(crate) struct RopeTable<B: Ops> {
    /// [positions, width / 2].
    cos: Tensor<B, 2>,
    sin: Tensor<B, 2>,
}

impl<B: Ops> RopeTable<B> {
    pub(crate) fn new(frequencies: &[f32], positions: usize, device: &B::Device) -> Self {
        let positions = positions.max(FIRST_POSITIONS);
        let angle = |i: usize| (i / frequencies.len()) as f32 * frequencies[i % frequencies.len()];
        let table = |f: fn(f32) -> f32| {
            let values: Vec<f32> = (0..positions * frequencies.len()).map(|i| f(angle(i))).collect();
            Tensor::from_data(TensorData::new(values, [positions, frequencies.len()]), device)
        };
        Self { cos: table(f32::cos), sin: table(f32::sin) }
    }

    /// Positions covered.
    pub(crate) fn positions(&self) -> usize {
        self.cos.dims()[0]
    }

    /// Rotates the heads of positions that begin at `start`; [positions, heads width] in and out.
    pub(crate) fn rotate(&self, x: Tensor<B, 2>, start: usize) -> Tensor<B, 2> {
        let [positions, _] = x.dims();
        let rows = |table: &Tensor<B, 2>| table.clone().narrow(0, start, positions);
        B::rotate(x, &rows(&self.cos), &rows(&self.sin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_scaling_divides_every_frequency() {
        let plain = frequencies(8, 10_000.0, &RopeScaling::None);
        assert_eq!(plain, [1.0, 0.1, 0.01, 0.001]);
        assert_eq!(frequencies(8, 10_000.0, &RopeScaling::Linear { factor: 4.0 })[1], 0.025);
    }

    #[test]
    fn llama3_scaling_keeps_high_frequencies_and_divides_low_ones() {
        // Llama 3.1's own numbers, whose frequencies transformers 5 gives for a head of 8.
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_frequency_factor: 1.0,
            high_frequency_factor: 4.0,
            original_positions: 8192.0,
        };
        let plain = frequencies(8, 500_000.0, &RopeScaling::None);
        let scaled = frequencies(8, 500_000.0, &scaling);
        assert_eq!(scaled[..2], plain[..2]);
        assert_eq!(scaled[3], plain[3] / 8.0);
        let turns = 8192.0 * f64::from(plain[2]) / std::f64::consts::TAU;
        let kept = (turns - 1.0) / 3.0;
        assert!(kept > 0.0 && kept < 1.0, "the third is blended: {kept}");
        let wanted = f64::from(plain[2]) * ((1.0 - kept) / 8.0 + kept);
        assert!((f64::from(scaled[2]) / wanted - 1.0).abs() < 1e-6);
    }
}

//! Rotary position embedding: its frequencies, and the table of their cosines and sines.

use burn_tensor::Tensor;

use crate::Dtype;
use crate::load::tensor;
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

/// Frequencies of a head whose first `rotary` elements alone are rotated, in the order of
/// [`halves_from_pairs`]: the others stay where they are, since their angle is always 0.
pub(crate) fn partial_frequencies(width: usize, rotary: usize, theta: f64) -> Vec<f32> {
    let mut all = frequencies(rotary, theta, &RopeScaling::None);
    all.resize(width / 2, 0.0);
    all
}

/// Puts query or key rows into the order that is rotated here, which pairs the first half of a head with
/// its second.
///
/// `values` are the rows of `heads` heads, numbers or the bytes of blocks, in a checkpoint that pairs neighbours among the first `rotary`
/// rows of a head: row 2i + s goes to s * width/2 + i, and the rows after `rotary` fill the rest. Queries
/// and keys that are reordered alike have the same products.
pub(crate) fn halves_from_pairs<T: Copy + Default>(
    values: &mut [T],
    heads: usize,
    width: usize,
    rotary: usize,
) {
    let rows = heads * width;
    if rows == 0 || !values.len().is_multiple_of(rows) {
        return;
    }
    let (columns, half) = (values.len() / rows, width / 2);
    let still = half - rotary / 2;
    let place = |row: usize| match row.checked_sub(rotary) {
        None => (row % 2) * half + row / 2,
        Some(after) if after < still => rotary / 2 + after,
        Some(after) => half + rotary / 2 + (after - still),
    };
    let mut head = vec![T::default(); width * columns];
    for stored in values.chunks_exact_mut(width * columns) {
        for (row, values) in stored.chunks_exact(columns).enumerate() {
            head[place(row) * columns..][..columns].copy_from_slice(values);
        }
        stored.copy_from_slice(&head);
    }
}

/// Positions whose angles a new table holds at least: 1 MiB for a head of 64, done in milliseconds.
const FIRST_POSITIONS: usize = 2048;

/// Cosines and sines of all angles, up to some position; a clone is cheap.
///
/// A model without a rotary embedding has no frequencies, and a table that leaves everything as it is.
#[derive(Debug, Clone)]
pub(crate) struct RopeTable<B: Ops> {
    angles: Option<Angles<B>>,
}

/// [positions, width / 2] each.
#[derive(Debug, Clone)]
struct Angles<B: Ops> {
    cos: Tensor<B, 2>,
    sin: Tensor<B, 2>,
}

impl<B: Ops> RopeTable<B> {
    pub(crate) fn new(frequencies: &[f32], positions: usize, device: &B::Device, dtype: Dtype) -> Self {
        if frequencies.is_empty() {
            return Self { angles: None };
        }
        let positions = positions.max(FIRST_POSITIONS);
        let angle = |i: usize| (i / frequencies.len()) as f32 * frequencies[i % frequencies.len()];
        let table = |f: fn(f32) -> f32| {
            let values: Vec<f32> = (0..positions * frequencies.len()).map(|i| f(angle(i))).collect();
            tensor(values, [positions, frequencies.len()], device, dtype)
        };
        Self { angles: Some(Angles { cos: table(f32::cos), sin: table(f32::sin) }) }
    }

    /// Positions covered.
    pub(crate) fn positions(&self) -> usize {
        self.angles.as_ref().map_or(usize::MAX, |angles| angles.cos.dims()[0])
    }

    /// Rotates the heads of positions that begin at `start`; [positions, heads width] in and out.
    pub(crate) fn rotate(&self, x: Tensor<B, 2>, start: usize) -> Tensor<B, 2> {
        let Some(Angles { cos, sin }) = &self.angles else { return x };
        let [positions, _] = x.dims();
        let rows = |table: &Tensor<B, 2>| table.clone().narrow(0, start, positions);
        B::rotate(x, &rows(cos), &rows(sin))
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

    #[test]
    fn neighbours_become_halves() {
        // Two heads of four rows of one column.
        let mut values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        halves_from_pairs(&mut values, 2, 4, 4);
        assert_eq!(values, [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]);
    }

    #[test]
    fn rows_that_are_not_rotated_fill_the_places_without_an_angle() {
        let mut values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        halves_from_pairs(&mut values, 1, 8, 4);
        assert_eq!(values, [0.0, 2.0, 4.0, 5.0, 1.0, 3.0, 6.0, 7.0]);
        let frequencies = partial_frequencies(8, 4, 10_000.0);
        assert_eq!(frequencies, [1.0, 0.01, 0.0, 0.0]);
    }
}

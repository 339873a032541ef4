//! The order in which [`project`](crate::project) reads weights: whatever is multiplied next lies next in memory.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::Matrix;

/// Vectors that a panel is wide.
pub(crate) const VECTORS: usize = 2;

/// Outputs that a panel covers, on this processor.
pub fn panel_width() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    VECTORS * Arch::new().dispatch(Lanes)
}

/// A weight in panels, `[panels, inputs, width]`: for each input, the weights of `width` outputs. The last
/// panel is filled up with zeros.
///
/// # Shapes
/// weight: `[outputs, inputs]`.
pub fn pack(weight: Matrix<'_>) -> Vec<f32> {
    let (outputs, inputs, width) = (weight.rows(), weight.columns(), panel_width());
    let mut values = vec![0.0; outputs.next_multiple_of(width) * inputs];
    if inputs > 0 {
        for (index, panel) in values.chunks_exact_mut(inputs * width).enumerate() {
            let first = index * width;
            interleave((first..outputs.min(first + width)).map(|row| weight.row(row)), panel, width);
        }
    }
    values
}

/// As [`pack`], where the weight lies: a model that loads takes no second copy.
///
/// # Shapes
/// weight: `[outputs, inputs]`, row after row; outputs is a multiple of [`panel_width`].
///
/// # Panics
/// Where it is not, or there are no inputs.
pub fn pack_in_place(weight: &mut [f32], inputs: usize) {
    let width = panel_width();
    assert!(weight.len().is_multiple_of(inputs * width), "{} values, {inputs} inputs", weight.len());
    // As many rows as a panel is wide lie where the panel will.
    weight.par_chunks_exact_mut(inputs * width).for_each_init(Vec::new, |rows, panel| {
        rows.clear();
        rows.extend_from_slice(panel);
        interleave(rows.chunks_exact(inputs), panel, width);
    });
}

/// Writes each row into its column of a panel.
pub(crate) fn interleave<'a>(rows: impl Iterator<Item = &'a [f32]>, panel: &mut [f32], width: usize) {
    for (lane, row) in rows.enumerate() {
        panel.iter_mut().skip(lane).step_by(width).zip(row).for_each(|(out, weight)| *out = *weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_packed_alike_wherever_it_lies() {
        let (outputs, inputs) = (3 * panel_width(), 7);
        let mut values: Vec<f32> = (0..outputs * inputs).map(|i| i as f32).collect();
        let packed = pack(Matrix::new(&values, [outputs, inputs]));
        pack_in_place(&mut values, inputs);
        assert_eq!(values, packed);
    }
}

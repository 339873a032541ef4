//! The two orders in which [`project`](crate::project) reads its factors: whatever is multiplied
//! next lies next in memory.

use std::ops::Range;

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};
use rayon::prelude::*;

use crate::Matrix;

/// Vectors that a panel is wide.
pub(crate) const VECTORS: usize = 2;
/// Rows of x in a group: 6 x 2 sums, and what is multiplied into them, fill the sixteen registers of AVX2.
pub(crate) const GROUP: usize = 6;

/// Groups that are worth waking a thread for.
const GROUPS_A_TASK: usize = 4;

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

/// The rows of x, up to six at a time: for each input, one element of each row.
pub(crate) struct Groups {
    values: Vec<f32>,
    rows: usize,
    inputs: usize,
}

impl Groups {
    pub(crate) fn new(x: Matrix<'_>) -> Self {
        let mut values = vec![0.0; x.rows() * x.columns()];
        let mut rest = values.as_mut_slice();
        let mut tasks = Vec::with_capacity(x.rows().div_ceil(GROUP));
        for rows in groups_of(x.rows(), GROUP) {
            let (out, later) = rest.split_at_mut(rows.len() * x.columns());
            tasks.push(Interleave { x, first: rows.start, out });
            rest = later;
        }
        tasks.into_par_iter().with_min_len(GROUPS_A_TASK).for_each(|task| Arch::new().dispatch(task));
        Self { values, rows: x.rows(), inputs: x.columns() }
    }

    /// The rows of every group.
    #[inline(always)]
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        groups_of(self.rows, GROUP)
    }

    /// `count` inputs from `start` on, of the rows of one group.
    #[inline(always)]
    pub(crate) fn part(&self, rows: &Range<usize>, start: usize, count: usize) -> &[f32] {
        &self.values[rows.start * self.inputs..][start * rows.len()..][..count * rows.len()]
    }
}

/// As few groups as can be, of sizes that differ by one at most: a tile of one or two rows waits for its
/// own sums, and takes nearly as long as one of six.
#[inline(always)]
pub(crate) fn groups_of(rows: usize, largest: usize) -> impl Iterator<Item = Range<usize>> {
    let count = rows.div_ceil(largest);
    (0..count).map(move |group| group * rows / count..(group + 1) * rows / count)
}

/// Writes one group.
struct Interleave<'a> {
    x: Matrix<'a>,
    first: usize,
    out: &'a mut [f32],
}

impl NullaryFnOnce for Interleave<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.out.len() / self.x.columns() {
            1 => self.rows::<1>(),
            2 => self.rows::<2>(),
            3 => self.rows::<3>(),
            4 => self.rows::<4>(),
            5 => self.rows::<5>(),
            _ => self.rows::<GROUP>(),
        }
    }
}

impl Interleave<'_> {
    #[inline(always)]
    fn rows<const ROWS: usize>(self) {
        let rows: [&[f32]; ROWS] = std::array::from_fn(|i| self.x.row(self.first + i));
        for (input, out) in self.out.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            *out = rows.map(|row| row[input]);
        }
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

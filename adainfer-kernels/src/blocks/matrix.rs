//! A weight in blocks, in the order in which a product reads it.

use half::f16;
use rayon::prelude::*;

use super::{BLOCK, LANES};
use crate::Matrix;

/// How many bits a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bits {
    /// 0 to 15.
    Four,
    /// 0 to 255.
    Eight,
}

/// What the numbers of a matrix mean: weight = scale x (number - zero) + minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockFormat {
    /// The size of a number.
    pub bits: Bits,
    /// The number that stands for the minimum, or for 0 where there is none.
    pub zero: u8,
    /// Whether blocks have a minimum.
    pub minima: bool,
}

impl BlockFormat {
    /// What any matrix can be rounded to: 8 bits around 0.
    pub const INT8: Self = Self { bits: Bits::Eight, zero: 128, minima: false };
    /// What the blocks of any other format can be written in.
    pub const WIDEST: Self = Self { bits: Bits::Eight, zero: 0, minima: true };
}

/// 32 weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// The distance between two numbers' weights.
    pub scale: f16,
    /// Read where the format has minima.
    pub minimum: f16,
    /// One an input.
    pub numbers: [u8; BLOCK],
}

impl Block {
    /// The nearest block of [`BlockFormat::INT8`]; `None` where a weight is too large for its scale to be
    /// an f16, from some 8 million on, or is not finite.
    pub fn of(weights: &[f32; BLOCK]) -> Option<Self> {
        let largest = weights.iter().fold(0.0f32, |largest, weight| largest.max(weight.abs()));
        let scale = f16::from_f32(largest / 127.0);
        if !scale.is_finite() || weights.iter().any(|weight| !weight.is_finite()) {
            return None;
        }
        let by = if scale == f16::ZERO { 0.0 } else { scale.to_f32().recip() };
        let number = |weight: f32| ((weight * by).round().clamp(-127.0, 127.0) as i32 + 128) as u8;
        Some(Self { scale, minimum: f16::ZERO, numbers: weights.map(number) })
    }

    /// The same weights in [`BlockFormat::WIDEST`]; `None` where the minimum is no f16.
    pub fn widened(self, from: BlockFormat) -> Option<Self> {
        let own = if from.minima { self.minimum.to_f32() } else { 0.0 };
        let exact = own - f32::from(from.zero) * self.scale.to_f32();
        let minimum = f16::from_f32(exact);
        (minimum.to_f32() == exact).then_some(Self { minimum, ..self })
    }
}

/// 64 bytes that lie together in a cache: 4 inputs of 16 outputs, or 8 of 4 bits.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u8; 4 * LANES]);

/// A weight of `[outputs, inputs]` in blocks: 4.5 or 5 bits a weight in 4-bit formats, 8.5 or 9 in others.
#[derive(Debug, Clone)]
pub struct BlockMatrix {
    outputs: usize,
    blocks: usize,
    format: BlockFormat,
    /// [panels, blocks, lines a block]: panels are of 16 outputs, the last filled up with zeros.
    numbers: Vec<Line>,
    /// [panels, blocks].
    scales: Vec<[f16; LANES]>,
    /// The same, or empty.
    minima: Vec<[f16; LANES]>,
}

/// 16 outputs.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    /// [blocks, lines a block].
    pub(super) numbers: &'a [Line],
    /// One a block.
    pub(super) scales: &'a [[f16; LANES]],
    /// The same, or empty.
    pub(super) minima: &'a [[f16; LANES]],
}

impl BlockMatrix {
    /// Takes each block of each output from `block(output, index)`; `None` where one is.
    ///
    /// # Shapes
    /// `[outputs, inputs]`; inputs is a multiple of [`BLOCK`](super::BLOCK).
    ///
    /// # Panics
    /// Where it is not, or there are no inputs.
    pub fn new(
        [outputs, inputs]: [usize; 2],
        format: BlockFormat,
        block: impl Fn(usize, usize) -> Option<Block> + Sync,
    ) -> Option<Self> {
        assert!(inputs > 0 && inputs.is_multiple_of(BLOCK), "{inputs} inputs in blocks of {BLOCK}");
        let (panels, blocks) = (outputs.div_ceil(LANES), inputs / BLOCK);
        let lines = lines_of(format.bits);
        let mut numbers = vec![Line([0; 4 * LANES]); panels * blocks * lines];
        let mut scales = vec![[f16::ZERO; LANES]; panels * blocks];
        let mut minima = vec![[f16::ZERO; LANES]; if format.minima { panels * blocks } else { 0 }];
        // Zip wants one for each block.
        let mut none = vec![[f16::ZERO; LANES]; panels * blocks - minima.len()];
        let places =
            numbers.par_chunks_exact_mut(lines).zip(&mut scales).zip(minima.par_iter_mut().chain(&mut none));
        let filled = places.enumerate().try_for_each(|(place, ((lines, scales), minima))| {
            let (panel, index) = (place / blocks, place % blocks);
            for lane in 0..LANES.min(outputs - panel * LANES) {
                let block = block(panel * LANES + lane, index)?;
                (scales[lane], minima[lane]) = (block.scale, block.minimum);
                write(&block.numbers, lane, lines);
            }
            Some(())
        });
        filled.map(|()| Self { outputs, blocks, format, numbers, scales, minima })
    }

    /// A matrix rounded to [`BlockFormat::INT8`]; `None` where that cannot hold it: see [`Block::of`], and
    /// columns must be a multiple of [`BLOCK`](super::BLOCK).
    ///
    /// # Shapes
    /// weight: `[outputs, inputs]`.
    pub fn rounded(weight: Matrix<'_>) -> Option<Self> {
        let (outputs, inputs) = (weight.rows(), weight.columns());
        if inputs == 0 || !inputs.is_multiple_of(BLOCK) {
            return None;
        }
        Self::new([outputs, inputs], BlockFormat::INT8, |output, index| {
            Block::of(weight.row(output)[index * BLOCK..].first_chunk()?)
        })
    }

    /// Its rows.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Its columns.
    pub fn inputs(&self) -> usize {
        self.blocks * BLOCK
    }

    /// What its numbers mean.
    pub fn format(&self) -> BlockFormat {
        self.format
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.numbers[..]) + size_of_val(&self.scales[..]) + size_of_val(&self.minima[..])
    }

    /// Writes the weights of one output.
    ///
    /// # Panics
    /// Where there is no such output, or `out` has not one element an input.
    pub fn row(&self, output: usize, out: &mut [f32]) {
        assert!(output < self.outputs, "output {output} of {}", self.outputs);
        assert_eq!(out.len(), self.inputs(), "weights of an output");
        let (panel, lane) = (self.panel(output / LANES), output % LANES);
        let zero = f32::from(self.format.zero);
        let lines = panel.numbers.chunks_exact(lines_of(self.format.bits));
        for (index, (out, lines)) in out.as_chunks_mut::<BLOCK>().0.iter_mut().zip(lines).enumerate() {
            let scale = panel.scales[index][lane].to_f32();
            let minimum = panel.minima.get(index).map_or(0.0, |minima| minima[lane].to_f32());
            *out = read(lane, lines).map(|number| scale * (f32::from(number) - zero) + minimum);
        }
    }

    pub(super) fn panels(&self) -> usize {
        self.outputs.div_ceil(LANES)
    }

    #[inline]
    pub(super) fn panel(&self, index: usize) -> Panel<'_> {
        let (first, lines) = (index * self.blocks, lines_of(self.format.bits));
        Panel {
            numbers: &self.numbers[first * lines..][..self.blocks * lines],
            scales: &self.scales[first..][..self.blocks],
            minima: if self.format.minima { &self.minima[first..][..self.blocks] } else { &[] },
        }
    }
}

/// Lines that hold a block of 16 outputs.
#[inline]
fn lines_of(bits: Bits) -> usize {
    match bits {
        Bits::Four => BLOCK / 8,
        Bits::Eight => BLOCK / 4,
    }
}

/// Writes the numbers of one output. Of 4 bits, the first 16 are the low halves of the bytes, the others the
/// high halves.
fn write(numbers: &[u8; BLOCK], lane: usize, lines: &mut [Line]) {
    for (i, number) in numbers.iter().enumerate() {
        let (line, high) = (i / 4 % lines.len(), i / 4 >= lines.len());
        lines[line].0[4 * lane + i % 4] |= if high { number << 4 } else { *number };
    }
}

/// The numbers of one output.
fn read(lane: usize, lines: &[Line]) -> [u8; BLOCK] {
    let four = lines.len() < BLOCK / 4;
    std::array::from_fn(|i| {
        let byte = lines[i / 4 % lines.len()].0[4 * lane + i % 4];
        match (four, i / 4 >= lines.len()) {
            (true, true) => byte >> 4,
            (true, false) => byte & 0x0f,
            (false, _) => byte,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0).collect()
    }

    #[test]
    fn a_block_is_its_weights_to_half_a_step() {
        let values = weights(35 * 2 * BLOCK);
        let matrix = BlockMatrix::rounded(Matrix::new(&values, [35, 2 * BLOCK])).unwrap();
        let mut row = vec![0.0; 2 * BLOCK];
        for (output, wanted) in values.chunks_exact(2 * BLOCK).enumerate() {
            matrix.row(output, &mut row);
            // The scale is rounded to 11 bits, so half a step is one of 0.5005 in 127.
            assert!(
                row.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 0.53 * 0.79 / 127.0)
            );
        }
    }

    #[test]
    fn what_fits_no_scale_is_not_rounded() {
        let with = |value: f32| {
            let mut values = weights(2 * BLOCK);
            values[40] = value;
            BlockMatrix::rounded(Matrix::new(&values, [1, 2 * BLOCK])).is_some()
        };
        assert!(with(8e6));
        assert!(![9e6, f32::INFINITY, f32::NAN].into_iter().any(with));
        assert!(BlockMatrix::rounded(Matrix::new(&weights(40), [1, 40])).is_none());
        assert!(Block::of(&[0.0; BLOCK]).is_some_and(|block| block.numbers == [128; BLOCK]));
    }

    #[test]
    fn a_widened_block_has_the_same_weights() {
        let numbers = std::array::from_fn(|i| i as u8 / 2);
        let block = Block { scale: f16::from_f32(-0.3), minimum: f16::from_f32(0.7), numbers };
        for (zero, minima) in [(8, false), (16, false), (0, true)] {
            let format = BlockFormat { bits: Bits::Four, zero, minima };
            let row = |format: BlockFormat, block: Block| {
                let mut row = [0.0; BLOCK];
                BlockMatrix::new([1, BLOCK], format, |_, _| Some(block)).unwrap().row(0, &mut row);
                row
            };
            let wide = row(BlockFormat::WIDEST, block.widened(format).unwrap());
            let own = row(format, block);
            assert!(own.iter().zip(wide).all(|(a, b)| (a - b).abs() < 1e-6), "{own:?} {wide:?}");
        }
        let large = Block { scale: f16::MAX, ..block };
        assert_eq!(large.widened(BlockFormat::INT8), None);
    }
}

//! The product of blocks for any processor, which those with instructions of their own are held to.

use super::matrix::Panel;
use super::rounded::Row;
use super::{BLOCK, LANES};

/// One row times one panel, of `LINES` lines a block.
#[inline(always)]
pub(super) fn tile<const LINES: usize>(row: Row<'_>, panel: Panel<'_>, zero: u8) -> [f32; LANES] {
    let mut sums = [0.0; LANES];
    for (block, lines) in panel.numbers.as_chunks::<LINES>().0.iter().enumerate() {
        let (words, scale, sum) = (&row.words[block], row.scales[block], row.sums[block]);
        let mut dots = [-i32::from(zero) * sum; LANES];
        for (word, x) in words.iter().enumerate() {
            let (line, x) = (&lines[word % LINES].0, x.to_le_bytes());
            for (dot, numbers) in dots.iter_mut().zip(line.as_chunks::<4>().0) {
                for (number, x) in numbers.iter().zip(x) {
                    let number = match (LINES < BLOCK / 4, word >= LINES) {
                        (true, true) => number >> 4,
                        (true, false) => number & 0x0f,
                        (false, _) => *number,
                    };
                    *dot += i32::from(number) * i32::from(x.cast_signed());
                }
            }
        }
        for ((sum, dot), own) in sums.iter_mut().zip(dots).zip(&panel.scales[block]) {
            *sum += own.to_f32() * scale * dot as f32;
        }
        if let Some(minima) = panel.minima.get(block) {
            for (total, minimum) in sums.iter_mut().zip(minima) {
                *total += minimum.to_f32() * (scale * sum as f32);
            }
        }
    }
    sums
}

//! Products of small integers by the instructions that x86 processors have for them.
//!
//! The only unsafe code there is: reading and writing whole registers, and calling what was compiled for
//! instructions that were found to be there. All else is held to `plain` by tests.
#![allow(unsafe_code)]
#![allow(clippy::needless_range_loop, reason = "loops over registers, of several arrays at once")]

use std::arch::x86_64::*;

use half::f16;

use super::matrix::{Bits, Line, Panel};
use super::product::Task;
use super::rounded::{Row, WORDS};
use super::{BLOCK, LANES};
use crate::tile::groups_of;

/// Instructions beyond those of every x86-64 processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// 16 sums of 4 products at once.
    Avx512Vnni,
    /// 8 sums of 2 products at once.
    Avx2,
}

impl Set {
    /// What this processor has, best first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::Avx512Vnni, Self::Avx2].into_iter().filter(|set| match set {
            Self::Avx512Vnni => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni"),
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
        })
    }

    /// # Panics
    /// Where the processor does not have it.
    pub(super) fn run(self, task: Task<'_, '_>) {
        assert!(Self::all().any(|set| set == self), "{self:?} is not there");
        match (self, task.weight.format().bits) {
            // SAFETY: the instructions are there, as was just asked.
            (Self::Avx512Vnni, Bits::Four) => unsafe { avx512::<{ BLOCK / 8 }>(task) },
            // SAFETY: as above.
            (Self::Avx512Vnni, Bits::Eight) => unsafe { avx512::<{ BLOCK / 4 }>(task) },
            // SAFETY: as above.
            (Self::Avx2, Bits::Four) => unsafe { avx2::<{ BLOCK / 8 }>(task) },
            // SAFETY: as above.
            (Self::Avx2, Bits::Eight) => unsafe { avx2::<{ BLOCK / 4 }>(task) },
        }
    }
}

/// Six rows and two panels at a time: 24 of 32 registers are sums. One row takes four panels.
#[target_feature(enable = "avx512f,avx512vnni")]
fn avx512<const LINES: usize>(mut task: Task<'_, '_>) {
    let panels = task.panels.clone();
    if task.x.rows() == 1 {
        let whole = panels.len() / 4 * 4;
        for first in panels.clone().take(whole).step_by(4) {
            avx512_group::<LINES, 1, 4>(&mut task, 0, first);
        }
        return panels.skip(whole).for_each(|panel| avx512_group::<LINES, 1, 1>(&mut task, 0, panel));
    }
    for first in panels.clone().step_by(2) {
        for rows in groups_of(task.x.rows(), 6) {
            match (rows.len(), first + 1 < panels.end) {
                (1, true) => avx512_group::<LINES, 1, 2>(&mut task, rows.start, first),
                (2, true) => avx512_group::<LINES, 2, 2>(&mut task, rows.start, first),
                (3, true) => avx512_group::<LINES, 3, 2>(&mut task, rows.start, first),
                (4, true) => avx512_group::<LINES, 4, 2>(&mut task, rows.start, first),
                (5, true) => avx512_group::<LINES, 5, 2>(&mut task, rows.start, first),
                (_, true) => avx512_group::<LINES, 6, 2>(&mut task, rows.start, first),
                (count, false) => {
                    for row in rows.start..rows.start + count {
                        avx512_group::<LINES, 1, 1>(&mut task, row, first);
                    }
                }
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
#[inline]
fn avx512_group<const LINES: usize, const ROWS: usize, const PANELS: usize>(
    task: &mut Task<'_, '_>,
    row: usize,
    panel: usize,
) {
    let mut rows = [task.x.row(row); ROWS];
    for (i, place) in rows.iter_mut().enumerate() {
        *place = task.x.row(row + i);
    }
    let mut panels = [task.weight.panel(panel); PANELS];
    for (i, place) in panels.iter_mut().enumerate() {
        *place = task.weight.panel(panel + i);
    }
    let sums = avx512_tile::<LINES, ROWS, PANELS>(&rows, &panels, task.weight.format().zero);
    for i in 0..ROWS {
        for j in 0..PANELS {
            let mut lanes = [0.0; LANES];
            // SAFETY: 64 bytes are written, and there are 64.
            unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), sums[i][j]) };
            task.write(row + i, panel + j, &lanes);
        }
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
#[inline]
fn avx512_tile<const LINES: usize, const ROWS: usize, const PANELS: usize>(
    rows: &[Row<'_>; ROWS],
    panels: &[Panel<'_>; PANELS],
    zero: u8,
) -> [[__m512; PANELS]; ROWS] {
    let mut sums = [[_mm512_setzero_ps(); PANELS]; ROWS];
    let low = _mm512_set1_epi8(0x0f);
    for block in 0..rows[0].words.len() {
        // All that may be out of bounds comes first: between sums it would keep them from their registers.
        let (mut lines, mut scales) = ([&panels[0].numbers[..LINES]; PANELS], [&panels[0].scales[0]; PANELS]);
        for j in 0..PANELS {
            lines[j] = &panels[j].numbers[block * LINES..][..LINES];
            scales[j] = &panels[j].scales[block];
        }
        let (mut words, mut own, mut totals) = ([&rows[0].words[0]; ROWS], [0.0; ROWS], [0; ROWS]);
        for i in 0..ROWS {
            (words[i], own[i], totals[i]) =
                (&rows[i].words[block], rows[i].scales[block], rows[i].sums[block]);
        }

        let mut dots = [[_mm512_setzero_si512(); PANELS]; ROWS];
        for i in 0..ROWS {
            dots[i] = [_mm512_set1_epi32(-i32::from(zero) * totals[i]); PANELS];
        }
        for line in 0..LINES {
            let mut numbers = [_mm512_setzero_si512(); PANELS];
            for j in 0..PANELS {
                numbers[j] = load(&lines[j][line]);
            }
            if LINES < BLOCK / 4 {
                let mut second = numbers;
                for j in 0..PANELS {
                    second[j] = _mm512_and_si512(_mm512_srli_epi32::<4>(numbers[j]), low);
                    numbers[j] = _mm512_and_si512(numbers[j], low);
                }
                multiply(&words, line + LINES, &second, &mut dots);
            }
            multiply(&words, line, &numbers, &mut dots);
        }
        for j in 0..PANELS {
            let scale = _mm512_cvtph_ps(load_halves(scales[j]));
            for i in 0..ROWS {
                let scale = _mm512_mul_ps(scale, _mm512_set1_ps(own[i]));
                sums[i][j] = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(dots[i][j]), sums[i][j]);
            }
        }
        for j in 0..PANELS {
            if let Some(minima) = panels[j].minima.get(block) {
                let minima = _mm512_cvtph_ps(load_halves(minima));
                for i in 0..ROWS {
                    let total = _mm512_set1_ps(own[i] * totals[i] as f32);
                    sums[i][j] = _mm512_fmadd_ps(minima, total, sums[i][j]);
                }
            }
        }
    }
    sums
}

/// Adds the products of a word of each row and four inputs of each panel. Rows are outside, so that a word is not
/// kept for later: registers are short.
#[target_feature(enable = "avx512f,avx512vnni")]
#[inline]
fn multiply<const ROWS: usize, const PANELS: usize>(
    words: &[&[i32; WORDS]; ROWS],
    word: usize,
    numbers: &[__m512i; PANELS],
    dots: &mut [[__m512i; PANELS]; ROWS],
) {
    for i in 0..ROWS {
        let word = _mm512_set1_epi32(words[i][word]);
        for j in 0..PANELS {
            dots[i][j] = _mm512_dpbusd_epi32(dots[i][j], numbers[j], word);
        }
    }
}

/// Two rows and a panel at a time.
#[target_feature(enable = "avx2,fma,f16c")]
fn avx2<const LINES: usize>(mut task: Task<'_, '_>) {
    for panel in task.panels.clone() {
        for rows in groups_of(task.x.rows(), 2) {
            match rows.len() {
                1 => avx2_group::<LINES, 1>(&mut task, rows.start, panel),
                _ => avx2_group::<LINES, 2>(&mut task, rows.start, panel),
            }
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn avx2_group<const LINES: usize, const ROWS: usize>(task: &mut Task<'_, '_>, row: usize, panel: usize) {
    let mut rows = [task.x.row(row); ROWS];
    for (i, place) in rows.iter_mut().enumerate() {
        *place = task.x.row(row + i);
    }
    let sums = avx2_tile::<LINES, ROWS>(&rows, task.weight.panel(panel), task.weight.format().zero);
    for (i, [first, second]) in sums.into_iter().enumerate() {
        let mut lanes = [0.0; LANES];
        // SAFETY: 32 bytes are written to the first half of 64, and 32 to the second.
        unsafe {
            _mm256_storeu_ps(lanes.as_mut_ptr(), first);
            _mm256_storeu_ps(lanes[LANES / 2..].as_mut_ptr(), second);
        }
        task.write(row + i, panel, &lanes);
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn avx2_tile<const LINES: usize, const ROWS: usize>(
    rows: &[Row<'_>; ROWS],
    panel: Panel<'_>,
    zero: u8,
) -> [[__m256; 2]; ROWS] {
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    let low = _mm256_set1_epi8(0x0f);
    for block in 0..rows[0].words.len() {
        let mut dots = [[_mm256_setzero_si256(); 2]; ROWS];
        for i in 0..ROWS {
            dots[i] = [_mm256_set1_epi32(-i32::from(zero) * rows[i].sums[block]); 2];
        }
        for line in 0..LINES {
            let numbers = load_two(&panel.numbers[block * LINES + line]);
            for i in 0..ROWS {
                let words = &rows[i].words[block];
                for j in 0..2 {
                    let dot = if LINES < BLOCK / 4 {
                        let first = _mm256_and_si256(numbers[j], low);
                        let second = _mm256_and_si256(_mm256_srli_epi16::<4>(numbers[j]), low);
                        // At most 4 x 15 x 127: four fit into 16 bits.
                        let pairs = _mm256_add_epi16(
                            _mm256_maddubs_epi16(first, _mm256_set1_epi32(words[line])),
                            _mm256_maddubs_epi16(second, _mm256_set1_epi32(words[line + LINES])),
                        );
                        _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
                    } else {
                        // Pairs of 8 bits do not fit into 16: bytes at even and odd places apart.
                        let word = _mm256_set1_epi32(words[line]);
                        let even = _mm256_and_si256(numbers[j], _mm256_set1_epi16(0xff));
                        let odd = _mm256_srli_epi16::<8>(numbers[j]);
                        let word_even = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(word));
                        let word_odd = _mm256_srai_epi16::<8>(word);
                        _mm256_add_epi32(_mm256_madd_epi16(even, word_even), _mm256_madd_epi16(odd, word_odd))
                    };
                    dots[i][j] = _mm256_add_epi32(dots[i][j], dot);
                }
            }
        }
        let scales = halves(&panel.scales[block]);
        for i in 0..ROWS {
            let own = rows[i].scales[block];
            for j in 0..2 {
                let scale = _mm256_mul_ps(scales[j], _mm256_set1_ps(own));
                sums[i][j] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(dots[i][j]), sums[i][j]);
            }
        }
        if let Some(minima) = panel.minima.get(block) {
            let minima = halves(minima);
            for i in 0..ROWS {
                let total = _mm256_set1_ps(rows[i].scales[block] * rows[i].sums[block] as f32);
                for j in 0..2 {
                    sums[i][j] = _mm256_fmadd_ps(minima[j], total, sums[i][j]);
                }
            }
        }
    }
    sums
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(line: &Line) -> __m512i {
    // SAFETY: a line is 64 bytes.
    unsafe { _mm512_loadu_si512(line.0.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_two(line: &Line) -> [__m256i; 2] {
    // SAFETY: a line is two times 32 bytes.
    unsafe { [_mm256_loadu_si256(line.0.as_ptr().cast()), _mm256_loadu_si256(line.0[32..].as_ptr().cast())] }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_halves(halves: &[f16; LANES]) -> __m256i {
    // SAFETY: 16 numbers of 2 bytes.
    unsafe { _mm256_loadu_si256(halves.as_ptr().cast()) }
}

#[target_feature(enable = "avx2,f16c")]
#[inline]
fn halves(values: &[f16; LANES]) -> [__m256; 2] {
    let all = load_halves(values);
    [_mm256_cvtph_ps(_mm256_castsi256_si128(all)), _mm256_cvtph_ps(_mm256_extracti128_si256::<1>(all))]
}

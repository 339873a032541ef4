//! Causal attention with grouped queries, over keys and values that lie in several blocks.

mod few;
mod many;

use crate::Matrix;

/// Positions up to which products are too small for matrices.
const FEW: usize = 4;

/// Keys and values of consecutive positions, one a row.
#[derive(Debug, Clone, Copy)]
pub struct KeysValues<'a> {
    /// `[positions, key/value heads width]`.
    pub keys: Matrix<'a>,
    /// The same.
    pub values: Matrix<'a>,
}

/// Causal attention of the newest positions over all, `softmax(q k^T / sqrt(width)) v` a head, where consecutive
/// query heads share a key/value head.
///
/// # Shapes
/// query and out: `[positions, heads width]`; past: all positions, the last of which are the query's.
///
/// # Panics
/// Where the shapes do not fit each other.
pub fn attend(query: Matrix<'_>, past: &[KeysValues<'_>], width: usize, out: &mut [f32]) {
    match query.rows() {
        ..=FEW => few::attend(query, past, width, out),
        _ => many::attend(query, past, width, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 31 + salt * 17) % 23) as f32 / 23.0 - 0.4).collect()
    }

    /// Attention by its formula, in f64, of one head of one position.
    fn exact(query: &[f32], keys: &[&[f32]], values: &[&[f32]]) -> Vec<f64> {
        let dot =
            |key: &[f32]| -> f64 { query.iter().zip(key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum() };
        let weights: Vec<f64> =
            keys.iter().map(|key| (dot(key) / (query.len() as f64).sqrt()).exp()).collect();
        let mixed =
            |i: usize| weights.iter().zip(values).map(|(w, value)| w * f64::from(value[i])).sum::<f64>();
        (0..query.len()).map(|i| mixed(i) / weights.iter().sum::<f64>()).collect()
    }

    /// Some heads and key/value heads of some width; positions in blocks of these lengths, the last of them new.
    fn check([heads, shared, width]: [usize; 3], blocks: &[usize], new: usize) {
        let (length, columns) = (blocks.iter().sum::<usize>(), shared * width);
        let (keys, mixed) = (values(length * columns, 1), values(length * columns, 2));
        let query = values(new * heads * width, 3);
        let starts = blocks.iter().scan(0, |start, rows| Some(std::mem::replace(start, *start + rows)));
        let past: Vec<_> = starts
            .zip(blocks)
            .map(|(start, &rows)| KeysValues {
                keys: Matrix::new(&keys[start * columns..], [rows, columns]),
                values: Matrix::new(&mixed[start * columns..], [rows, columns]),
            })
            .collect();
        let mut out = vec![f32::NAN; new * heads * width];
        attend(Matrix::new(&query, [new, heads * width]), &past, width, &mut out);
        for (row, out) in out.chunks_exact(heads * width).enumerate() {
            for (head, found) in out.chunks_exact(width).enumerate() {
                let seen = length - new + row + 1;
                let column = head / (heads / shared) * width;
                let rows = |all| -> Vec<&[f32]> {
                    let all: &[f32] = all;
                    all.chunks_exact(columns).take(seen).map(|row| &row[column..][..width]).collect()
                };
                let query = &query[(row * heads + head) * width..][..width];
                for (found, wanted) in found.iter().zip(exact(query, &rows(&keys), &rows(&mixed))) {
                    assert!((f64::from(*found) - wanted).abs() < 2e-6, "{found}, not {wanted}");
                }
            }
        }
    }

    #[test]
    fn positions_mix_what_they_may_see() {
        for new in [1, 2, FEW, FEW + 1, 40] {
            for sizes in [[4, 2, 4], [9, 3, 64], [2, 2, 80], [6, 1, 8]] {
                check(sizes, &[new], new);
                check(sizes, &[70, 3, new.div_ceil(2), new / 2], new);
            }
        }
        check([3, 1, 64], &[900, 35], 35);
    }
}

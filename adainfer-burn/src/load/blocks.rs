//! Matrices of few bits: from files that have them, or rounded.

use crate::gguf::TensorKind;
use adainfer_kernels::{BLOCK, Block, BlockFormat, BlockMatrix};

/// One tensor of a matrix.
pub(crate) enum Part {
    /// Blocks as a file has them, row by row.
    Stored {
        /// One whose blocks are 32 numbers.
        kind: TensorKind,
        /// All of them.
        bytes: Vec<u8>,
    },
    /// Values to be rounded.
    Values(Vec<f32>),
}

impl Part {
    fn format(&self) -> BlockFormat {
        match self {
            Self::Stored { kind, .. } => kind.block_format().unwrap_or(BlockFormat::INT8),
            Self::Values(_) => BlockFormat::INT8,
        }
    }

    /// How many blocks there are.
    fn count(&self) -> usize {
        match self {
            Self::Stored { kind, bytes } => bytes.len() / kind.block_bytes(),
            Self::Values(values) => values.len() / BLOCK,
        }
    }

    /// The block at `index`; `None` where its scale is no f16.
    fn block(&self, index: usize) -> Option<Block> {
        match self {
            Self::Stored { kind, bytes } => {
                let size = kind.block_bytes();
                kind.block(&bytes[index * size..][..size])
            }
            Self::Values(values) => Block::of(values[index * BLOCK..].first_chunk()?),
        }
    }

    /// The first element whose block has a scale or a minimum that is not finite, with that number.
    pub(crate) fn not_finite(&self) -> Option<(usize, f32)> {
        (0..self.count()).find_map(|index| {
            let block = self.block(index)?;
            let bad = [block.scale, block.minimum].into_iter().find(|number| !number.is_finite())?;
            Some((index * BLOCK, bad.to_f32()))
        })
    }
}

/// Parts of equal width, one below the other, as one matrix: in their format, or in one that holds all of
/// theirs. `None` where a weight is too large for that.
pub(crate) fn joined(parts: &[Part], inputs: usize) -> Option<BlockMatrix> {
    let blocks = inputs / BLOCK;
    let first = parts.first()?.format();
    let alike = parts.iter().all(|part| part.format() == first);
    let format = if alike { first } else { BlockFormat::WIDEST };
    let block_of = |part: &Part, index: usize| match part.block(index)? {
        block if alike => Some(block),
        block => block.widened(part.format()),
    };
    // Which part each output is of, and where it begins there.
    let rows = |part: &Part| part.count() / blocks;
    let places: Vec<(&Part, usize)> =
        parts.iter().flat_map(|part| (0..rows(part)).map(move |row| (part, row * blocks))).collect();
    BlockMatrix::new([places.len(), inputs], format, |output, index| {
        let (part, start) = places[output];
        block_of(part, start + index)
    })
}

#[cfg(test)]
mod tests {
    use half::f16;

    use crate::gguf::GgufFile;

    use super::*;

    const COLUMNS: usize = 512;

    /// A tensor of the file of every kind, as it is stored and as values.
    fn stored(name: &str) -> (Part, Vec<f32>) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/gguf/kinds.gguf");
        let mut file = GgufFile::open(path.as_ref()).unwrap();
        let kind = file.tensor(name).unwrap().kind();
        let mut values = Vec::new();
        file.read_into(name, &mut values, &mut |_| ()).unwrap();
        (Part::Stored { kind, bytes: file.read_bytes(name).unwrap() }, values)
    }

    fn rows(matrix: &BlockMatrix) -> Vec<f32> {
        let mut all = vec![0.0; matrix.outputs() * matrix.inputs()];
        for (output, row) in all.chunks_exact_mut(matrix.inputs()).enumerate() {
            matrix.row(output, row);
        }
        all
    }

    #[test]
    fn every_kind_of_32_keeps_its_weights() {
        for name in ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0"] {
            let (part, values) = stored(name);
            let format = part.format();
            let matrix = joined(&[part], COLUMNS).unwrap();
            assert_eq!((rows(&matrix), matrix.format()), (values, format), "{name}");
        }
    }

    #[test]
    fn kinds_side_by_side_keep_theirs_too() {
        let ((four, mut wanted), (eight, values)) = (stored("q4_1"), stored("q8_0"));
        wanted.extend(values);
        let matrix = joined(&[four, eight], COLUMNS).unwrap();
        assert_eq!(matrix.format(), BlockFormat::WIDEST);
        for (found, wanted) in rows(&matrix).iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-5, "{found}, not {wanted}");
        }
    }

    #[test]
    fn a_scale_that_is_not_finite_is_found() {
        let (Part::Stored { kind, mut bytes }, _) = stored("q4_1") else { panic!("it is stored") };
        let second = kind.block_bytes();
        bytes[second + 2..][..2].copy_from_slice(&f16::INFINITY.to_le_bytes());
        assert_eq!(Part::Stored { kind, bytes }.not_finite(), Some((BLOCK, f32::INFINITY)));
        assert_eq!(stored("q8_0").0.not_finite(), None);
    }

    #[test]
    fn what_no_block_can_hold_is_not_joined() {
        let part = Part::Values(vec![1e9; 2 * BLOCK]);
        assert!(joined(&[part], BLOCK).is_none());
        assert!(joined(&[], BLOCK).is_none());
    }
}

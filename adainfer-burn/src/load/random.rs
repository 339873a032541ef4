//! Weights that no file holds.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Expected, Source};
use crate::LoadError;

/// Numbers of a sensible size for every tensor that a configuration asks for: activations keep theirs from
/// layer to layer.
pub(crate) struct RandomSource {
    shapes: BTreeMap<String, Vec<usize>>,
    seed: u64,
}

impl RandomSource {
    pub(crate) fn new(tensors: Vec<Expected>, seed: u64) -> Self {
        Self { shapes: tensors.into_iter().map(|t| (t.name, t.shape)).collect(), seed }
    }
}

impl Source for RandomSource {
    fn path(&self) -> &Path {
        Path::new("random weights")
    }

    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        self.shapes.clone()
    }

    /// The same values for a seed and a name, in whatever order tensors are read.
    fn append(
        &mut self,
        name: &str,
        out: &mut Vec<f32>,
        raw: &mut dyn FnMut(&[u8]),
    ) -> Result<(), LoadError> {
        let shape = self.shapes.get(name).map_or(&[][..], Vec::as_slice);
        // Norms near 1; biases and matrices around 0, the latter of variance 1 / inputs.
        let (centre, width) = match shape {
            [_, inputs] => (0.0, (12.0 / *inputs as f32).sqrt()),
            _ if name.ends_with("bias") => (0.0, 0.2),
            _ => (1.0, 0.2),
        };
        raw(&self.seed.to_le_bytes());
        // FNV-1a of the name, and never 0, where xorshift stays.
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let mut state = name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ self.seed, fnv).max(1);
        out.extend((0..shape.iter().product::<usize>()).map(|_| {
            // xorshift64: any numbers will do.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            centre + width * ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5)
        }));
        Ok(())
    }
}

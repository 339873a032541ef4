use std::collections::BTreeSet;

use adainfer_core::TokenId;
use sha2::{Digest, Sha256};

use super::LensFitError;
use crate::lens::hex;

/// A text that a lens is fitted on, and where in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LensPrompt {
    /// Its name, one of its own.
    pub id: String,
    /// The text.
    pub tokens: Vec<TokenId>,
    /// Positions, counted from 0, each with its weight beside the others'.
    pub positions: Vec<(usize, f64)>,
}

impl LensPrompt {
    /// Looked at where the answer is given: at its last position.
    pub fn last(id: impl Into<String>, tokens: Vec<TokenId>) -> Self {
        let last = tokens.len().saturating_sub(1);
        Self { id: id.into(), tokens, positions: vec![(last, 1.0)] }
    }

    /// Looked at after every token: what a lens for generating text needs.
    pub fn everywhere(id: impl Into<String>, tokens: Vec<TokenId>) -> Self {
        let positions = (0..tokens.len()).map(|position| (position, 1.0)).collect();
        Self { id: id.into(), tokens, positions }
    }
}

/// Refuses what cannot be fitted on.
pub(super) fn check(prompts: &[LensPrompt]) -> Result<(), LensFitError> {
    let mut ids = BTreeSet::new();
    for LensPrompt { id, tokens, positions } in prompts {
        if !ids.insert(id) {
            return Err(LensFitError::Twice { prompt: id.clone() });
        }
        if positions.is_empty() {
            return Err(LensFitError::NoPosition { prompt: id.clone() });
        }
        for (position, weight) in positions {
            if *position >= tokens.len() {
                let (prompt, tokens) = (id.clone(), tokens.len());
                return Err(LensFitError::Position { prompt, position: *position, tokens });
            }
            if !(*weight > 0.0 && weight.is_finite()) {
                return Err(LensFitError::Weight {
                    prompt: id.clone(),
                    position: *position,
                    weight: *weight,
                });
            }
        }
    }
    Ok(())
}

/// SHA-256 of the prompts and their positions, in hexadecimal.
pub(super) fn hash(prompts: &[LensPrompt]) -> String {
    let mut hash = Sha256::new();
    let number = |number: usize| (number as u64).to_le_bytes();
    for LensPrompt { id, tokens, positions } in prompts {
        for part in [id.len(), tokens.len(), positions.len()] {
            hash.update(number(part));
        }
        hash.update(id);
        tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
        for (position, weight) in positions {
            hash.update(number(*position));
            hash.update(weight.to_le_bytes());
        }
    }
    hex(hash)
}

/// Which prompts are held out.
pub(super) struct Parts(Vec<bool>);

/// Holds out a share of the prompts, rounded, but at least one, and leaves at least one.
pub(super) fn split(prompts: &[LensPrompt], held_out: f64, seed: u64) -> Parts {
    let place = |prompt: &LensPrompt| {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(&prompt.id);
        hash.finalize()
    };
    let mut order: Vec<usize> = (0..prompts.len()).collect();
    order.sort_by_cached_key(|i| place(&prompts[*i]));
    let count = (held_out * prompts.len() as f64).round() as usize;
    let mut parts = vec![false; prompts.len()];
    for i in order.into_iter().take(count.clamp(1, prompts.len().saturating_sub(1).max(1))) {
        parts[i] = true;
    }
    Parts(parts)
}

impl Parts {
    pub(super) fn is_held_out(&self, i: usize) -> bool {
        self.0[i]
    }

    pub(super) fn fitted<'p>(&self, prompts: &'p [LensPrompt]) -> impl Iterator<Item = &'p LensPrompt> {
        self.part(prompts, false)
    }

    pub(super) fn held_out<'p>(&self, prompts: &'p [LensPrompt]) -> impl Iterator<Item = &'p LensPrompt> {
        self.part(prompts, true)
    }

    fn part<'p>(&self, prompts: &'p [LensPrompt], held_out: bool) -> impl Iterator<Item = &'p LensPrompt> {
        prompts.iter().zip(&self.0).filter(move |(_, part)| **part == held_out).map(|(prompt, _)| prompt)
    }
}

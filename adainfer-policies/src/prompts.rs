use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

/// Prompts by the hashes of their names: enough to see whether two sets of traces have one in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptSet(BTreeSet<u64>);

impl PromptSet {
    /// How many prompts there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a prompt of this name is among them. Two names in 2^64 are taken for one.
    pub fn contains(&self, prompt: &str) -> bool {
        self.0.contains(&hash(prompt))
    }
}

impl<'a> FromIterator<&'a str> for PromptSet {
    fn from_iter<I: IntoIterator<Item = &'a str>>(prompts: I) -> Self {
        Self(prompts.into_iter().map(hash).collect())
    }
}

fn hash(prompt: &str) -> u64 {
    let digest = Sha256::digest(prompt);
    digest.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

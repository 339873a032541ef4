use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Prompts by the hashes of their names: enough to see whether two sets of traces have one in common.
///
/// A file has the first 16 hexadecimal digits of the SHA-256 of each name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
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

impl From<PromptSet> for Vec<String> {
    fn from(prompts: PromptSet) -> Self {
        prompts.0.into_iter().map(|hash| format!("{hash:016x}")).collect()
    }
}

impl TryFrom<Vec<String>> for PromptSet {
    type Error = String;

    fn try_from(hashes: Vec<String>) -> Result<Self, String> {
        let read = |hash: String| match (hash.len(), u64::from_str_radix(&hash, 16)) {
            (16, Ok(hash)) => Ok(hash),
            _ => Err(format!("{hash:?} is not the 16 hexadecimal digits of a prompt")),
        };
        hashes.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

fn hash(prompt: &str) -> u64 {
    let digest = Sha256::digest(prompt);
    digest.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

//! The bytes that each token stands for.

use super::TokenizerError;
use super::spelling::Spelling;

/// The most tokens a vocabulary may have: four times what the largest that are published have (about a million), and little
/// enough that a false number in a file cannot ask for much memory.
pub(super) const MAX_TOKENS: usize = 1 << 22;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// There is no such token.
    Missing,
    /// It stands for text, spelled as the vocabulary spells it.
    Spelled,
    /// It stands for its own name, and is found in a text before the text is split.
    Added,
    /// It steers the model and stands for no text.
    Special,
}

/// The bytes and the role of every token, in one buffer.
#[derive(Debug)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// For each token where its bytes end, which is where the next token's begin, and its role.
    ends: Vec<(usize, Role)>,
    strips_first_space: bool,
}

impl Pieces {
    /// The pieces of a vocabulary, given by its tokens' names in order.
    pub(super) fn new<'a>(tokens: impl Iterator<Item = (&'a str, Role)>, spelling: Spelling) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (name, role) in tokens {
            match role {
                Role::Missing => {}
                Role::Special => bytes.extend_from_slice(name.as_bytes()),
                Role::Spelled | Role::Added => spelling.read_token(name, role == Role::Added, &mut bytes),
            }
            ends.push((bytes.len(), role));
        }
        bytes.shrink_to_fit();
        Self { bytes, ends, strips_first_space: spelling.strips_first_space() }
    }

    /// The highest token and one more.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether a text's first space was put there by the tokenizer.
    pub(super) fn strips_first_space(&self) -> bool {
        self.strips_first_space
    }

    /// A token's bytes, which for a special token are its name.
    pub(super) fn name(&self, token: u32) -> Option<&[u8]> {
        self.get(token).map(|(bytes, _)| bytes)
    }

    /// The bytes that a token adds to a text: none if it is special.
    pub(super) fn text(&self, token: u32) -> Result<&[u8], TokenizerError> {
        match self.get(token) {
            Some((_, Role::Special)) => Ok(&[]),
            Some((bytes, _)) => Ok(bytes),
            None => Err(TokenizerError::UnknownToken { token, vocab_size: self.len() }),
        }
    }

    fn get(&self, token: u32) -> Option<(&[u8], Role)> {
        let token = usize::try_from(token).ok()?;
        let (end, role) = *self.ends.get(token).filter(|(_, role)| *role != Role::Missing)?;
        let start = token.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(end, _)| *end);
        Some((self.bytes.get(start..end)?, role))
    }
}

//! Text from tokens, one token at a time.

use super::TokenizerError;
use super::pieces::Pieces;

/// Turns tokens into text as they come, for a program that shows a model's words while it makes them.
///
/// A character may be spread over several tokens: it comes out with the last of them. Bytes that cannot become a character
/// come out as U+FFFD as soon as that is certain. What [`push`](Self::push) and [`finish`](Self::finish) give, joined, is
/// what [`Tokenizer::decode`](super::Tokenizer::decode) gives for all the tokens at once.
#[derive(Debug)]
pub struct TextStream<'a> {
    pieces: &'a Pieces,
    /// The beginning of a character: at most three bytes between two tokens.
    open: Vec<u8>,
    /// Whether a space that comes now was put there by the tokenizer.
    strips: bool,
}

impl<'a> TextStream<'a> {
    pub(super) fn new(pieces: &'a Pieces) -> Self {
        Self { pieces, open: Vec::new(), strips: pieces.strips_first_space() }
    }

    /// Takes one more token and gives the text that became whole with it, if any. A special token adds nothing.
    ///
    /// # Errors
    ///
    /// If the vocabulary has no such token. The stream is then as it was before.
    pub fn push(&mut self, token: u32) -> Result<Option<String>, TokenizerError> {
        let mut text = String::new();
        self.push_onto(token, &mut text)?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// [`push`](Self::push) for a text that grows.
    pub(super) fn push_onto(&mut self, token: u32, text: &mut String) -> Result<(), TokenizerError> {
        let mut bytes = self.pieces.text(token)?;
        if self.strips && !bytes.is_empty() {
            self.strips = false;
            bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
        }
        self.open.extend_from_slice(bytes);
        let whole = take_whole(&self.open, text);
        self.open.drain(..whole);
        Ok(())
    }

    /// Gives what is left: one U+FFFD if the last character is not whole, else nothing.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn finish(self) -> Result<String, TokenizerError> {
        Ok(String::from_utf8_lossy(&self.open).into_owned())
    }
}

/// Adds to `text` all of `bytes` but a character that is not whole at its end, and says how many bytes that were.
fn take_whole(bytes: &[u8], text: &mut String) -> usize {
    let mut taken = 0;
    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
        let Err(error) = std::str::from_utf8(rest).map(|whole| text.push_str(whole)) else {
            return bytes.len();
        };
        let (whole, _) = rest.split_at(error.valid_up_to());
        text.push_str(&String::from_utf8_lossy(whole));
        taken += whole.len();
        let Some(broken) = error.error_len() else { break };
        text.push(char::REPLACEMENT_CHARACTER);
        taken += broken;
    }
    taken
}

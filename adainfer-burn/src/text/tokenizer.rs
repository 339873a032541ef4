//! The tokenizer: text to tokens and back.

use std::fmt;
use std::path::Path;

use super::pieces::Pieces;
use super::{GgufVocab, TextStream, TokenizerError, gguf, hugging_face};

/// Turns text into the tokens of a language model, and tokens into text.
pub struct Tokenizer {
    pub(super) library: tokenizers::Tokenizer,
    pub(super) pieces: Pieces,
    /// Put before each text, where the library does not do it itself.
    pub(super) bos: Option<u32>,
    /// Put after each text, where the library does not do it itself.
    pub(super) eos: Option<u32>,
}

impl Tokenizer {
    /// Reads a Hugging Face `tokenizer.json`.
    ///
    /// What the file says about cutting or filling up texts (`truncation`, `padding`) is left out: a prompt is a whole one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not a tokenizer, or turns tokens into text in another way than GPT-2
    /// (`ByteLevel`) and SentencePiece (`Replace`, `ByteFallback`, `Fuse`, `Strip`, `Metaspace`) do.
    pub fn from_file(path: &Path) -> Result<Self, TokenizerError> {
        hugging_face::read(path)
    }

    /// Makes the tokenizer that the metadata of a GGUF file describes.
    ///
    /// # Errors
    ///
    /// If the kind of vocabulary or of splitting is not known here, or if the lists do not fit together.
    pub fn from_gguf(vocab: GgufVocab) -> Result<Self, TokenizerError> {
        gguf::tokenizer(&vocab)
    }

    /// The highest token and one more, which a model's embedding must have at least.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The tokens of a text. With `special`, the tokens that this model's texts begin or end with are added.
    ///
    /// Special tokens that are written in the text, such as `<|im_start|>`, are found in any case. Characters for which a
    /// byte-level vocabulary has no token (some have none for a few control characters) are left out.
    ///
    /// # Errors
    ///
    /// If the library fails, as a file's own splitting pattern may on a text that makes it try too many ways.
    pub fn encode(&self, text: &str, special: bool) -> Result<Vec<u32>, TokenizerError> {
        let encoding =
            self.library.encode_fast(text, special).map_err(TokenizerError::library("encode the text"))?;
        let (bos, eos) = if special { (self.bos, self.eos) } else { (None, None) };
        Ok(bos.into_iter().chain(encoding.get_ids().iter().copied()).chain(eos).collect())
    }

    /// The text of some tokens, without the special ones. Bytes that are no character become U+FFFD.
    ///
    /// # Errors
    ///
    /// If the vocabulary has no such token.
    pub fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        let (mut stream, mut text) = (self.stream(), String::new());
        tokens.iter().try_for_each(|token| stream.push_onto(*token, &mut text))?;
        text.push_str(&stream.finish()?);
        Ok(text)
    }

    /// One token as it appears inside a text, as in `" the"`; a special token's name; U+FFFD for a part of a character.
    /// `None` if the vocabulary has no such token.
    pub fn token_text(&self, token: u32) -> Option<String> {
        self.pieces.name(token).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A stream that turns tokens into text as they come.
    pub fn stream(&self) -> TextStream<'_> {
        TextStream::new(&self.pieces)
    }
}

impl fmt::Debug for Tokenizer {
    /// Without the vocabulary, which fills thousands of lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .field("bos", &self.bos)
            .field("eos", &self.eos)
            .finish_non_exhaustive()
    }
}

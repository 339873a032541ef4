//! What can be wrong with a tokenizer or with what it is given.

use std::path::PathBuf;

/// Why a tokenizer could not be made, or could not do what it was asked.
///
/// [`Tokenizer::decode`](super::Tokenizer::decode) and [`TextStream`](super::TextStream) fail only with
/// [`UnknownToken`](Self::UnknownToken); everything else but [`Library`](Self::Library) is found when a tokenizer is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file could not be read.
    #[error("cannot read the tokenizer file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than any tokenizer's.
    #[error("the tokenizer file has {bytes} bytes, more than the {limit} that are allowed")]
    FileTooLarge {
        /// Its length.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The file is not JSON.
    #[error("the tokenizer file is not valid json")]
    Json(#[source] serde_json::Error),
    /// The crate `tokenizers` refused.
    #[error("cannot {action}")]
    Library {
        /// What was being done.
        action: &'static str,
        /// What the crate said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file turns tokens into text in a way that is not known here.
    #[error("the decoder {name} of the tokenizer file is not supported")]
    UnsupportedDecoder {
        /// The decoder's name in the file.
        name: String,
    },
    /// `tokenizer.ggml.model` names a kind of tokenizer that is not known here.
    #[error("tokenizer.ggml.model is {model:?}, and only \"gpt2\" and \"llama\" are supported")]
    UnsupportedModel {
        /// What the file says.
        model: String,
    },
    /// `tokenizer.ggml.pre` names a way to split text that is not known here.
    #[error("tokenizer.ggml.pre is {pre:?}, which is not supported")]
    UnsupportedSplit {
        /// What the file says.
        pre: String,
    },
    /// There are no tokens.
    #[error("the vocabulary is empty")]
    EmptyVocabulary,
    /// There are more tokens than any model has.
    #[error("the vocabulary has {tokens} tokens, more than the {limit} that are allowed")]
    VocabularyTooLarge {
        /// How many there are, the holes between them included.
        tokens: usize,
        /// The most that are allowed.
        limit: usize,
    },
    /// A token of a "llama" vocabulary is longer than any model's.
    #[error("token {token} has {bytes} bytes, more than the {limit} that are allowed")]
    TokenTooLong {
        /// The token.
        token: usize,
        /// Its length.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A list that goes with the tokens has another length than they have.
    #[error("there are {tokens} tokens and {found} {list}")]
    CountMismatch {
        /// What the list holds.
        list: &'static str,
        /// How many tokens there are.
        tokens: usize,
        /// How long the list is.
        found: usize,
    },
    /// A list that this kind of vocabulary needs is not there.
    #[error("a {model:?} vocabulary needs {list}, and the file has none")]
    MissingList {
        /// The kind of vocabulary.
        model: &'static str,
        /// What the list holds.
        list: &'static str,
    },
    /// Two tokens have the same text.
    #[error("tokens {first} and {second} are both {text:?}")]
    DuplicateToken {
        /// Their text.
        text: String,
        /// The one that came first.
        first: u32,
        /// The one that came second.
        second: u32,
    },
    /// Two texts have the same token.
    #[error("{first:?} and {second:?} are both token {token}")]
    SharedToken {
        /// The token.
        token: u32,
        /// One text.
        first: String,
        /// The other.
        second: String,
    },
    /// A token's type is none of those that GGUF has.
    #[error("token {token} has the type {found}, and the types are 0 to 6")]
    BadTokenType {
        /// The token.
        token: usize,
        /// Its type.
        found: i32,
    },
    /// A token's score is not a number.
    #[error("the score of token {token} is not a number")]
    BadScore {
        /// The token.
        token: usize,
    },
    /// A byte token is not named as one.
    #[error("token {token} has the type of a byte and is called {text:?}, not <0x00> to <0xFF>")]
    BadByteToken {
        /// The token.
        token: usize,
        /// Its text.
        text: String,
    },
    /// Some text could not be encoded.
    #[error("the vocabulary has {found} of the 256 byte tokens, and needs all, or none and an unknown token")]
    MissingBytes {
        /// How many there are.
        found: usize,
    },
    /// A merge is not two tokens with a space between them.
    #[error("merge {number} is {text:?}, not two tokens with a space between")]
    BadMerge {
        /// Which merge, from 1.
        number: usize,
        /// What it says.
        text: String,
    },
    /// A merge has a part, or makes a token, that the vocabulary has not.
    #[error("merge {number} is {text:?}, and the vocabulary has no {missing:?}")]
    UnknownMerge {
        /// Which merge, from 1.
        number: usize,
        /// What it says.
        text: String,
        /// The token that is missing.
        missing: String,
    },
    /// A token with a meaning of its own is beyond the vocabulary.
    #[error("the {name} token is {token}, and there are {tokens} tokens")]
    SpecialOutOfRange {
        /// Its meaning: bos, eos or unknown.
        name: &'static str,
        /// The token.
        token: u32,
        /// How many tokens there are.
        tokens: usize,
    },
    /// A token has to be added to each text, and the file does not say which.
    #[error("the file says that the {name} token is added and not which token that is")]
    MissingSpecial {
        /// Its meaning: bos or eos.
        name: &'static str,
    },
    /// A token to be turned into text is not in the vocabulary.
    #[error("token {token} is not in the vocabulary of {vocab_size}")]
    UnknownToken {
        /// The token.
        token: u32,
        /// How many tokens there are.
        vocab_size: usize,
    },
}

impl TokenizerError {
    /// The crate's error, with what was being done.
    pub(super) fn library(
        action: &'static str,
    ) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        move |source| Self::Library { action, source }
    }
}

//! A tokenizer from what a GGUF file says about its vocabulary.

use tokenizers::AddedToken;
use tokenizers::models::bpe::Vocab;

use super::pieces::{MAX_TOKENS, Pieces, Role};
use super::spelling::Spelling;
use super::{Tokenizer, TokenizerError, byte_level, sentence_piece};

/// What the keys `tokenizer.ggml.*` of a GGUF file say.
#[derive(Clone, Debug, Default)]
pub struct GgufVocab {
    /// `model`: "gpt2" (byte-level) or "llama" (SentencePiece).
    pub model: String,
    /// `pre`: how a "gpt2" vocabulary splits a text into words, such as "smollm".
    pub pre: Option<String>,
    /// `tokens`: the tokens' names.
    pub tokens: Vec<String>,
    /// `scores`: which tokens a "llama" vocabulary makes first.
    pub scores: Option<Vec<f32>>,
    /// `token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; all are normal without it.
    pub token_types: Option<Vec<i32>>,
    /// `merges`: which tokens a "gpt2" vocabulary puts together, first things first.
    pub merges: Option<Vec<String>>,
    /// `bos_token_id`: what a text begins with.
    pub bos: Option<u32>,
    /// `eos_token_id`: what a text ends with.
    pub eos: Option<u32>,
    /// `unknown_token_id`: what stands for a character that has no token.
    pub unknown: Option<u32>,
    /// `add_bos_token`: whether a text begins with `bos`. Without it, "llama" vocabularies and Llama 3 say yes.
    pub add_bos: Option<bool>,
    /// `add_eos_token`: whether a text ends with `eos`. Without it, none does.
    pub add_eos: Option<bool>,
    /// `add_space_prefix`: whether a "llama" vocabulary puts a space before a text. Without it, it does.
    pub add_space_prefix: Option<bool>,
}

/// What the two kinds of vocabulary have in common.
pub(super) struct Made {
    pub(super) library: tokenizers::Tokenizer,
    pub(super) spelling: Spelling,
    /// Whether a text begins with the bos token if the file does not say.
    pub(super) adds_bos: bool,
}

/// What a token's type says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Special,
    UserDefined,
    Byte,
}

/// Checks the vocabulary and makes its tokenizer.
pub(super) fn tokenizer(vocab: &GgufVocab) -> Result<Tokenizer, TokenizerError> {
    let ids = vocab.check()?;
    let Made { mut library, spelling, adds_bos } = match vocab.model.as_str() {
        "gpt2" => byte_level::make(vocab, ids)?,
        "llama" => sentence_piece::make(vocab, ids)?,
        other => return Err(TokenizerError::UnsupportedModel { model: other.into() }),
    };
    library.add_tokens(vocab.added()).map_err(TokenizerError::library("add the special tokens"))?;
    let roles = vocab.kinds().map(|(name, kind)| (name, kind.role()));
    Ok(Tokenizer {
        library,
        pieces: Pieces::new(roles, spelling),
        bos: vocab.bos(adds_bos)?,
        eos: vocab.eos()?,
    })
}

impl GgufVocab {
    /// Each token's name and what it is.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&str, Kind)> {
        let types = self.token_types.iter().flatten().copied().chain(std::iter::repeat(1));
        self.tokens.iter().map(String::as_str).zip(types.map(Kind::from_type))
    }

    /// Checks everything that does not depend on the kind of vocabulary, and gives the tokens by name.
    fn check(&self) -> Result<Vocab, TokenizerError> {
        let tokens = self.tokens.len();
        match tokens {
            0 => return Err(TokenizerError::EmptyVocabulary),
            1..=MAX_TOKENS => {}
            _ => return Err(TokenizerError::VocabularyTooLarge { tokens, limit: MAX_TOKENS }),
        }
        let lengths = [
            ("scores", self.scores.as_ref().map(Vec::len)),
            ("token types", self.token_types.as_ref().map(Vec::len)),
        ];
        for (list, found) in lengths {
            if let Some(found) = found.filter(|found| *found != tokens) {
                return Err(TokenizerError::CountMismatch { list, tokens, found });
            }
        }
        for (name, token) in [("bos", self.bos), ("eos", self.eos), ("unknown", self.unknown)] {
            if let Some(token) = token.filter(|token| *token as usize >= tokens) {
                return Err(TokenizerError::SpecialOutOfRange { name, token, tokens });
            }
        }
        let mut types = self.token_types.iter().flatten().copied().enumerate();
        match types.find(|(_, found)| !(0..=6).contains(found)) {
            Some((token, found)) => Err(TokenizerError::BadTokenType { token, found }),
            None => self.ids(),
        }
    }

    fn ids(&self) -> Result<Vocab, TokenizerError> {
        let mut ids = Vocab::with_capacity(self.tokens.len());
        for (name, second) in self.tokens.iter().zip(0..) {
            if let Some(first) = ids.insert(name.clone(), second) {
                return Err(TokenizerError::DuplicateToken { text: name.clone(), first, second });
            }
        }
        Ok(ids)
    }

    /// The tokens that are found in a text before it is split.
    fn added(&self) -> impl Iterator<Item = AddedToken> {
        self.kinds().filter_map(|(name, kind)| match kind {
            Kind::Special => Some(AddedToken::from(name, true)),
            Kind::UserDefined => Some(AddedToken::from(name, false).normalized(false)),
            Kind::Text | Kind::Byte => None,
        })
    }

    fn bos(&self, default: bool) -> Result<Option<u32>, TokenizerError> {
        match (self.add_bos, self.bos) {
            (Some(true), None) => Err(TokenizerError::MissingSpecial { name: "bos" }),
            (adds, bos) => Ok(bos.filter(|_| adds.unwrap_or(default))),
        }
    }

    fn eos(&self) -> Result<Option<u32>, TokenizerError> {
        match (self.add_eos, self.eos) {
            (Some(true), None) => Err(TokenizerError::MissingSpecial { name: "eos" }),
            (adds, eos) => Ok(eos.filter(|_| adds == Some(true))),
        }
    }
}

impl Kind {
    /// The unknown token is special: it stands for text that is lost. Unused tokens are like normal ones to llama.cpp.
    fn from_type(token_type: i32) -> Self {
        match token_type {
            2 | 3 => Self::Special,
            4 => Self::UserDefined,
            6 => Self::Byte,
            _ => Self::Text,
        }
    }

    fn role(self) -> Role {
        match self {
            Self::Special => Role::Special,
            Self::UserDefined => Role::Added,
            Self::Text | Self::Byte => Role::Spelled,
        }
    }
}

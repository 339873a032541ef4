//! How a text is cut into words before a byte-level tokenizer looks at them, by the name that GGUF files give it.
//!
//! The patterns are those in the `tokenizer.json` files of the models that the names come from.

use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split as Pattern, SplitPattern};
use tokenizers::{SplitDelimiterBehavior, Tokenizer};

use super::TokenizerError;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const PUNCTUATION: &str = r"[\p{P}\$\+<=>\^~\|]+";

/// How one family of models cuts a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    /// Applied one after the other, each to what the ones before left.
    patterns: &'static [&'static str],
    /// Whether characters are first put together from their parts.
    composes: bool,
    /// Whether a word that is a token is one, whatever the merges say.
    pub(super) whole_words: bool,
    /// Whether a text begins with the bos token if the file does not say.
    pub(super) adds_bos: bool,
}

impl Split {
    /// The split with this `tokenizer.ggml.pre`. llama.cpp takes "default" where a file has none.
    pub(super) fn from_pre(pre: Option<&str>) -> Result<Self, TokenizerError> {
        let plain = |patterns| Self { patterns, composes: false, whole_words: false, adds_bos: false };
        Ok(match pre.unwrap_or("default") {
            "smollm" | "starcoder" | "refact" | "codeshell" => plain(&[r"\p{N}", GPT2]),
            "gpt-2" | "phi-2" => plain(&[GPT2]),
            "llama3" | "llama-v3" | "llama-bpe" => {
                Self { whole_words: true, adds_bos: true, ..plain(&[LLAMA3]) }
            }
            "qwen2" => Self { composes: true, ..plain(&[QWEN2]) },
            "default" => plain(&[PUNCTUATION, GPT2, r"\p{N}+", "[0-9][0-9][0-9]"]),
            other => return Err(TokenizerError::UnsupportedSplit { pre: other.into() }),
        })
    }

    /// Gives this split to a tokenizer.
    pub(super) fn apply(self, library: &mut Tokenizer) -> Result<(), TokenizerError> {
        let failed = || TokenizerError::library("make the splitting pattern");
        let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
        for pattern in self.patterns {
            let pattern = SplitPattern::Regex((*pattern).into());
            steps.push(
                Pattern::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(failed())?.into(),
            );
        }
        steps.push(ByteLevel::new(false, false, false).into());
        library.with_pre_tokenizer(Some(Sequence::new(steps)));
        library.with_normalizer(self.composes.then_some(NFC)).map_err(failed())?;
        Ok(())
    }
}

//! A "gpt2" vocabulary: bytes as characters, put together by a list of merges.

use tokenizers::models::bpe::{BPE, Merges, Vocab};

use super::TokenizerError;
use super::gguf::{GgufVocab, Made};
use super::spelling::Spelling;
use super::split::Split;

/// Makes the tokenizer, whose tokens are `ids`.
pub(super) fn make(vocab: &GgufVocab, ids: Vocab) -> Result<Made, TokenizerError> {
    let split = Split::from_pre(vocab.pre.as_deref())?;
    let merges = merges(vocab, &ids)?;
    let bpe = BPE::builder()
        .vocab_and_merges(ids, merges)
        .ignore_merges(split.whole_words)
        .build()
        .map_err(TokenizerError::library("build the merges"))?;
    let mut library = tokenizers::Tokenizer::new(bpe);
    split.apply(&mut library)?;
    Ok(Made { library, spelling: Spelling::ByteLevel, adds_bos: split.adds_bos })
}

/// Reads the merges. Both sides and what they make must be tokens: the library panics on some that are not.
fn merges(vocab: &GgufVocab, ids: &Vocab) -> Result<Merges, TokenizerError> {
    let missing = TokenizerError::MissingList { model: "gpt2", list: "merges" };
    let lines = vocab.merges.as_ref().ok_or(missing)?;
    let mut merges = Merges::with_capacity(lines.len());
    for (line, number) in lines.iter().zip(1..) {
        let sides = line.split_once(' ').filter(|(left, right)| !left.is_empty() && is_token(right));
        let Some((left, right)) = sides else {
            return Err(TokenizerError::BadMerge { number, text: line.clone() });
        };
        let made = format!("{left}{right}");
        if let Some(missing) = [left, right, &made].into_iter().find(|token| !ids.contains_key(*token)) {
            let missing = missing.to_owned();
            return Err(TokenizerError::UnknownMerge { number, text: line.clone(), missing });
        }
        merges.push((left.into(), right.into()));
    }
    Ok(merges)
}

fn is_token(side: &str) -> bool {
    !side.is_empty() && !side.contains(' ')
}

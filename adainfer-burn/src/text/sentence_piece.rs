//! A "llama" vocabulary: SentencePiece's byte-pair encoding, which has scores and no merges.
//!
//! SentencePiece puts the two neighbours together that make the token with the highest score, and again until none make one.
//! That is what a list of merges says, if it holds every way to cut a token in two, sorted by the token's score.

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::{NormalizerWrapper, Prepend, Replace, Sequence};

use super::TokenizerError;
use super::gguf::{GgufVocab, Kind, Made};
use super::spelling::{SPACE, Spelling, byte_of_name};

/// The most bytes a token may have. Published ones stay under 200; the work for one grows with the square of its length.
const MAX_TOKEN_BYTES: usize = 1024;

/// Makes the tokenizer, whose tokens are `ids`.
pub(super) fn make(vocab: &GgufVocab, ids: Vocab) -> Result<Made, TokenizerError> {
    let merges = merges(vocab, &ids)?;
    let bytes = has_bytes(vocab)?;
    // The library keeps whole words in a cache, and here a word is a whole text: nothing would be found there again.
    let mut bpe =
        BPE::builder().vocab_and_merges(ids, merges).cache_capacity(0).byte_fallback(bytes).fuse_unk(true);
    if let Some(unknown) = vocab.unknown.and_then(|token| vocab.tokens.get(token as usize)) {
        bpe = bpe.unk_token(unknown.clone());
    }
    let bpe = bpe.build().map_err(TokenizerError::library("build the merges"))?;
    let mut library = tokenizers::Tokenizer::new(bpe);
    let prefix = vocab.add_space_prefix.unwrap_or(true);
    library.with_normalizer(Some(spaces(prefix)?)).map_err(TokenizerError::library("set the spaces"))?;
    let spelling = Spelling::SentencePiece { space: Some(SPACE), bytes, strips: prefix };
    Ok(Made { library, spelling, adds_bos: true })
}

/// Writes spaces as the vocabulary does, and one before the text.
fn spaces(prefix: bool) -> Result<Sequence, TokenizerError> {
    let replace = Replace::new(" ", SPACE).map_err(TokenizerError::library("replace the spaces"))?;
    let prepend = prefix.then(|| Prepend::new(SPACE.into()).into());
    Ok(Sequence::new(prepend.into_iter().chain([NormalizerWrapper::Replace(replace)]).collect()))
}

/// Every way to cut a token into two tokens, the highest score first. Of equal ones the lower token comes first, and of one
/// token's cuts the leftmost.
fn merges(vocab: &GgufVocab, ids: &Vocab) -> Result<Merges, TokenizerError> {
    let missing = TokenizerError::MissingList { model: "llama", list: "scores" };
    let scores = vocab.scores.as_ref().ok_or(missing)?;
    let texts: Vec<bool> = vocab.kinds().map(|(_, kind)| kind == Kind::Text).collect();
    let is_text = |name: &str| ids.get(name).and_then(|token| texts.get(*token as usize)) == Some(&true);
    let mut ranked = Vec::new();
    for (token, ((name, kind), score)) in vocab.kinds().zip(scores).enumerate() {
        check_token(token, name, *score)?;
        let cuts = name.char_indices().skip(1).map(|(cut, _)| name.split_at(cut));
        let whole = cuts.filter(|(left, right)| kind == Kind::Text && is_text(left) && is_text(right));
        ranked.extend(whole.map(|sides| (score, sides)));
    }
    // The sort is stable, so what is equal stays in the order of the tokens and of their cuts.
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    Ok(ranked.into_iter().map(|(_, (left, right))| (left.into(), right.into())).collect())
}

fn check_token(token: usize, name: &str, score: f32) -> Result<(), TokenizerError> {
    match name.len() {
        bytes if bytes > MAX_TOKEN_BYTES => {
            Err(TokenizerError::TokenTooLong { token, bytes, limit: MAX_TOKEN_BYTES })
        }
        _ if score.is_nan() => Err(TokenizerError::BadScore { token }),
        _ => Ok(()),
    }
}

/// Whether the vocabulary has a token for each byte, so that any text can be written. If it has none, it must have the
/// unknown token; if it has some, text would be lost.
fn has_bytes(vocab: &GgufVocab) -> Result<bool, TokenizerError> {
    let mut found = 0;
    for (token, (name, _)) in vocab.kinds().enumerate().filter(|(_, (_, kind))| *kind == Kind::Byte) {
        // The library looks for them under these names. There are no doubles, so that 256 are all.
        if byte_of_name(name).is_none_or(|byte| name != format!("<0x{byte:02X}>")) {
            return Err(TokenizerError::BadByteToken { token, text: name.into() });
        }
        found += 1;
    }
    match (found, vocab.unknown) {
        (256, _) => Ok(true),
        (0, Some(_)) => Ok(false),
        _ => Err(TokenizerError::MissingBytes { found }),
    }
}

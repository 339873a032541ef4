use adainfer_core::TokenId;

#[cfg(feature = "text")]
use super::CandidateError;

/// The `count` most frequent tokens of a byte-pair vocabulary, or all of a smaller one: those with the lowest ids, since pairs
/// that are frequent in the text that it was learned from were merged first. (What special tokens stand before them
/// counts too.)
pub fn most_frequent(count: usize, vocab: usize) -> Vec<TokenId> {
    (0..count.min(vocab)).filter_map(|token| TokenId::try_from(token).ok()).collect()
}

/// The first token of each word, to be [`Candidates`](crate::Candidates) in the words' place. A word is written as it would stand
/// in the text, with the space before it: `" positive"`.
///
/// # Errors
/// Two words whose first tokens are one, a word without tokens.
#[cfg(feature = "text")]
pub fn first_tokens<W: AsRef<str>>(
    tokenizer: &crate::text::Tokenizer,
    words: &[W],
) -> Result<Vec<TokenId>, CandidateError> {
    let mut found: Vec<TokenId> = Vec::with_capacity(words.len());
    for word in words.iter().map(AsRef::as_ref) {
        let tokens = tokenizer
            .encode(word, false)
            .map_err(|source| CandidateError::Word { word: word.to_owned(), source })?;
        let token =
            tokens.first().copied().ok_or_else(|| CandidateError::NoToken { word: word.to_owned() })?;
        if let Some(i) = found.iter().position(|other| *other == token) {
            let (one, other) = (words[i].as_ref().to_owned(), word.to_owned());
            return Err(CandidateError::Collide { one, other, token });
        }
        found.push(token);
    }
    Ok(found)
}

//! A tokenizer from a Hugging Face `tokenizer.json`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::pieces::{MAX_TOKENS, Pieces, Role};
use super::spelling::Spelling;
use super::{Tokenizer, TokenizerError};

/// The most that is read: eight times what the largest published ones have (about 33 MB, Gemma's).
const MAX_BYTES: u64 = 256 << 20;

/// Reads and checks the file.
pub(super) fn read(path: &Path) -> Result<Tokenizer, TokenizerError> {
    let json = read_bytes(path)?;
    check_merges(&serde_json::from_slice(&json).map_err(TokenizerError::Json)?)?;
    let mut library = tokenizers::Tokenizer::from_bytes(&json)
        .map_err(TokenizerError::library("make a tokenizer of the file"))?;
    library.with_truncation(None).map_err(TokenizerError::library("turn truncation off"))?;
    library.with_padding(None);
    let spelling = Spelling::from_decoder(library.get_decoder())?;
    let names = names(&library)?;
    let pieces = Pieces::new(names.iter().map(|(name, role)| (name.as_str(), *role)), spelling);
    Ok(Tokenizer { library, pieces, bos: None, eos: None })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, TokenizerError> {
    let failed = |source| TokenizerError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > MAX_BYTES {
        return Err(TokenizerError::FileTooLarge { bytes, limit: MAX_BYTES });
    }
    let mut json = Vec::new();
    // The file may have grown since: what is too much is cut off, and is then no valid JSON.
    file.take(MAX_BYTES).read_to_end(&mut json).map_err(failed)?;
    Ok(json)
}

/// Checks that each merge makes a token of the vocabulary. The library checks that too, but panics on the way there if the
/// token would be longer than all others.
fn check_merges(file: &Value) -> Result<(), TokenizerError> {
    let field = |name| file.get("model").and_then(|model: &Value| model.get(name));
    let (Some(merges), Some(Value::Object(vocab))) =
        (field("merges").and_then(Value::as_array), field("vocab"))
    else {
        return Ok(());
    };
    let prefix = field("continuing_subword_prefix").and_then(Value::as_str).unwrap_or("");
    for (index, merge) in merges.iter().enumerate() {
        let bad = || TokenizerError::BadMerge { number: index + 1, text: merge.to_string() };
        let version = merge.as_str().is_some_and(|line| line.starts_with("#version"));
        if version {
            continue;
        }
        let (left, right) = sides(merge).ok_or_else(bad)?;
        let made = format!("{left}{}", right.strip_prefix(prefix).ok_or_else(bad)?);
        if let Some(missing) = [left, right, made.as_str()].iter().find(|token| !vocab.contains_key(**token))
        {
            let (number, text) = (index + 1, merge.to_string());
            return Err(TokenizerError::UnknownMerge { number, text, missing: (*missing).into() });
        }
    }
    Ok(())
}

/// A merge is `["a", "b"]` or, in older files, `"a b"`.
fn sides(merge: &Value) -> Option<(&str, &str)> {
    match merge {
        Value::String(line) => line.split_once(' '),
        Value::Array(pair) => match pair.as_slice() {
            [left, right] => Some((left.as_str()?, right.as_str()?)),
            _ => None,
        },
        _ => None,
    }
}

/// The name and the role of each token, in order.
fn names(library: &tokenizers::Tokenizer) -> Result<Vec<(String, Role)>, TokenizerError> {
    let vocab = library.get_vocab(true);
    let tokens = vocab.values().max().map_or(0, |token| *token as usize + 1);
    match tokens {
        0 => return Err(TokenizerError::EmptyVocabulary),
        1..=MAX_TOKENS => {}
        _ => return Err(TokenizerError::VocabularyTooLarge { tokens, limit: MAX_TOKENS }),
    }
    let mut names = vec![(String::new(), Role::Missing); tokens];
    for (text, token) in vocab {
        let Some((name, role)) = names.get_mut(token as usize) else { continue };
        if *role != Role::Missing {
            let (first, second) = (name.clone().min(text.clone()), name.clone().max(text));
            return Err(TokenizerError::SharedToken { token, first, second });
        }
        (*name, *role) = (text, Role::Spelled);
    }
    for (token, added) in library.get_added_tokens_decoder() {
        if let Some(slot) = names.get_mut(token as usize) {
            *slot = (added.content, if added.special { Role::Special } else { Role::Added });
        }
    }
    Ok(names)
}

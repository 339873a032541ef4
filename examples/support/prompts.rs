//! Prompts from a file of JSON Lines.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use adainfer::burn::AnyModel;
use adainfer::burn::text::Tokenizer;
use adainfer::core::TokenId;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

/// The first token of each text; texts may share theirs.
///
/// # Errors
///
/// A text without a token.
pub(crate) fn first_of_each(tokenizer: &Tokenizer, texts: &[String]) -> Result<Vec<TokenId>> {
    let first = |text: &String| {
        let tokens = tokenizer.encode(text, false)?;
        tokens.first().copied().with_context(|| format!("the answer {text:?} has no token"))
    };
    let mut found = Vec::new();
    for text in texts {
        let token = first(text)?;
        if !found.contains(&token) {
            found.push(token);
        }
    }
    Ok(found)
}

/// The tokens that all prompts begin with; each has at least one more.
pub(crate) fn shared_prefix<'p>(mut prompts: impl Iterator<Item = &'p [TokenId]>) -> Vec<TokenId> {
    let Some(first) = prompts.next() else { return Vec::new() };
    let mut shared = first.len().saturating_sub(1);
    for prompt in prompts {
        let same = first.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        shared = shared.min(same).min(prompt.len().saturating_sub(1));
    }
    first[..shared].to_vec()
}

/// Puts items into an order that depends on a seed and their names alone.
pub(crate) fn shuffle<T>(items: &mut [T], seed: u64, name: impl Fn(&T) -> &String) {
    items.sort_by_cached_key(|item| {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(name(item));
        hash.finalize()
    });
}

/// One line: `{"id": "7", "prompt": "Q: 2 + 2\nA:", "answer": " 4"}`, or with `tokens` and `gold` in their places. The answer
/// may be a list, of which any will do.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompt {
    pub(crate) id: String,
    prompt: Option<String>,
    tokens: Option<Vec<TokenId>>,
    answer: Option<Answer>,
    gold: Option<TokenId>,
}

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "the answer is neither a text nor a list of texts")]
enum Answer {
    One(String),
    Any(Vec<String>),
}

impl Answer {
    fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Any(texts) => texts,
        }
    }
}

impl Prompt {
    /// All prompts of a file; at least one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, has no prompt, or a line that is none.
    pub(crate) fn read(path: &Path) -> Result<Vec<Self>> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut prompts = Vec::new();
        for (i, line) in BufReader::new(file).lines().enumerate() {
            let place = || format!("{}, line {}", path.display(), i + 1);
            let line = line.with_context(place)?;
            if !line.trim().is_empty() {
                prompts.push(serde_json::from_str(&line).with_context(place)?);
            }
        }
        ensure!(!prompts.is_empty(), "{} has no prompt", path.display());
        Ok(prompts)
    }

    /// Its tokens, and the gold token: of several the first.
    ///
    /// # Errors
    ///
    /// As [`question`](Self::question).
    pub(crate) fn tokens(&self, model: &AnyModel) -> Result<(Vec<TokenId>, Option<TokenId>)> {
        let (tokens, gold) = self.question(model)?;
        Ok((tokens, gold.first().copied()))
    }

    /// Its tokens, and the first tokens of the answers that will do.
    ///
    /// # Errors
    ///
    /// If it has both or neither of two fields, or the model has no tokenizer for a text.
    pub(crate) fn question(&self, model: &AnyModel) -> Result<(Vec<TokenId>, Vec<TokenId>)> {
        let place = || format!("prompt {:?}", self.id);
        self.split(model).with_context(place)
    }

    fn split(&self, model: &AnyModel) -> Result<(Vec<TokenId>, Vec<TokenId>)> {
        let tokens = match (&self.prompt, &self.tokens) {
            (Some(text), None) => model.tokenizer()?.encode(text, true)?,
            (None, Some(tokens)) => tokens.clone(),
            _ => bail!("it must have either a `prompt` or `tokens`"),
        };
        let gold = match (&self.answer, self.gold) {
            (Some(answer), None) => first_of_each(model.tokenizer()?, answer.texts())?,
            (None, gold) => gold.into_iter().collect(),
            _ => bail!("it must not have both an `answer` and `gold`"),
        };
        Ok((tokens, gold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_the_order_whatever_it_was() {
        let names = || (0..20).map(|i| i.to_string()).collect::<Vec<_>>();
        let shuffled = |mut names: Vec<String>, seed| {
            shuffle(&mut names, seed, |name| name);
            names
        };
        let backwards = names().into_iter().rev().collect();
        assert_eq!(shuffled(names(), 1), shuffled(backwards, 1));
        assert_ne!(shuffled(names(), 1), shuffled(names(), 2));
        assert_ne!(shuffled(names(), 1), names());
    }
}

use adainfer_core::TokenId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A prompt as a model takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its name, its own.
    pub id: String,
    /// All of it.
    pub tokens: Vec<TokenId>,
    /// The first tokens of its right answers; any of them counts.
    pub gold: Vec<TokenId>,
}

impl Question {
    /// The first 16 hexadecimal digits of the SHA-256 of its tokens and gold tokens.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for tokens in [&self.tokens, &self.gold] {
            hash.update((tokens.len() as u64).to_le_bytes());
            tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// SHA-256 of all of these, in their order and with their names, in hexadecimal digits: what reports say of their data.
    ///
    /// ```
    /// use adainfer_eval::Question;
    ///
    /// let question = |id: &str| Question { id: id.to_owned(), tokens: vec![5, 6, 7], gold: vec![1] };
    /// let (one, two) = (question("one"), question("two"));
    /// assert_eq!(Question::hash_all(&[one.clone(), two.clone()]).len(), 64);
    /// assert_ne!(Question::hash_all(&[one.clone(), two.clone()]), Question::hash_all(&[two, one]));
    /// ```
    pub fn hash_all(questions: &[Self]) -> String {
        let mut hash = Sha256::new();
        for question in questions {
            hash.update((question.id.len() as u64).to_le_bytes());
            hash.update(&question.id);
            hash.update(question.hash());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What was answered, with early exit and without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The question's name.
    pub id: String,
    /// [`Question::hash`].
    pub question: String,
    /// Tokens of the prompt.
    pub positions: usize,
    /// What the whole model says.
    pub dense_token: TokenId,
    /// What the early exit says.
    pub token: TokenId,
    /// Layers that the early exit ran.
    pub layers_run: usize,
    /// Looks, the answer's own among them.
    pub heads_run: usize,
    /// Whether the early exit is right.
    pub correct: bool,
    /// Whether the whole model is.
    pub dense_correct: bool,
    /// Seconds that the whole model took.
    pub wall_dense_s: f64,
    /// Seconds that the early exit took.
    pub wall_s: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_stay_what_files_have() {
        let question = |id: &str, tokens: &[TokenId]| Question {
            id: id.to_owned(),
            tokens: tokens.to_vec(),
            gold: vec![1],
        };
        let (one, two) = (question("one", &[5, 6, 7]), question("zwei \u{e4}", &[8]));
        assert_eq!(one.hash(), "9b0acacfd653383d");
        // Counted with Python's hashlib.
        let both = "55af90bd1d44e70d82a046fbd97082be1da7f155080ed150cfd96bf5898740f3";
        assert_eq!(Question::hash_all(&[one.clone(), two]), both);
        // Where a name ends and the next begins counts too.
        let named = |id: &str| Question { id: id.to_owned(), ..one.clone() };
        assert_ne!(
            Question::hash_all(&[named("a"), named("ab")]),
            Question::hash_all(&[named("aa"), named("b")])
        );
    }
}

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Logged, Question};
use crate::means::{mean, share};
use crate::{exact_match, f1};

/// A question that was answered in words, by the whole model and with early exits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsAnswer {
    /// The question's name.
    pub id: String,
    /// [`Question::hash`].
    pub question: String,
    /// What the whole model says.
    pub dense_text: String,
    /// What it says with early exits.
    pub text: String,
    /// Tokens of the latter.
    pub tokens: usize,
    /// Layers that were run for them, the prompt's first.
    pub layers_run: usize,
    /// Whether the whole model's text is one of the answers.
    pub dense_exact_match: bool,
    /// Its F1.
    pub dense_f1: f64,
    /// Whether the text with early exits is one of the answers.
    pub exact_match: bool,
    /// Its F1.
    pub f1: f64,
}

impl WordsAnswer {
    /// Two texts beside the answers of which any will do; `layers_run` has one entry a token of the second.
    ///
    /// ```
    /// use adainfer_eval::{Question, Words, WordsAnswer};
    ///
    /// let question = Question { id: "one".to_owned(), tokens: vec![5, 6, 7], gold: vec![1] };
    /// let answer = WordsAnswer::new(&question, &["the Eiffel Tower"], " Eiffel tower", " the tower", &[30, 12]);
    /// assert_eq!((answer.dense_exact_match, answer.exact_match, answer.f1), (true, false, 2.0 / 3.0));
    /// let words = Words::new(&[answer]).ok_or("there is one")?;
    /// assert_eq!((words.dense_f1, words.mean_layers), (1.0, 21.0));
    /// # Ok::<(), &str>(())
    /// ```
    pub fn new(
        question: &Question,
        answers: &[impl AsRef<str>],
        dense_text: &str,
        text: &str,
        layers_run: &[usize],
    ) -> Self {
        Self {
            id: question.id.clone(),
            question: question.hash(),
            dense_text: dense_text.to_owned(),
            text: text.to_owned(),
            tokens: layers_run.len(),
            layers_run: layers_run.iter().sum(),
            dense_exact_match: exact_match(dense_text, answers),
            dense_f1: f1(dense_text, answers),
            exact_match: exact_match(text, answers),
            f1: f1(text, answers),
        }
    }
}

impl Logged for WordsAnswer {
    fn id(&self) -> &str {
        &self.id
    }

    fn question(&self) -> &str {
        &self.question
    }
}

/// Answers in words by SQuAD's two measures. Shares come with 95 % intervals of Wilson; means are over questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Words {
    /// Questions.
    pub n: usize,
    /// Share of exact matches of the whole model.
    pub dense_exact_match: f64,
    /// Mean F1 of the whole model.
    pub dense_f1: f64,
    /// Share of exact matches with early exits.
    pub exact_match: f64,
    /// Its interval.
    pub exact_match_interval: (f64, f64),
    /// Mean F1 with early exits.
    pub f1: f64,
    /// Share of texts that are the whole model's.
    pub agreement: f64,
    /// Layers run for a token, over all tokens.
    pub mean_layers: f64,
}

impl Words {
    /// Sums answers up; nothing of none.
    pub fn new(answers: &[WordsAnswer]) -> Option<Self> {
        let n = answers.len();
        let (exact_match, exact_match_interval) = share(answers, |answer| answer.exact_match);
        let sum = |of: fn(&WordsAnswer) -> usize| answers.iter().map(of).sum::<usize>() as f64;
        (n > 0).then(|| Self {
            n,
            dense_exact_match: share(answers, |answer| answer.dense_exact_match).0,
            dense_f1: mean(answers, |answer| answer.dense_f1),
            exact_match,
            exact_match_interval,
            f1: mean(answers, |answer| answer.f1),
            agreement: share(answers, |answer| answer.text == answer.dense_text).0,
            mean_layers: sum(|answer| answer.layers_run) / sum(|answer| answer.tokens).max(1.0),
        })
    }
}

/// A line for people.
impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "in words, {} questions: exact match {:.3} (dense {:.3}), F1 {:.3} (dense {:.3}), same text {:.3}, \
             {:.2} layers a token",
            self.n,
            self.exact_match,
            self.dense_exact_match,
            self.f1,
            self.dense_f1,
            self.agreement,
            self.mean_layers
        )
    }
}

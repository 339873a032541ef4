//! Dense and early exit in turns, on questions that were recorded: what the clock says, and what they say in words.

use std::path::Path;

use adainfer::burn::{AnyModel, Device};
use adainfer::core::{EarlyExit, LayeredModel, Never};
use adainfer::eval::{
    Answer, AnswerLog, Clock, Contest, Logged, Method, Question, ScoreOf, TextScore, Words, WordsAnswer,
};
use adainfer::policies::SavedPolicy;
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

use super::spoken::say;

/// A policy on a model through its lens, beside the model.
pub(crate) struct Race<'m> {
    pub(crate) dense: &'m AnyModel,
    pub(crate) early: &'m AnyModel,
    pub(crate) method: &'m Method,
    pub(crate) device: &'m Device,
    pub(crate) bar: &'m ProgressBar,
    /// Where answers are kept.
    pub(crate) folder: &'m Path,
}

type Dense<'m> = EarlyExit<&'m AnyModel, Never>;
type Early<'m> = EarlyExit<&'m AnyModel, &'m SavedPolicy>;

impl Race<'_> {
    /// Both on the same questions, one after the other.
    pub(crate) fn clock(&self, of: ScoreOf, questions: &[Question]) -> Result<Option<Clock>> {
        let (dense, early) = self.engines()?;
        let contest = Contest::new(&dense, &early, &[])?;
        let mut log: AnswerLog<Answer> = self.open(&of, "clock")?;
        let mut answers = Vec::new();
        let mut is_warm = false;
        for (i, question) in questions.iter().enumerate() {
            if log.get(question)?.is_none() {
                if !is_warm {
                    contest.answer(question, true)?;
                    is_warm = true;
                }
                let answer = contest.answer(question, i % 2 == 0);
                log.push(answer.with_context(|| format!("prompt {:?}", question.id))?)?;
            }
            answers.extend(log.get(question)?.cloned());
            self.bar.inc(1);
        }
        let n = answers.len();
        let mean = |of: fn(&Answer) -> f64| answers.iter().map(of).sum::<f64>() / n as f64;
        let (dense_s, early_s) = (mean(|answer| answer.wall_dense_s), mean(|answer| answer.wall_s));
        Ok((n > 0).then(|| Clock {
            model: of.model,
            lens: of.lens,
            task: of.task,
            shots: of.shots,
            method: of.method,
            device: self.device.to_string(),
            n,
            dense_s,
            early_s,
            speedup: dense_s / early_s,
            mean_layers: mean(|answer| answer.layers_run as f64),
            agreement: mean(|answer| f64::from(u8::from(answer.token == answer.dense_token))),
        }))
    }

    /// Both in words, of at most so many tokens.
    pub(crate) fn words(
        &self,
        of: ScoreOf,
        questions: &[(Question, Vec<String>)],
        max_tokens: usize,
    ) -> Result<Option<TextScore>> {
        let (dense, early) = self.engines()?;
        let (tokenizer, end) = (self.dense.tokenizer()?, self.dense.end_tokens());
        let mut log: AnswerLog<WordsAnswer> = self.open(&of, &format!("words{max_tokens}"))?;
        let mut answers = Vec::new();
        for (question, right) in questions {
            if log.get(question)?.is_none() {
                let whole = say(&dense, tokenizer, end, &question.tokens, max_tokens)?;
                let left = say(&early, tokenizer, end, &question.tokens, max_tokens)?;
                log.push(WordsAnswer::new(question, right, &whole.text, &left.text, &left.layers_run))?;
            }
            answers.extend(log.get(question)?.cloned());
            self.bar.inc(1);
        }
        Ok(Words::new(&answers).map(|words| TextScore { of, words }))
    }

    fn engines(&self) -> Result<(Dense<'_>, Early<'_>)> {
        Ok((EarlyExit::new(self.dense, Never)?, EarlyExit::new(self.early, &self.method.policy)?))
    }

    /// The file of answers, which is another for another policy.
    fn open<A: Logged>(&self, of: &ScoreOf, what: &str) -> Result<AnswerLog<A>> {
        let mut policy = Vec::new();
        self.method.policy.write(&mut policy)?;
        let mut hash = Sha256::new();
        hash.update(&self.early.spec().fingerprint);
        hash.update(self.device.to_string());
        hash.update(policy);
        let run: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{}.{}.{}.{what}.{}.jsonl", of.model, of.task, of.shots, &run[..12]);
        Ok(AnswerLog::open(self.folder.join(super::slug(&name)), &run)?)
    }
}

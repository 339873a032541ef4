use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Answer, EvaluationError, Question};
use crate::whole_lines::whole_lines;

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// Answers as they come, in a file: a run that was interrupted goes on where it stopped.
///
/// It keeps [`Answer`]s, or what else is [`Logged`]. The file is JSON Lines: a head that says which run it is of, and an answer a line. A last line without its end
/// was torn by an interruption; it is removed, and its question asked again.
///
/// ```
/// use adainfer_eval::{Answer, AnswerLog, Question};
///
/// let path = std::env::temp_dir().join("adainfer-answers-example.jsonl");
/// # let _ = std::fs::remove_file(&path);
/// let question = Question { id: "one".to_owned(), tokens: vec![5, 6, 7], gold: vec![1] };
/// let answer = Answer {
///     id: "one".to_owned(), question: question.hash(), positions: 3, dense_token: 1, token: 1, layers_run: 2, heads_run: 1, correct: true,
///     dense_correct: true, wall_dense_s: 0.2, wall_s: 0.1,
/// };
/// AnswerLog::open(&path, "a run")?.push(answer.clone())?;
/// assert_eq!(AnswerLog::open(&path, "a run")?.get(&question)?, Some(&answer));
/// assert!(AnswerLog::<Answer>::open(&path, "another run").is_err());
/// # Ok::<(), adainfer_eval::EvaluationError>(())
/// ```
#[derive(Debug)]
pub struct AnswerLog<A = Answer> {
    path: PathBuf,
    file: File,
    answers: BTreeMap<String, A>,
}

/// What an [`AnswerLog`] can keep: a line of JSON that says which question it answers.
pub trait Logged: Serialize + DeserializeOwned {
    /// The question's name.
    fn id(&self) -> &str;

    /// [`Question::hash`].
    fn question(&self) -> &str;
}

impl Logged for Answer {
    fn id(&self) -> &str {
        &self.id
    }

    fn question(&self) -> &str {
        &self.question
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// The version, under a name that says what the file is.
    adainfer_answers: u64,
    run: String,
}

impl<A: Logged> AnswerLog<A> {
    /// Opens a file, or makes it; `run` names all that answers depend on.
    ///
    /// # Errors
    /// What is no file of answers, or of another version or run; a question that is answered twice.
    pub fn open(path: impl Into<PathBuf>, run: &str) -> Result<Self, EvaluationError> {
        let path = path.into();
        let io = |source| EvaluationError::io(&path, source);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(io)?;
        let bytes = whole_lines(&mut file).map_err(io)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            wrong(&path, line, "it is not UTF-8".to_owned())
        })?;
        let answers = match text.split_once('\n') {
            Some((head, lines)) => read(&path, run, head, lines)?,
            None => {
                let head = Head { adainfer_answers: VERSION, run: run.to_owned() };
                write(&mut file, &head).map_err(io)?;
                BTreeMap::new()
            }
        };
        Ok(Self { path, file, answers })
    }

    /// The answer to a question, if it was asked already.
    ///
    /// # Errors
    /// [`EvaluationError::OtherRun`] where a question of that name had other tokens.
    pub fn get(&self, question: &Question) -> Result<Option<&A>, EvaluationError> {
        match self.answers.get(&question.id) {
            Some(answer) if answer.question() != question.hash() => {
                Err(EvaluationError::OtherRun { path: self.path.clone() })
            }
            found => Ok(found),
        }
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// [`EvaluationError::Io`]: the disk may be full. What was written before is kept.
    pub fn push(&mut self, answer: A) -> Result<(), EvaluationError> {
        write(&mut self.file, &answer).map_err(|source| EvaluationError::io(&self.path, source))?;
        self.answers.insert(answer.id().to_owned(), answer);
        Ok(())
    }
}

/// A line, in one piece.
fn write(file: &mut File, value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.flush()
}

fn wrong(path: &Path, line: usize, reason: String) -> EvaluationError {
    EvaluationError::Line { path: path.to_owned(), line, reason }
}

fn read<A: Logged>(
    path: &Path,
    run: &str,
    head: &str,
    lines: &str,
) -> Result<BTreeMap<String, A>, EvaluationError> {
    let wrong = |line, reason| wrong(path, line, reason);
    let head: Head = serde_json::from_str(head).map_err(|error| wrong(1, error.to_string()))?;
    if head.adainfer_answers != VERSION {
        let reason = format!("version {}, and this library reads version {VERSION}", head.adainfer_answers);
        return Err(wrong(1, reason));
    }
    if head.run != run {
        return Err(EvaluationError::OtherRun { path: path.to_owned() });
    }
    let mut answers = BTreeMap::new();
    for (line, text) in (2..).zip(lines.lines()) {
        let answer: A = serde_json::from_str(text).map_err(|error| wrong(line, error.to_string()))?;
        if let Some(twice) = answers.insert(answer.id().to_owned(), answer) {
            return Err(wrong(line, format!("{:?} is answered twice", twice.id())));
        }
    }
    Ok(answers)
}

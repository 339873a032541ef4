//! What a model shows of each question after every layer, kept in a file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use adainfer_core::{Probe, TokenId};
use adainfer_policies::{TokenTrace, TraceError, TraceReader, TraceSet, TraceSource, TraceWriter};

use crate::Question;
use crate::whole_lines::whole_lines;

/// Traces of questions as they are recorded, in a file: a recording that was interrupted goes on where it stopped.
///
/// The file is one of traces, as [`TraceSet::read`] takes it; a trace's prompt is the question's id and its hash. A last line
/// without its end was torn by an interruption; it is removed, and the question asked again.
///
/// ```
/// use adainfer_core::testing::scripted_probe;
/// use adainfer_core::{ModelSpec, Probe};
/// use adainfer_eval::{Question, TraceLog};
/// use adainfer_policies::TraceSource;
///
/// let path = std::env::temp_dir().join("adainfer-trace-log-example.jsonl");
/// # let _ = std::fs::remove_file(&path);
/// let source = TraceSource::new(&ModelSpec::new(2, 8, 64, "a model"), "logit");
/// let question = Question { id: "one".to_owned(), tokens: vec![5, 6, 7], gold: vec![1] };
/// let mut probes = vec![scripted_probe(3, 0.2), scripted_probe(1, 0.9)];
/// (1..).zip(&mut probes).for_each(|(layer, probe)| probe.layer = layer);
///
/// TraceLog::open(&path, &source)?.push(&question, probes)?;
/// let log = TraceLog::open(&path, &source)?;
/// assert!(log.has(&question));
/// assert_eq!(log.of(&[question]).tokens()[0].answer(), 1);
/// # Ok::<(), adainfer_eval::TraceLogError>(())
/// ```
#[derive(Debug)]
pub struct TraceLog {
    path: PathBuf,
    out: TraceWriter<File>,
    source: TraceSource,
    traces: BTreeMap<String, TokenTrace>,
}

/// Why a file is no recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceLogError {
    /// It could not be read or written, or is no file of traces.
    #[error("{} cannot go on", path.display())]
    Traces {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: TraceError,
    },
    /// It is of another model or lens.
    #[error(
        "{} was recorded from {found:?} through the lens {found_lens:?}, and not from {wanted:?} through {wanted_lens:?}",
        path.display()
    )]
    OtherSource {
        /// The file.
        path: PathBuf,
        /// The file's model.
        found: String,
        /// The file's lens.
        found_lens: String,
        /// The model.
        wanted: String,
        /// The lens.
        wanted_lens: String,
    },
}

impl TraceLog {
    /// Opens a file, or makes it.
    ///
    /// # Errors
    /// What is no file of traces, or one of another model or lens.
    pub fn open(path: impl Into<PathBuf>, source: &TraceSource) -> Result<Self, TraceLogError> {
        let path = path.into();
        let wrong = |source: TraceError| TraceLogError::Traces { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|error| wrong(error.into()))?;
        let lines = whole_lines(&mut file).map_err(|error| wrong(error.into()))?;
        if lines.is_empty() {
            let out = TraceWriter::new(file, source).map_err(wrong)?;
            return Ok(Self { path, out, source: source.clone(), traces: BTreeMap::new() });
        }
        let reader = TraceReader::new(lines.as_slice()).map_err(wrong)?;
        let found = reader.source().clone();
        if found != *source {
            return Err(TraceLogError::OtherSource {
                path,
                found: found.fingerprint,
                found_lens: found.lens,
                wanted: source.fingerprint.clone(),
                wanted_lens: source.lens.clone(),
            });
        }
        let named = |trace: TokenTrace| (trace.prompt().to_owned(), trace);
        let traces = reader.map(|trace| trace.map(named)).collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Self { out: TraceWriter::going_on(file, source), path, source: found, traces })
    }

    /// Whether a question was recorded.
    pub fn has(&self, question: &Question) -> bool {
        self.traces.contains_key(&name(question))
    }

    /// Writes what was seen of a question. The gold token is the first of its gold tokens, of which the trace holds one.
    ///
    /// # Errors
    /// [`TraceLogError::Traces`]: probes that are no trace, or a disk that is full. What was written before is kept.
    pub fn push(&mut self, question: &Question, probes: Vec<Probe>) -> Result<(), TraceLogError> {
        let gold: Option<TokenId> = question.gold.first().copied();
        let wrong = |source| TraceLogError::Traces { path: self.path.clone(), source };
        let trace = TokenTrace::new(name(question), self.source.layers, probes, gold).map_err(wrong)?;
        self.out.write(&trace).map_err(wrong)?;
        self.traces.insert(trace.prompt().to_owned(), trace);
        Ok(())
    }

    /// The traces of those of the questions that were recorded, in their order.
    pub fn of(&self, questions: &[Question]) -> TraceSet {
        let mut found = TraceSet::new(self.source.clone());
        for trace in questions.iter().filter_map(|question| self.traces.get(&name(question))) {
            // All are of one model: that was seen when they came in.
            let _ = found.push(trace.clone());
        }
        found
    }
}

/// What a trace calls its question: its id, and what tells it from one of the same id in another run.
fn name(question: &Question) -> String {
    format!("{} {}", question.id, question.hash())
}

/// What a model shows, through a lens, of questions of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What the model is called.
    pub model: String,
    /// The lens.
    pub lens: String,
    /// What the task is called.
    pub task: String,
    /// Demonstrations in each prompt.
    pub shots: usize,
    /// Whether they were drawn once for all questions.
    pub shared: bool,
    /// Prompts that were left out because the model has fewer positions.
    pub skipped: usize,
    /// The questions.
    pub questions: Vec<Question>,
    /// Their traces, in the same order.
    pub traces: TraceSet,
}

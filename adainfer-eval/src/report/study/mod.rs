//! From recordings to a report's numbers.

mod ablation;
mod curves;
mod generalisation;
mod methods;
mod oracle;
mod replayed;

pub use methods::Method;

use adainfer_policies::TraceSet;

use super::{ModelEntry, Report, ReportError, RunEntry, TaskEntry};
use crate::{Question, Recording};

/// Rows at most that a support vector machine is trained on: of more a sample is taken.
const SVM_ROWS: usize = 2000;

/// Recordings of models and tasks, from which a report is made without running a model again.
///
/// ```
/// use adainfer_core::testing::scripted_probe;
/// use adainfer_core::ModelSpec;
/// use adainfer_eval::{ModelEntry, Question, Recording, Study, TaskEntry};
/// use adainfer_policies::{TokenTrace, TraceSet, TraceSource};
///
/// // Of a model of three layers that is sure of its answer after two.
/// let spec = ModelSpec::new(3, 8, 64, "scripted");
/// let record = |split: &str| {
///     let mut traces = TraceSet::new(TraceSource::new(&spec, "logit"));
///     let mut questions = Vec::new();
///     for i in 0..40 {
///         let gap = 0.01 * i as f32;
///         let mut probes = [(2 + i % 2, gap), (1, 0.5 + gap), (1, 0.9)].map(|(token, gap)| scripted_probe(token, gap)).to_vec();
///         (1..).zip(&mut probes).for_each(|(layer, probe)| probe.layer = layer);
///         questions.push(Question { id: format!("{split} {i}"), tokens: vec![1; 30], gold: vec![1] });
///         traces.push(TokenTrace::new(format!("{split} {i}"), 3, probes, Some(1))?)?;
///     }
///     Ok::<_, adainfer_policies::TraceError>(Recording {
///         model: "tiny".into(), lens: "logit".into(), task: "sums".into(), shots: 5, shared: false, skipped: 0, questions, traces,
///     })
/// };
/// let (train, eval) = ([record("train")?], [record("eval")?]);
/// let model = ModelEntry {
///     name: "tiny".into(), layers: Some(3), fingerprint: Some("scripted".into()), hidden: 8, vocab: 8, pruned_from: None,
/// };
/// let task = TaskEntry { name: "sums".into(), kind: "sums".into() };
/// let study = Study::new(vec![model], vec![task], &train, &eval)?;
/// let methods = study.train()?;
/// let report = study.report(&methods)?;
/// let gap = report.scores.iter().find(|score| score.of.method == "gap:0.8").ok_or("it is replayed")?;
/// assert!(gap.agreement == 1.0 && gap.mean_layers < 3.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Study<'r> {
    seed: u64,
    epsilon: f64,
    delta: f64,
    models: Vec<ModelEntry>,
    tasks: Vec<TaskEntry>,
    train: &'r [Recording],
    eval: &'r [Recording],
}

impl<'r> Study<'r> {
    /// Recordings to train on and others to evaluate, of these models and tasks. The models may be more than were recorded:
    /// of the others the report says that they were not run.
    ///
    /// # Errors
    /// Nothing recorded, a recording without a trace for each question, or of a model or task that is not named.
    pub fn new(
        models: Vec<ModelEntry>,
        tasks: Vec<TaskEntry>,
        train: &'r [Recording],
        eval: &'r [Recording],
    ) -> Result<Self, ReportError> {
        if eval.iter().all(|recording| recording.questions.is_empty()) {
            return Err(ReportError::NothingRecorded);
        }
        for recording in train.iter().chain(eval) {
            let unknown = |name: &String, what| ReportError::Unknown { name: name.clone(), what };
            if !models.iter().any(|model| model.name == recording.model) {
                return Err(unknown(&recording.model, "models"));
            }
            if !tasks.iter().any(|task| task.name == recording.task) {
                return Err(unknown(&recording.task, "tasks"));
            }
            let (traces, questions) = (recording.traces.tokens().len(), recording.questions.len());
            if traces != questions {
                let (model, task, shots) = (recording.model.clone(), recording.task.clone(), recording.shots);
                return Err(ReportError::Incomplete { model, task, shots, traces, questions });
            }
        }
        Ok(Self { seed: 0, epsilon: 0.05, delta: 0.05, models, tasks, train, eval })
    }

    /// Which prompts train, and which certify.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Certified policies change at most the share `epsilon` of answers, but for a probability `delta`; both are 0.05
    /// unless told otherwise.
    pub fn certified(mut self, epsilon: f64, delta: f64) -> Self {
        (self.epsilon, self.delta) = (epsilon, delta);
        self
    }

    /// All numbers, with policies as [`train`](Self::train) gives them. What the clock says, and answers in words, are
    /// left empty.
    ///
    /// # Errors
    /// A policy that could not be trained.
    pub fn report(&self, methods: &[Method]) -> Result<Report, ReportError> {
        let mut report = Report::new(self.seed, self.epsilon, self.delta);
        (report.models, report.tasks) = (self.models.clone(), self.tasks.clone());
        report.runs = self.runs();
        report.scores = self.oracles();
        report.scores.extend(self.replayed(methods));
        report.drafts = self.drafts();
        report.curves = self.eval.iter().map(curves::curve).collect();
        let main = report.main_shots();
        report.features =
            self.eval.iter().filter(|recording| recording.shots == main).flat_map(curves::features).collect();
        report.generalisation = self.generalisation(main)?;
        report.ablation = self.ablation(main)?;
        Ok(report)
    }

    /// What was asked, once whatever the lenses.
    fn runs(&self) -> Vec<RunEntry> {
        let mut runs: Vec<RunEntry> = Vec::new();
        for recording in self.eval {
            let is_same = |model: &str, task: &str, shots| {
                (model, task, shots) == (&recording.model, &recording.task, recording.shots)
            };
            if runs.iter().any(|run| is_same(&run.model, &run.task, run.shots)) {
                continue;
            }
            let trained = self.train.iter().find(|other| {
                is_same(&other.model, &other.task, other.shots) && other.lens == recording.lens
            });
            let (n, tokens) = (recording.questions.len(), recording.questions.iter().map(|q| q.tokens.len()));
            runs.push(RunEntry {
                model: recording.model.clone(),
                task: recording.task.clone(),
                shots: recording.shots,
                shared: recording.shared,
                n,
                skipped: recording.skipped,
                trained: trained.map_or(0, |trained| trained.questions.len()),
                positions: tokens.sum::<usize>() as f64 / n.max(1) as f64,
                data: Question::hash_all(&recording.questions),
            });
        }
        runs
    }

    fn model(&self, name: &str) -> Option<&ModelEntry> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The lenses of a model, in the order of its recordings.
    fn lenses(&self, model: &str) -> Vec<&'r str> {
        let mut lenses: Vec<&str> = Vec::new();
        for recording in self.eval.iter().filter(|recording| recording.model == model) {
            if !lenses.contains(&recording.lens.as_str()) {
                lenses.push(&recording.lens);
            }
        }
        lenses
    }

    /// The recordings to train on of a model through a lens, of the tasks that are wanted, as one; nothing where there
    /// is none.
    fn training(&self, model: &str, lens: &str, wanted: impl Fn(&str) -> bool) -> Option<TraceSet> {
        let is_wanted =
            |r: &&Recording| r.model == model && r.lens == lens && wanted(&r.task) && !r.questions.is_empty();
        let mut recordings = self.train.iter().filter(is_wanted);
        let mut all = recordings.next()?.traces.clone();
        for trace in recordings.flat_map(|recording| recording.traces.tokens()) {
            // All are of one model: they lie in recordings of one.
            let _ = all.push(trace.clone());
        }
        Some(all)
    }
}

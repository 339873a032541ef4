use adainfer_core::ModelSpec;
use adainfer_policies::{
    AnyPolicy, CrfParams, Fit, FitError, LogisticParams, SvmParams, TraceSet, Transfer, TransferError,
};

use super::replayed::{of, replay};
use super::{SVM_ROWS, Study};
use crate::{Generalisation, Kind, ModelEntry, Recording, ReportError, ScoreOf};

/// The kind of the tasks that the paper trains on, to test on others.
const QUESTIONS: &str = "question answering";

/// What is trained on, and what that is tested on.
struct Lesson<'r> {
    kind: Kind,
    teacher: &'r ModelEntry,
    lens: &'r str,
    traces: TraceSet,
    tests: Vec<&'r Recording>,
}

impl Study<'_> {
    /// Policies on what they were not trained on (paper, section 5.4): every classifier on every task.
    pub(super) fn generalisation(&self, shots: usize) -> Result<Vec<Generalisation>, ReportError> {
        let svm = SvmParams::default().max_rows(SVM_ROWS).seed(self.seed);
        let mut found = Vec::new();
        for lesson in self.lessons(shots) {
            self.taught(&svm, "svm", &lesson, &mut found)?;
            self.taught(&CrfParams::default(), "crf", &lesson, &mut found)?;
            self.taught(&LogisticParams::default(), "logistic", &lesson, &mut found)?;
        }
        found.extend(self.not_run());
        Ok(found)
    }

    /// Every set of recordings that is trained on, once.
    fn lessons(&self, shots: usize) -> Vec<Lesson<'_>> {
        let mut lessons = Vec::new();
        let whole = self.models.iter().filter(|model| model.pruned_from.is_none());
        for (teacher, lens) in
            whole.flat_map(|model| self.lenses(&model.name).into_iter().map(move |l| (model, l)))
        {
            let mut lesson = |kind, wanted: &dyn Fn(&str) -> bool, is_tested: &dyn Fn(&Recording) -> bool| {
                let is_test = |r: &&Recording| {
                    r.shots == shots && r.lens == lens && !r.questions.is_empty() && is_tested(r)
                };
                let tests: Vec<_> = self.eval.iter().filter(is_test).collect();
                if let (Some(traces), false) = (self.training(&teacher.name, lens, wanted), tests.is_empty())
                {
                    lessons.push(Lesson { kind, teacher, lens, traces, tests });
                }
            };
            let own = |r: &Recording| r.model == teacher.name;
            for task in &self.tasks {
                lesson(Kind::IntraTask, &|name| name == task.name, &|r| own(r) && r.task == task.name);
            }
            for asks in [true, false] {
                lesson(Kind::InterTask, &|name| self.asks(name) == asks, &|r| {
                    own(r) && self.asks(&r.task) != asks
                });
            }
            lesson(Kind::InterModel, &|_| true, &|r| !own(r));
        }
        lessons
    }

    /// Whether a task is one of answering questions.
    fn asks(&self, name: &str) -> bool {
        self.tasks.iter().any(|task| task.name == name && task.kind == QUESTIONS)
    }

    /// Trains on a lesson, and tests.
    fn taught<F>(
        &self,
        params: &F,
        method: &str,
        lesson: &Lesson<'_>,
        found: &mut Vec<Generalisation>,
    ) -> Result<(), ReportError>
    where
        F: Fit<Policy: Transfer + Into<AnyPolicy>>,
    {
        let policy = match params.fit(&lesson.traces) {
            Ok((policy, _)) => Some(policy),
            // There is nothing to learn: it never exits.
            Err(FitError::OneClass { .. } | FitError::Constant { .. }) => None,
            Err(source) => {
                let (method, lens) = (method.to_owned(), lesson.lens.to_owned());
                return Err(ReportError::Fit { method, lens, source });
            }
        };
        for recording in &lesson.tests {
            let moved = policy.as_ref().map_or(Ok(AnyPolicy::Never), |policy| moved(policy, recording));
            let (score, not_run) = match moved {
                Ok(policy) => {
                    let model = self.model(&recording.model);
                    (model.and_then(|model| replay(model, recording, method, &policy)), None)
                }
                Err(error) => (None, Some(error.to_string())),
            };
            let trained_on = lesson.teacher.name.clone();
            let of = of(recording, method);
            found.push(Generalisation { kind: lesson.kind, trained_on, of, score, not_run });
        }
        Ok(())
    }

    /// Pairs of models of which one was not at hand.
    fn not_run(&self) -> Vec<Generalisation> {
        let whole: Vec<_> = self.models.iter().filter(|model| model.pruned_from.is_none()).collect();
        let missing = |model: &ModelEntry| model.fingerprint.is_none();
        let mut found = Vec::new();
        for (teacher, pupil) in
            whole.iter().flat_map(|teacher| whole.iter().map(move |pupil| (teacher, pupil)))
        {
            let absent = [teacher, pupil].into_iter().find(|model| missing(model));
            let Some(absent) = absent.filter(|_| teacher.name != pupil.name) else { continue };
            found.extend(["svm", "crf"].map(|method| Generalisation {
                kind: Kind::InterModel,
                trained_on: teacher.name.clone(),
                of: ScoreOf {
                    model: pupil.name.clone(),
                    lens: "logit".to_owned(),
                    task: String::new(),
                    shots: 0,
                    method: method.to_owned(),
                },
                score: None,
                not_run: Some(format!("{} is not at hand", absent.name)),
            }));
        }
        found
    }
}

/// A policy for the model of a recording, which may be another than its own.
fn moved<P: Transfer + Into<AnyPolicy>>(
    policy: &P,
    recording: &Recording,
) -> Result<AnyPolicy, TransferError> {
    let source = recording.traces.source();
    let spec = ModelSpec::new(source.layers, 2, 1, source.fingerprint.clone());
    policy.transfer_to(&spec).map(Into::into)
}

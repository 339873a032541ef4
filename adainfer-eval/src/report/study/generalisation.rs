use adainfer_core::ModelSpec;
use adainfer_policies::{AnyPolicy, CrfParams, Fit, FitError, LogisticParams, SvmParams, TraceSet, Transfer};

use super::replayed::{of, replay};
use super::{SVM_ROWS, Study};
use crate::{Generalisation, Kind, ModelEntry, Recording, ReportError, Score};

/// The kind of the tasks that the paper trains on, to test on others.
const QUESTIONS: &str = "question answering";

impl Study<'_> {
    /// Policies on what they were not trained on (paper, section 5.4): every classifier on every task.
    pub(super) fn generalisation(&self, shots: usize) -> Result<Vec<Generalisation>, ReportError> {
        let mut found = Vec::new();
        let is_tested = |recording: &&Recording| recording.shots == shots && !recording.questions.is_empty();
        for recording in self.eval.iter().filter(is_tested) {
            let Some(model) = self.model(&recording.model) else { continue };
            let svm = SvmParams::default().max_rows(SVM_ROWS).seed(self.seed);
            self.tested(&svm, "svm", model, recording, &mut found)?;
            self.tested(&CrfParams::default(), "crf", model, recording, &mut found)?;
            self.tested(&LogisticParams::default(), "logistic", model, recording, &mut found)?;
        }
        found.extend(self.not_run());
        Ok(found)
    }

    fn tested<F>(
        &self,
        params: &F,
        method: &str,
        model: &ModelEntry,
        recording: &Recording,
        found: &mut Vec<Generalisation>,
    ) -> Result<(), ReportError>
    where
        F: Fit<Policy: Transfer + Into<AnyPolicy>>,
    {
        let lens = recording.lens.as_str();
        let mut test = |kind, trained_on: &ModelEntry, traces: Option<TraceSet>| {
            let Some(traces) = traces else { return Ok(()) };
            let (score, not_run) = match params.fit(&traces) {
                Ok((policy, _)) => transferred(policy, model, recording, method),
                Err(FitError::OneClass { .. } | FitError::Constant { .. }) => {
                    (replay(model, recording, method, &AnyPolicy::Never), None)
                }
                Err(source) => {
                    return Err(ReportError::Fit {
                        method: method.to_owned(),
                        lens: lens.to_owned(),
                        source,
                    });
                }
            };
            let trained_on = trained_on.name.clone();
            found.push(Generalisation { kind, trained_on, of: of(recording, method), score, not_run });
            Ok(())
        };
        let kind = |name: &str| self.tasks.iter().find(|task| task.name == name).map(|task| &task.kind);
        let asks = |name: &str| kind(name).is_some_and(|kind| kind == QUESTIONS);
        let own = |task: &str| task == recording.task;
        let other = |task: &str| asks(task) != asks(&recording.task);
        test(Kind::IntraTask, model, self.training(&model.name, lens, own))?;
        test(Kind::InterTask, model, self.training(&model.name, lens, other))?;
        for teacher in self.models.iter().filter(|teacher| teacher.name != model.name) {
            test(Kind::InterModel, teacher, self.training(&teacher.name, lens, |_| true))?;
        }
        Ok(())
    }

    /// Pairs of models of which one was not at hand.
    fn not_run(&self) -> Vec<Generalisation> {
        let whole = |model: &&ModelEntry| model.pruned_from.is_none();
        let ran = |model: &ModelEntry| model.fingerprint.is_some();
        let mut found = Vec::new();
        for teacher in self.models.iter().filter(whole) {
            let pupils = self.models.iter().filter(whole).filter(|pupil| pupil.name != teacher.name);
            for pupil in pupils.filter(|pupil| !ran(teacher) || !ran(pupil)) {
                for method in ["svm", "crf"] {
                    let missing = if ran(teacher) { pupil } else { teacher };
                    found.push(Generalisation {
                        kind: Kind::InterModel,
                        trained_on: teacher.name.clone(),
                        of: crate::ScoreOf {
                            model: pupil.name.clone(),
                            lens: "logit".to_owned(),
                            task: String::new(),
                            shots: 0,
                            method: method.to_owned(),
                        },
                        score: None,
                        not_run: Some(format!("{} is not at hand", missing.name)),
                    });
                }
            }
        }
        found
    }
}

/// A policy on a model that may be another than its own.
fn transferred<P: Transfer + Into<AnyPolicy>>(
    policy: P,
    model: &ModelEntry,
    recording: &Recording,
    method: &str,
) -> (Option<Score>, Option<String>) {
    let source = recording.traces.source();
    let spec = ModelSpec::new(source.layers, model.vocab.max(2), 1, source.fingerprint.clone());
    match policy.transfer_to(&spec) {
        Ok(policy) => (replay(model, recording, method, &policy.into()), None),
        Err(error) => (None, Some(error.to_string())),
    }
}

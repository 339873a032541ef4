use adainfer_core::ExitPolicy;
use adainfer_policies::Replay;

use super::{Method, Study};
use crate::{ModelEntry, Outcome, Recording, Score, ScoreOf};

impl Study<'_> {
    /// Every policy on all questions of its model and lens.
    pub(super) fn replayed(&self, methods: &[Method]) -> Vec<Score> {
        let scores = |method: &Method| {
            let own = self.eval.iter().filter(|recording| is_of(method, recording));
            let score = |recording: &Recording| {
                replay(self.model(&recording.model)?, recording, &method.name, &method.policy)
            };
            own.filter_map(score).collect::<Vec<_>>()
        };
        methods.iter().flat_map(scores).collect()
    }
}

fn is_of(method: &Method, recording: &Recording) -> bool {
    (&method.model, &method.lens) == (&recording.model, &recording.lens)
}

/// A policy on recorded questions; nothing where there are none.
pub(super) fn replay(
    model: &ModelEntry,
    recording: &Recording,
    name: &str,
    policy: &impl ExitPolicy,
) -> Option<Score> {
    if recording.questions.is_empty() {
        return None;
    }
    let outcome = |(question, trace): (_, &adainfer_policies::TokenTrace)| {
        let token = Replay::token(policy, trace);
        Outcome::new(question, token.token, trace.answer(), token.layers_run, token.heads_run)
    };
    let outcomes: Vec<_> = recording.questions.iter().zip(recording.traces.tokens()).map(outcome).collect();
    let confusion = Replay::new(policy, &recording.traces).confusion;
    Some(Score::new(of(recording, name), model, &outcomes, Some(confusion)))
}

/// What a score of a method on a recording is of.
pub(super) fn of(recording: &Recording, method: &str) -> ScoreOf {
    ScoreOf {
        model: recording.model.clone(),
        lens: recording.lens.clone(),
        task: recording.task.clone(),
        shots: recording.shots,
        method: method.to_owned(),
    }
}

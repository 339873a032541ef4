//! What needs no policy: the whole model, static baselines, what one would exit at who knows the answer, and drafts.

use std::collections::BTreeMap;

use adainfer_core::Never;
use adainfer_policies::{Flops, StaticLayer, TokenTrace, optimal_layer, saturation_layer};

use super::Study;
use super::replayed::{of, replay};
use crate::{Drafts, ModelEntry, Outcome, Question, Recording, Score, wilson};

/// Layers that the static baselines of the paper leave out at the end (section 5.1).
const SKIPPED: [usize; 2] = [5, 3];

/// The layer at which one exits who knows the answer.
type Knows = fn(&Question, &TokenTrace) -> usize;

impl Study<'_> {
    /// The scores of what needs no policy.
    pub(super) fn oracles(&self) -> Vec<Score> {
        let mut scores = Vec::new();
        for recording in self.eval.iter().filter(|recording| !recording.questions.is_empty()) {
            let Some(model) = self.model(&recording.model) else { continue };
            if let Some(whole) = model.pruned_from.as_deref().and_then(|name| self.model(name)) {
                scores.extend(self.pruned(model, whole, recording));
                continue;
            }
            // Without its last layers a model answers what its own head sees there.
            if recording.lens == "logit" {
                scores.extend(replay(model, recording, "dense", &Never));
                let layers = recording.traces.source().layers;
                for count in SKIPPED.into_iter().filter(|count| *count < layers) {
                    let name = format!("skip-last:{count}");
                    scores.extend(replay(model, recording, &name, &StaticLayer::new(layers - count)));
                }
            }
            let knowing: [(&str, Knows); 3] = [
                ("optimal", right_layer),
                ("optimal (dense)", |_, trace| optimal_layer(trace)),
                ("saturation", |_, trace| saturation_layer(trace)),
            ];
            scores.extend(knowing.map(|(name, layer)| knows(model, recording, name, layer)));
        }
        scores
    }

    /// The model without its least influential layers, as a method of the whole model.
    fn pruned(&self, model: &ModelEntry, whole: &ModelEntry, recording: &Recording) -> Option<Score> {
        let left_out = whole.layers?.checked_sub(model.layers?)?;
        let outcome = |(question, pruned, dense): (&Question, &TokenTrace, &TokenTrace)| {
            Outcome::new(question, pruned.answer(), dense.answer(), pruned.layers(), 1)
        };
        let outcomes: Vec<_> = self.pairs(whole, recording).into_iter().map(outcome).collect();
        let mut of = of(recording, &format!("shortgpt:{left_out}"));
        of.model.clone_from(&whole.name);
        (!outcomes.is_empty()).then(|| Score::new(of, whole, &outcomes, None))
    }

    /// Questions of a pruned model with its trace, and the whole model's.
    fn pairs<'q>(
        &'q self,
        whole: &ModelEntry,
        recording: &'q Recording,
    ) -> Vec<(&'q Question, &'q TokenTrace, &'q TokenTrace)> {
        let is_whole = |other: &&Recording| {
            (other.model.as_str(), &other.task, other.shots, &other.lens)
                == (&whole.name, &recording.task, recording.shots, &recording.lens)
        };
        let all = self.eval.iter().filter(is_whole);
        let all: BTreeMap<_, _> = all
            .flat_map(|other| other.questions.iter().zip(other.traces.tokens()))
            .map(|(question, trace)| ((&question.id, question.hash()), trace))
            .collect();
        let own = recording.questions.iter().zip(recording.traces.tokens());
        own.filter_map(|(question, trace)| {
            Some((question, trace, *all.get(&(&question.id, question.hash()))?))
        })
        .collect()
    }

    /// Draft and verify for the first token: the pruned model drafts, and the whole one runs all the same. (Paper,
    /// figure 6d.)
    pub(super) fn drafts(&self) -> Vec<Drafts> {
        let drafts = |recording: &Recording| {
            let model = self.model(&recording.model)?;
            let whole = self.model(model.pruned_from.as_deref()?)?;
            let (draft_layers, layers) = (model.layers?, whole.layers?);
            let pairs = self.pairs(whole, recording);
            let n = pairs.len();
            let accepted = pairs.iter().filter(|(_, draft, dense)| draft.answer() == dense.answer()).count();
            let right = pairs.iter().filter(|(question, _, dense)| question.gold.contains(&dense.answer()));
            let flops = |(question, ..): &(&Question, &TokenTrace, &TokenTrace)| {
                let positions = question.tokens.len();
                let flops = Flops { hidden: whole.hidden, vocab: whole.vocab, positions };
                flops.ratio((layers + draft_layers) as f64, 2.0, layers)
            };
            (n > 0).then(|| Drafts {
                model: whole.name.clone(),
                draft_layers,
                task: recording.task.clone(),
                shots: recording.shots,
                n,
                accepted: accepted as f64 / n as f64,
                accepted_interval: wilson(accepted, n),
                accuracy: right.count() as f64 / n as f64,
                flops_ratio: pairs.iter().map(flops).sum::<f64>() / n as f64,
            })
        };
        self.eval.iter().filter_map(drafts).collect()
    }
}

/// The earliest layer with a right token, or the last.
fn right_layer(question: &Question, trace: &TokenTrace) -> usize {
    let is_right = |probe: &&adainfer_core::Probe| question.gold.contains(&probe.top.token);
    trace.probes().iter().find(is_right).map_or(trace.layers(), |probe| probe.layer)
}

/// Exits that are made with a knowledge of the answer, at no cost but the layers and one head.
fn knows(model: &ModelEntry, recording: &Recording, name: &str, layer: Knows) -> Score {
    let outcome = |(question, trace): (&Question, &TokenTrace)| {
        let layer = layer(question, trace);
        let probe = trace.probes().iter().find(|probe| probe.layer == layer);
        let token = probe.map_or(trace.answer(), |probe| probe.top.token);
        Outcome::new(question, token, trace.answer(), layer, 1)
    };
    let outcomes: Vec<_> = recording.questions.iter().zip(recording.traces.tokens()).map(outcome).collect();
    Score::new(of(recording, name), model, &outcomes, None)
}

//! The first tokens of many queries, run layer by layer together.

use crate::looks::{Looks, wanted};
use crate::sequence::Sequence;
use crate::{At, EarlyExit, ExitPolicy, LayeredModel, RunError, Step, StepResult, TokenId};

/// Sequences that the head is computed for at once: beyond so many it costs only memory, a vocabulary of logits each.
const LOOKS_AT_ONCE: usize = 64;

/// A query under way.
struct Query<M: LayeredModel> {
    /// Its place among the queries.
    place: usize,
    sequence: Sequence<M>,
    hidden: M::Hidden,
    looks: Looks<M::Logits>,
}

/// As [`Session::answer_each`](crate::Session::answer_each), for queries that follow `before`.
pub(crate) fn answer_each<M: LayeredModel, P: ExitPolicy, T: AsRef<[TokenId]>>(
    engine: &EarlyExit<M, P>,
    before: &Sequence<M>,
    produced: usize,
    queries: &[T],
) -> Result<Vec<StepResult<M::Error>>, RunError<M::Error>> {
    let (model, policy) = (engine.model(), engine.policy());
    let layers = model.spec().layers;
    // Whoever is still without an answer after the last layer had no finite one.
    let mut answers: Vec<StepResult<M::Error>> =
        queries.iter().map(|_| Err(RunError::NotFinite { layer: layers })).collect();
    let mut under_way = Vec::with_capacity(queries.len());
    for (place, tokens) in queries.iter().map(AsRef::as_ref).enumerate() {
        if let Err(refused) = before.validate(model.spec(), tokens) {
            answers[place] = Err(refused);
            continue;
        }
        let mut sequence = before.clone();
        let hidden = sequence.embed(model, tokens).map_err(RunError::Model)?;
        under_way.push(Query { place, sequence, hidden, looks: Looks::new(policy.extras().kl) });
    }
    for layer in 1..=layers {
        if under_way.is_empty() {
            break;
        }
        under_way = run(model, layer - 1, under_way).map_err(RunError::Model)?;
        let at = At::new(layer, layers, produced);
        if !wanted(model, policy, at) {
            continue;
        }
        let mut going_on = Vec::with_capacity(under_way.len());
        let mut waiting = under_way.into_iter();
        while waiting.len() > 0 {
            let some: Vec<_> = waiting.by_ref().take(LOOKS_AT_ONCE).collect();
            let hidden: Vec<_> = some.iter().map(|query| &query.hidden).collect();
            let logits = model.head_each(layer - 1, &hidden).map_err(RunError::Model)?;
            for (mut query, logits) in some.into_iter().zip(logits) {
                let probe = query.looks.read(model, layer, &logits).map_err(RunError::Model)?;
                if query.looks.settles(policy, at, probe) {
                    let (token, heads_run) = (probe.top.token, query.looks.count);
                    answers[query.place] = Ok(Step { token, probe, layers_run: layer, layers, heads_run });
                    continue;
                }
                if probe.is_finite() {
                    query.looks.keep(logits);
                }
                going_on.push(query);
            }
        }
        under_way = going_on;
    }
    Ok(answers)
}

/// Runs a layer over all queries.
fn run<M: LayeredModel>(model: &M, index: usize, queries: Vec<Query<M>>) -> Result<Vec<Query<M>>, M::Error> {
    let (mut parts, hidden): (Vec<_>, Vec<_>) =
        queries.into_iter().map(|query| ((query.place, query.sequence, query.looks), query.hidden)).unzip();
    let sequences = parts.iter_mut().map(|(_, sequence, _)| sequence);
    let after = Sequence::layer_each(model, index, sequences.zip(hidden))?;
    let queries = parts.into_iter().zip(after);
    Ok(queries.map(|((place, sequence, looks), hidden)| Query { place, sequence, hidden, looks }).collect())
}

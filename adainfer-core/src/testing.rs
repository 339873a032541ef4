//! A model made of a script, for testing policies and programs without weights.

use std::ops::Range;

use crate::{Candidate, Extras, LayeredModel, ModelSpec, Probe, TokenId};

/// Says what its script holds for each layer, whatever it is fed.
///
/// It keeps account like a real model does: each layer must see every position exactly once and in
/// order, and a layer that does not is a [`ScriptError`].
#[derive(Debug, Clone)]
pub struct ScriptedModel {
    spec: ModelSpec,
    script: Vec<Probe>,
    /// Layers, counted from 1, after which the lens can look; `None` for all.
    lens: Option<Vec<usize>>,
}

impl ScriptedModel {
    /// A model of `script.len()` layers, 8 tokens and 64 positions that shows these probes.
    pub fn new(script: Vec<Probe>) -> Self {
        Self { spec: ModelSpec::new(script.len(), 8, 64, "scripted"), script, lens: None }
    }

    /// A model that says token 1 after every layer, with the given gaps to token 2.
    pub fn with_gaps(gaps: &[f32]) -> Self {
        Self::new(gaps.iter().map(|&gap| scripted_probe(1, gap)).collect())
    }

    /// The same with a lens that can look after these layers alone, counted from 1, and after the last.
    pub fn lens_after(mut self, layers: &[usize]) -> Self {
        self.lens = Some(layers.to_vec());
        self
    }

    /// The same with room for `max_positions` positions.
    pub fn max_positions(mut self, max_positions: usize) -> Self {
        self.spec.max_positions = max_positions;
        self
    }
}

/// A probe of `token` that leads token 2 by `gap`.
pub fn scripted_probe(token: TokenId, gap: f32) -> Probe {
    let second = (1.0 - gap) / 2.0;
    Probe::new(Candidate { token, prob: second + gap }, Candidate { token: 2, prob: second })
}

/// How many positions were embedded, and how many each layer has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Positions embedded.
    pub embedded: usize,
    /// Positions that each layer has seen.
    pub seen: Vec<usize>,
}

/// A layer was given positions that do not follow those it has seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer} has seen {seen} positions and was given {given:?}")]
pub struct ScriptError {
    /// The layer, counted from 1.
    pub layer: usize,
    /// Positions it had seen.
    pub seen: usize,
    /// Positions it was given.
    pub given: Range<usize>,
}

impl LayeredModel for ScriptedModel {
    type State = Ledger;
    type Hidden = Range<usize>;
    type Logits = Probe;
    type Error = ScriptError;

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }
    fn start(&self, _: Extras) -> Result<Ledger, ScriptError> {
        Ok(Ledger { embedded: 0, seen: vec![0; self.script.len()] })
    }
    fn embed(&self, tokens: &[TokenId], state: &mut Ledger) -> Result<Range<usize>, ScriptError> {
        let start = state.embedded;
        state.embedded += tokens.len();
        Ok(start..state.embedded)
    }
    fn layer(
        &self,
        index: usize,
        hidden: Range<usize>,
        state: &mut Ledger,
    ) -> Result<Range<usize>, ScriptError> {
        let seen = &mut state.seen[index];
        if *seen != hidden.start {
            return Err(ScriptError { layer: index + 1, seen: *seen, given: hidden });
        }
        *seen = hidden.end;
        Ok(hidden)
    }
    fn join(&self, earlier: Range<usize>, later: Range<usize>) -> Result<Range<usize>, ScriptError> {
        if earlier.end != later.start {
            return Err(ScriptError { layer: 0, seen: earlier.end, given: later });
        }
        Ok(earlier.start..later.end)
    }
    fn looks_after(&self, index: usize) -> bool {
        self.lens.as_ref().is_none_or(|layers| layers.contains(&(index + 1)))
    }
    fn head(&self, index: usize, _: &Range<usize>) -> Result<Probe, ScriptError> {
        Ok(self.script[index])
    }
    fn probe(&self, logits: &Probe, _: Option<&Probe>) -> Result<Probe, ScriptError> {
        Ok(*logits)
    }
    fn values(&self, logits: &Probe) -> Result<Vec<f32>, ScriptError> {
        let mut values = vec![f32::NEG_INFINITY; self.spec.vocab];
        for candidate in [logits.second, logits.top] {
            values[candidate.token as usize] = candidate.prob.ln();
        }
        Ok(values)
    }
}

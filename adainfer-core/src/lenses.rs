use crate::looks::Looks;
use crate::sequence::Sequence;
use crate::{Extras, LayeredModel, PolicyMismatch, Probe, RunError, TokenId};

/// Several lenses on one run: the layers run once, all of them, and every lens looks after each that it can be looked through.
///
/// A lens is the model with another head, so all of them must be of one model: its layers are run by the first, and
/// what they give is read by all.
///
/// ```
/// use adainfer_core::testing::ScriptedModel;
/// use adainfer_core::{Extras, Lenses};
///
/// let (own, other) = (ScriptedModel::with_gaps(&[0.1, 0.4, 0.9]), ScriptedModel::with_gaps(&[0.5, 0.8, 0.9]));
/// let mut lenses = Lenses::new(&own, &[&other], Extras::NONE)?;
/// lenses.prefill(&[1, 2])?;
/// let seen = lenses.look(&[3])?;
/// assert!(seen[0][1].gap() < 0.5 && seen[1][1].gap() > 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Lenses<'m, M: LayeredModel> {
    lenses: Vec<&'m M>,
    extras: Extras,
    sequence: Sequence<M>,
}

impl<'m, M: LayeredModel> Lenses<'m, M> {
    /// Opens a sequence. Probes carry `extras`.
    ///
    /// # Errors
    /// [`PolicyMismatch::Layers`] where a lens is of a model with another number of layers; an error of the model.
    pub fn new(model: &'m M, others: &[&'m M], extras: Extras) -> Result<Self, RunError<M::Error>> {
        let layers = model.spec().layers;
        if let Some(other) = others.iter().find(|other| other.spec().layers != layers) {
            return Err(PolicyMismatch::Layers { policy: other.spec().layers, model: layers }.into());
        }
        let lenses = [&[model], others].concat();
        let state = model.start(extras).map_err(RunError::Model)?;
        Ok(Self { lenses, extras, sequence: Sequence::new(state) })
    }

    /// Appends what all that is looked at begins with.
    ///
    /// # Errors
    /// As [`Session::feed`](crate::Session::feed); then nothing is appended.
    pub fn prefill(&mut self, tokens: &[TokenId]) -> Result<(), RunError<M::Error>> {
        self.sequence = self.run(tokens, |_, _| Ok(()))?;
        Ok(())
    }

    /// What follows what was appended, and then these tokens: for each lens in order the probes of all layers, oldest
    /// first. One that is not finite is left out.
    ///
    /// # Errors
    /// As [`Session::feed`](crate::Session::feed). Nothing is appended either way.
    pub fn look(&self, tokens: &[TokenId]) -> Result<Vec<Vec<Probe>>, RunError<M::Error>> {
        let layers = self.lenses.first().map_or(0, |lens| lens.spec().layers);
        let mut seen: Vec<_> = self.lenses.iter().map(|_| Looks::new(self.extras.kl)).collect();
        self.run(tokens, |layer, hidden| {
            for (lens, looks) in self.lenses.iter().zip(&mut seen) {
                if layer < layers && !lens.looks_after(layer - 1) {
                    continue;
                }
                let logits = lens.head(layer - 1, hidden).map_err(RunError::Model)?;
                let probe = looks.read(*lens, layer, &logits).map_err(RunError::Model)?;
                if probe.is_finite() {
                    looks.probes.push(probe);
                    looks.keep(logits);
                } else if layer == layers {
                    return Err(RunError::NotFinite { layer });
                }
            }
            Ok(())
        })?;
        Ok(seen.into_iter().map(|looks| looks.probes).collect())
    }

    /// Runs all layers over tokens, in a copy of the sequence.
    fn run(
        &self,
        tokens: &[TokenId],
        mut after: impl FnMut(usize, &M::Hidden) -> Result<(), RunError<M::Error>>,
    ) -> Result<Sequence<M>, RunError<M::Error>> {
        let mut sequence = self.sequence.clone();
        if let Some(model) = self.lenses.first() {
            sequence.validate(model.spec(), tokens)?;
            let mut hidden = sequence.embed(model, tokens).map_err(RunError::Model)?;
            for layer in 1..=model.spec().layers {
                hidden = sequence.layer(model, layer - 1, hidden).map_err(RunError::Model)?;
                after(layer, &hidden)?;
            }
        }
        Ok(sequence)
    }
}

impl<M: LayeredModel> std::fmt::Debug for Lenses<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lenses")
            .field("lenses", &self.lenses.len())
            .field("extras", &self.extras)
            .field("length", &self.sequence.length())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ScriptedModel;
    use crate::{EarlyExit, Recorder, Watch};

    #[test]
    fn every_lens_sees_what_it_sees_alone() {
        let models = [&[0.1, 0.4, 0.9][..], &[0.6, 0.2, 0.9]].map(ScriptedModel::with_gaps);
        let lenses = Lenses::new(&models[0], &[&models[1]], Extras::NONE).unwrap();
        for (model, seen) in models.iter().zip(lenses.look(&[1, 2]).unwrap()) {
            let engine = EarlyExit::new(model, Watch::new(Extras::NONE)).unwrap();
            let mut session = engine.watched(Recorder::default()).unwrap();
            session.feed(&[1, 2]).unwrap();
            assert_eq!(session.into_observer().tokens()[0].probes, seen);
        }
    }

    #[test]
    fn what_a_session_refuses_is_refused() {
        let model = ScriptedModel::with_gaps(&[0.1, 0.9]);
        let mut lenses = Lenses::new(&model, &[], Extras::NONE).unwrap();
        assert!(matches!(lenses.look(&[]), Err(RunError::EmptyPrompt)));
        let token = model.spec().vocab as TokenId;
        assert!(matches!(lenses.prefill(&[0, token]), Err(RunError::TokenOutOfRange { position: 1, .. })));
        let all = vec![0; model.spec().max_positions];
        lenses.prefill(&all).unwrap();
        assert!(matches!(lenses.look(&[0]), Err(RunError::TooLong { .. })));
        let deeper = ScriptedModel::with_gaps(&[0.1, 0.2, 0.9]);
        assert!(matches!(Lenses::new(&model, &[&deeper], Extras::NONE), Err(RunError::Policy(_))));
    }
}

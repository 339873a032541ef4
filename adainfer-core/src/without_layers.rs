use crate::{Extras, LayeredModel, ModelSpec, Probe, TokenId};

/// A model with some of its layers left out, for good: what is cut away when layers are ranked by their
/// influence (ShortGPT, arXiv 2403.03853). Its layers are those that are left, counted from 1 again.
///
/// ```
/// use adainfer_core::testing::ScriptedModel;
/// use adainfer_core::{EarlyExit, LayeredModel, Never, WithoutLayers};
///
/// let model = ScriptedModel::with_gaps(&[0.1, 0.2, 0.5, 0.85]);
/// let model = WithoutLayers::new(model, &[3])?;
/// assert_eq!(model.spec().layers, 3);
/// assert_eq!(EarlyExit::new(model, Never)?.session()?.feed(&[1])?.layers_run, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct WithoutLayers<M> {
    model: M,
    /// Indices of the layers that run.
    kept: Vec<usize>,
    spec: ModelSpec,
}

/// Why layers cannot be left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WithoutLayersError {
    /// There is no such layer.
    #[error("layer {layer} cannot be left out: the model's layers are 1 to {layers}")]
    NoSuchLayer {
        /// The layer, counted from 1.
        layer: usize,
        /// The model's layer count.
        layers: usize,
    },
    /// No layer would be left.
    #[error("all {layers} layers would be left out")]
    NoneLeft {
        /// The model's layer count.
        layers: usize,
    },
}

impl<M: LayeredModel> WithoutLayers<M> {
    /// Leaves out these layers, counted from 1; one that is named twice is left out once.
    ///
    /// # Errors
    /// A layer that the model does not have, or no layer left.
    pub fn new(model: M, left_out: &[usize]) -> Result<Self, WithoutLayersError> {
        let mut spec = model.spec().clone();
        let layers = spec.layers;
        if let Some(&layer) = left_out.iter().find(|&&layer| layer == 0 || layer > layers) {
            return Err(WithoutLayersError::NoSuchLayer { layer, layers });
        }
        let kept: Vec<usize> = (0..layers).filter(|index| !left_out.contains(&(index + 1))).collect();
        if kept.is_empty() {
            return Err(WithoutLayersError::NoneLeft { layers });
        }
        if kept.len() < layers {
            // Another model, as far as policies are concerned.
            let gone: Vec<String> = (1..=layers)
                .filter(|layer| left_out.contains(layer))
                .map(|layer| layer.to_string())
                .collect();
            spec.fingerprint = format!("{} without {}", spec.fingerprint, gone.join(","));
        }
        spec.layers = kept.len();
        Ok(Self { model, kept, spec })
    }

    /// The whole model.
    pub fn into_inner(self) -> M {
        self.model
    }

    /// The index in the whole model. One that is out of range stays so, for the model to refuse.
    fn whole(&self, index: usize) -> usize {
        self.kept.get(index).copied().unwrap_or(usize::MAX)
    }
}

impl<M: LayeredModel> LayeredModel for WithoutLayers<M> {
    type State = M::State;
    type Hidden = M::Hidden;
    type Logits = M::Logits;
    type Error = M::Error;

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn start(&self, extras: Extras) -> Result<Self::State, Self::Error> {
        self.model.start(extras)
    }

    fn embed(&self, tokens: &[TokenId], state: &mut Self::State) -> Result<Self::Hidden, Self::Error> {
        self.model.embed(tokens, state)
    }

    fn layer(
        &self,
        index: usize,
        hidden: Self::Hidden,
        state: &mut Self::State,
    ) -> Result<Self::Hidden, Self::Error> {
        self.model.layer(self.whole(index), hidden, state)
    }

    fn layer_at_last(
        &self,
        index: usize,
        hidden: Self::Hidden,
        state: &mut Self::State,
    ) -> Result<Self::Hidden, Self::Error> {
        self.model.layer_at_last(self.whole(index), hidden, state)
    }

    fn layer_each(
        &self,
        index: usize,
        batch: Vec<(Self::Hidden, &mut Self::State)>,
    ) -> Result<Vec<Self::Hidden>, Self::Error> {
        self.model.layer_each(self.whole(index), batch)
    }

    fn join(&self, earlier: Self::Hidden, later: Self::Hidden) -> Result<Self::Hidden, Self::Error> {
        self.model.join(earlier, later)
    }

    fn looks_after(&self, index: usize) -> bool {
        self.model.looks_after(self.whole(index))
    }

    fn head(&self, index: usize, hidden: &Self::Hidden) -> Result<Self::Logits, Self::Error> {
        self.model.head(self.whole(index), hidden)
    }

    fn head_each(&self, index: usize, hidden: &[&Self::Hidden]) -> Result<Vec<Self::Logits>, Self::Error> {
        self.model.head_each(self.whole(index), hidden)
    }

    fn probe(&self, logits: &Self::Logits, previous: Option<&Self::Logits>) -> Result<Probe, Self::Error> {
        self.model.probe(logits, previous)
    }

    fn values(&self, logits: &Self::Logits) -> Result<Vec<f32>, Self::Error> {
        self.model.values(logits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ScriptedModel;
    use crate::{EarlyExit, Recorder, Watch};

    #[test]
    fn the_layers_that_are_left_run_in_their_order() {
        let gaps = [0.1, 0.2, 0.3, 0.4, 0.5];
        let model = WithoutLayers::new(ScriptedModel::with_gaps(&gaps), &[2, 5, 2]).unwrap();
        assert_eq!(model.spec().fingerprint, "scripted without 2,5");
        let engine = EarlyExit::new(model, Watch::default()).unwrap();
        let mut session = engine.watched(Recorder::default()).unwrap();
        session.feed(&[1, 2]).unwrap();
        session.feed(&[3]).unwrap();
        for token in session.into_observer().into_tokens() {
            let seen: Vec<_> = token.probes.iter().map(|probe| (probe.layer, probe.gap())).collect();
            assert_eq!(seen.len(), 3);
            for ((layer, gap), (wanted_layer, wanted)) in seen.into_iter().zip([(1, 0.1), (2, 0.3), (3, 0.4)])
            {
                assert!(layer == wanted_layer && (gap - wanted).abs() < 1e-6, "{layer}: {gap}");
            }
        }
    }

    #[test]
    fn without_none_it_is_the_model() {
        let model = ScriptedModel::with_gaps(&[0.1, 0.2]);
        assert_eq!(WithoutLayers::new(&model, &[]).unwrap().spec(), model.spec());
    }

    #[test]
    fn layers_that_are_not_there_are_refused_and_one_must_be_left() {
        let model = ScriptedModel::with_gaps(&[0.1, 0.2]);
        for layer in [0, 3] {
            let error = WithoutLayers::new(&model, &[1, layer]).unwrap_err();
            assert_eq!(error, WithoutLayersError::NoSuchLayer { layer, layers: 2 });
        }
        let error = WithoutLayers::new(&model, &[2, 1]).unwrap_err();
        assert_eq!(error, WithoutLayersError::NoneLeft { layers: 2 });
        assert_eq!(error.to_string(), "all 2 layers would be left out");
    }
}

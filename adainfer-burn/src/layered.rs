//! A model as the layer loop sees it.

use adainfer_core::{Extras, LayeredModel, ModelSpec, Probe, TokenId};
use burn_tensor::{Int, Tensor, TensorData};

use crate::cache::LayerCache;
use crate::models::{Layer, Rows};
use crate::ops::{Ops, wide};
use crate::rope::RopeTable;
use crate::{Model, ModelError};

/// What a sequence has computed: keys and values of every layer. A clone shares them, at no cost.
#[derive(Debug, Clone)]
pub struct State<B: Ops> {
    caches: Vec<LayerCache<B>>,
    rope: RopeTable<B>,
    embedded: usize,
    extras: Extras,
}

/// Hidden states of consecutive positions between two layers.
#[derive(Debug, Clone)]
pub struct Hidden<B: Ops> {
    /// [positions, hidden].
    pub(crate) x: Tensor<B, 2>,
    /// What attention and MLP of the layer before added at the last position.
    pub(crate) parts: Option<(Tensor<B, 2>, Tensor<B, 2>)>,
    /// Cosines of hidden state, attention and MLP with the layer before: [3].
    pub(crate) cosines: Option<Tensor<B, 1>>,
    /// Whether a look at them is to tell the entropy.
    pub(crate) entropy: bool,
}

impl<B: Ops> Hidden<B> {
    /// The hidden states, one position a row: [positions, hidden].
    pub fn tensor(&self) -> &Tensor<B, 2> {
        &self.x
    }

    /// The same numbers on the host, position by position.
    ///
    /// # Errors
    /// [`ModelError::Device`] where the device failed at these or at anything queued before.
    pub fn values(&self) -> Result<Vec<f32>, ModelError> {
        B::in_order(|| read(self.x.clone()))
    }

    pub(crate) fn last(&self) -> Tensor<B, 2> {
        self.x.clone().narrow(0, self.x.dims()[0] - 1, 1)
    }
}

/// The head's output for one position, on its device.
#[derive(Debug, Clone)]
pub struct Logits<B: Ops> {
    /// [1, vocab].
    pub(crate) values: Tensor<B, 2>,
    pub(crate) cosines: Option<Tensor<B, 1>>,
    /// Whether a look at them is to tell the entropy.
    pub(crate) entropy: bool,
}

impl<B: Ops> LayeredModel for Model<B> {
    type State = State<B>;
    type Hidden = Hidden<B>;
    type Logits = Logits<B>;
    type Error = ModelError;

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn start(&self, extras: Extras) -> Result<State<B>, ModelError> {
        let caches = vec![LayerCache::new(); self.spec.layers];
        Ok(State { caches, rope: self.rope.clone(), embedded: 0, extras })
    }

    fn embed(&self, tokens: &[TokenId], state: &mut State<B>) -> Result<Hidden<B>, ModelError> {
        self.check(tokens, state.embedded)?;
        let Some(embedding) = &self.embedding else {
            return Err(ModelError::NoSuchLayer { index: 0, layers: self.spec.layers });
        };
        B::in_order(|| {
            let start = state.embedded;
            self.expect(tokens.len(), state);
            let ids: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
            let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(ids, [tokens.len()]), &self.device);
            Ok(Hidden {
                x: embedding.forward(ids, start),
                parts: None,
                cosines: None,
                entropy: state.extras.entropy,
            })
        })
    }

    fn layer(&self, index: usize, hidden: Hidden<B>, state: &mut State<B>) -> Result<Hidden<B>, ModelError> {
        self.run(index, hidden, state, Wanted::All)
    }

    /// Keys and values of all positions, and for the last one the rest.
    fn layer_at_last(
        &self,
        index: usize,
        hidden: Hidden<B>,
        state: &mut State<B>,
    ) -> Result<Hidden<B>, ModelError> {
        self.run(index, hidden, state, Wanted::Last)
    }

    /// Weights are read once for all sequences, but where they ask for cosines.
    fn layer_each(
        &self,
        index: usize,
        batch: Vec<(Hidden<B>, &mut State<B>)>,
    ) -> Result<Vec<Hidden<B>>, ModelError> {
        let wanted = if index + 1 == self.spec.layers { Wanted::Last } else { Wanted::All };
        if batch.len() < 2 || batch.iter().any(|(_, state)| state.extras.cosines) {
            return batch.into_iter().map(|(hidden, state)| self.run(index, hidden, state, wanted)).collect();
        }
        let layer = self.place(index)?;
        let (mut all, mut rows) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for (hidden, state) in batch {
            rows.push(state.rows(index, self.spec.layers, &hidden, wanted)?);
            all.push(hidden);
        }
        let counts: Vec<_> =
            rows.iter().zip(&all).map(|(rows, hidden)| (rows.wanted, hidden.entropy)).collect();
        B::in_order(|| {
            let x = Tensor::cat(all.into_iter().map(|hidden| hidden.x).collect(), 0);
            let out = B::together(|| layer.forward(x, &mut rows, false)).hidden;
            let mut first = 0;
            let own = counts.into_iter().map(|(count, entropy)| {
                let x = out.clone().narrow(0, first, count);
                first += count;
                Hidden { x, parts: None, cosines: None, entropy }
            });
            Ok(own.collect())
        })
    }

    fn join(&self, earlier: Hidden<B>, later: Hidden<B>) -> Result<Hidden<B>, ModelError> {
        B::in_order(|| {
            let x = Tensor::cat(vec![earlier.x, later.x], 0);
            Ok(Hidden { x, ..later })
        })
    }

    fn looks_after(&self, index: usize) -> bool {
        index + 1 >= self.spec.layers || self.lens.as_ref().is_none_or(|lens| lens.looks_after(index))
    }

    fn head(&self, index: usize, hidden: &Hidden<B>) -> Result<Logits<B>, ModelError> {
        let values = B::in_order(|| self.scores(index, hidden.last()))?;
        Ok(Logits { values, cosines: hidden.cosines.clone(), entropy: hidden.entropy })
    }

    fn head_each(&self, index: usize, hidden: &[&Hidden<B>]) -> Result<Vec<Logits<B>>, ModelError> {
        if hidden.len() < 2 {
            return hidden.iter().map(|hidden| self.head(index, hidden)).collect();
        }
        B::in_order(|| {
            let last = Tensor::cat(hidden.iter().map(|hidden| hidden.last()).collect(), 0);
            let values = self.scores(index, last)?;
            let own = hidden.iter().enumerate().map(|(row, hidden)| Logits {
                values: values.clone().narrow(0, row, 1),
                cosines: hidden.cosines.clone(),
                entropy: hidden.entropy,
            });
            Ok(own.collect())
        })
    }

    fn probe(&self, logits: &Logits<B>, previous: Option<&Logits<B>>) -> Result<Probe, ModelError> {
        B::in_order(|| {
            let mut probe = B::look(&logits.values, previous.map(|logits| &logits.values), logits.entropy)?;
            if let Some(cosines) = &logits.cosines {
                let cosines = read(cosines.clone())?;
                [probe.cos_hidden, probe.cos_attn, probe.cos_mlp] =
                    [0, 1, 2].map(|i| cosines.get(i).copied());
            }
            Ok(probe)
        })
    }

    fn values(&self, logits: &Logits<B>) -> Result<Vec<f32>, ModelError> {
        B::in_order(|| read(logits.values.clone()))
    }
}

/// Which positions are wanted after a layer.
#[derive(Clone, Copy)]
enum Wanted {
    All,
    Last,
}

impl<B: Ops> State<B> {
    /// New positions as layer `index` takes them.
    fn rows(
        &mut self,
        index: usize,
        layers: usize,
        hidden: &Hidden<B>,
        wanted: Wanted,
    ) -> Result<Rows<'_, B>, ModelError> {
        let cache = self.caches.get_mut(index).ok_or(ModelError::NoSuchLayer { index, layers })?;
        // More than was embedded cannot be run: the table of angles ends there.
        let (count, max) = (hidden.x.dims()[0], self.embedded);
        let needed = cache.length() + count;
        if needed > max {
            return Err(ModelError::TooLong { needed, max });
        }
        let wanted = match wanted {
            Wanted::All => count,
            Wanted::Last => count.min(1),
        };
        Ok(Rows { count, wanted, cache, rope: &self.rope })
    }
}

impl<B: Ops> Model<B> {
    fn run(
        &self,
        index: usize,
        hidden: Hidden<B>,
        state: &mut State<B>,
        wanted: Wanted,
    ) -> Result<Hidden<B>, ModelError> {
        let layer = self.place(index)?;
        let compare = state.extras.cosines;
        let mut rows = [state.rows(index, self.spec.layers, &hidden, wanted)?];
        B::in_order(|| {
            let before = (compare && index > 0).then(|| hidden.last());
            let x = hidden.x;
            let out = B::together(|| layer.forward(x, &mut rows, compare));
            let mut next = Hidden { x: out.hidden, parts: out.parts, cosines: None, entropy: hidden.entropy };
            if let (Some(before), Some(old), Some(new)) = (before, &hidden.parts, &next.parts) {
                let pairs = [(&before, &next.last()), (&old.0, &new.0), (&old.1, &new.1)];
                next.cosines = Some(Tensor::cat(pairs.map(|(a, b)| cosine(a, b)).to_vec(), 0));
            }
            Ok(next)
        })
    }

    /// The lens at some positions, [positions, hidden] to [positions, vocab].
    fn scores(&self, index: usize, x: Tensor<B, 2>) -> Result<Tensor<B, 2>, ModelError> {
        let layers = self.spec.layers;
        let normed = match &self.lens {
            _ if index >= layers => return Err(ModelError::NoSuchLayer { index, layers }),
            Some(lens) if index + 1 < layers => lens.normed(index, x)?,
            _ => self.head.norm(x),
        };
        Ok(wide(self.head.score(normed)))
    }

    /// The layer at `index` of the whole model, if it is here.
    fn place(&self, index: usize) -> Result<&dyn Layer<B>, ModelError> {
        let place = index.checked_sub(self.first).and_then(|place| self.layers.get(place));
        place.map(AsRef::as_ref).ok_or(ModelError::NoSuchLayer { index, layers: self.spec.layers })
    }

    /// A session has checked this already; whoever calls the trait directly gets an error and no panic.
    pub(crate) fn check(&self, tokens: &[TokenId], embedded: usize) -> Result<(), ModelError> {
        self.known(tokens)?;
        let (needed, max) = (embedded.saturating_add(tokens.len()), self.spec.max_positions);
        if needed > max { Err(ModelError::TooLong { needed, max }) } else { Ok(()) }
    }

    /// Refuses no token, and one that is not in the vocabulary.
    pub(crate) fn known(&self, tokens: &[TokenId]) -> Result<(), ModelError> {
        let vocab = self.spec.vocab;
        if tokens.is_empty() {
            return Err(ModelError::Empty);
        }
        match tokens.iter().find(|&&token| token as usize >= vocab) {
            Some(&token) => Err(ModelError::TokenOutOfRange { token, vocab }),
            None => Ok(()),
        }
    }

    /// Makes a state ready for so many more positions, which have been checked.
    pub(crate) fn expect(&self, positions: usize, state: &mut State<B>) {
        state.embedded += positions;
        if state.embedded > state.rope.positions() {
            // At least twice as far, so that a long text makes few tables.
            let positions = (2 * state.embedded).min(self.spec.max_positions);
            let table = || RopeTable::new(&self.frequencies, positions, &self.device, self.dtype);
            state.rope = B::in_order(table);
        }
    }
}

/// The caches go in the order in which they were made: a session may be dropped on any thread.
impl<B: Ops> Drop for State<B> {
    fn drop(&mut self) {
        B::in_order(|| self.caches.clear());
    }
}

/// Cosine of two rows, [1].
fn cosine<B: Ops>(a: &Tensor<B, 2>, b: &Tensor<B, 2>) -> Tensor<B, 1> {
    let [a, b] = [a, b].map(|row| wide(row.clone()));
    let dot = |a: &Tensor<B, 2>, b: &Tensor<B, 2>| (a.clone() * b.clone()).sum();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

/// Brings values to the host.
pub(crate) fn read<B: Ops, const D: usize>(tensor: Tensor<B, D>) -> Result<Vec<f32>, ModelError> {
    let data = tensor.try_into_data()?.convert::<f32>();
    data.into_vec().map_err(|error| ModelError::Device(format!("{error:?}")))
}

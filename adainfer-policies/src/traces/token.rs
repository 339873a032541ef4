use std::borrow::Cow;
use std::collections::BTreeSet;

use adainfer_core::{At, ExitPolicy, Probe, Recorded, TokenId, Trace};

use super::TraceError;

/// What is held to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// The last layer's token: then an exit changes nothing (paper, section 4.2).
    Dense,
    /// The gold token, whatever the model answers (appendix B).
    Gold,
}

/// The probes of one decided token, down to the last layer, and what it should have been.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenTrace {
    prompt: String,
    layers: usize,
    probes: Vec<Probe>,
    gold: Option<TokenId>,
    produced: usize,
}

impl TokenTrace {
    /// A trace of a model of so many layers; `prompt` is any name that the prompt has, the same for all
    /// tokens of one.
    ///
    /// # Errors
    /// Layers that do not increase up to the last, and numbers that are not finite or no probabilities.
    pub fn new(
        prompt: impl Into<String>,
        layers: usize,
        probes: Vec<Probe>,
        gold: Option<TokenId>,
    ) -> Result<Self, TraceError> {
        let prompt = prompt.into();
        let mut previous = 0;
        for probe in &probes {
            let layer = probe.layer;
            if layer <= previous || layer > layers {
                return Err(TraceError::Layer { prompt, layer, previous, layers });
            }
            let [top, second] = [probe.top.prob, probe.second.prob];
            if !(probe.is_finite() && (0.0..=1.0).contains(&second) && (second..=1.0).contains(&top)) {
                return Err(TraceError::BadNumber { prompt, layer });
            }
            previous = layer;
        }
        match previous {
            0 => Err(TraceError::NoProbe { prompt }),
            run if run < layers => Err(TraceError::NotDense { prompt, run, layers }),
            _ => Ok(Self { prompt, layers, probes, gold, produced: 0 }),
        }
    }

    /// What a [`Recorder`](adainfer_core::Recorder) kept of a token that was run to the last layer, as with
    /// [`Watch`](adainfer_core::Watch).
    ///
    /// # Errors
    /// A run that stopped early, and what [`new`](Self::new) refuses.
    pub fn recorded(
        prompt: impl Into<String>,
        gold: Option<TokenId>,
        recorded: &Recorded,
    ) -> Result<Self, TraceError> {
        Self::new(prompt, recorded.step.layers, recorded.probes.clone(), gold)
    }

    /// The same as a session's later token, after `produced` others.
    pub fn after(mut self, produced: usize) -> Self {
        self.produced = produced;
        self
    }

    /// The same with another gold token: what a label probe answers, for example, can be judged by the label, and by
    /// what the model itself would have answered.
    pub fn with_gold(mut self, gold: Option<TokenId>) -> Self {
        self.gold = gold;
        self
    }

    /// How many tokens its session decided before it.
    pub fn produced(&self) -> usize {
        self.produced
    }

    /// The prompt's name.
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// The probes, oldest first; the last is the last layer's.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// Layers of the model.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// The last layer's token: the dense model's answer.
    pub fn answer(&self) -> TokenId {
        self.probes.last().map_or(0, |probe| probe.top.token)
    }

    /// The right token, where it is known.
    pub fn gold(&self) -> Option<TokenId> {
        self.gold
    }

    /// Keeps the probes of these layers, and the last one.
    pub(super) fn keep(&mut self, layers: &BTreeSet<usize>) {
        let last = self.layers;
        self.probes.retain(|probe| probe.layer == last || layers.contains(&probe.layer));
    }

    /// The token that a label holds to be right.
    pub fn target(&self, label: Label) -> Option<TokenId> {
        match label {
            Label::Dense => Some(self.answer()),
            Label::Gold => self.gold,
        }
    }

    /// What a policy sees after each of the probes, oldest first.
    pub fn prefixes(&self) -> impl Iterator<Item = Trace<'_>> {
        self.prefixes_of(&self.probes)
    }

    /// The probes of layers before the last where a policy looks.
    pub(crate) fn looks(&self, policy: &impl ExitPolicy) -> Cow<'_, [Probe]> {
        let early = self.probes.split_last().map_or(&[][..], |(_, early)| early);
        let wanted = |probe: &Probe| policy.wants(At::new(probe.layer, self.layers, self.produced));
        match early.iter().all(wanted) {
            true => Cow::Borrowed(early),
            false => Cow::Owned(early.iter().filter(|probe| wanted(probe)).copied().collect()),
        }
    }

    /// What a policy sees after each of these probes.
    pub(crate) fn prefixes_of<'p>(&self, probes: &'p [Probe]) -> impl Iterator<Item = Trace<'p>> + use<'p> {
        let layer = probes.last().map_or(0, |probe| probe.layer);
        let whole = Trace::new(At::new(layer, self.layers, self.produced), probes);
        whole.into_iter().flat_map(|trace| trace.prefixes())
    }
}

//! Traces that look like a model's.
// Each test that has this module uses a part of it.
#![allow(dead_code)]

use adainfer_core::{Candidate, ModelSpec, Probe};
use adainfer_policies::{
    AnyPolicy, CrfParams, EntropyThreshold, Fit, GapThreshold, LogisticParams, Patience, StaticLayer,
    TokenTrace, TopProbThreshold, TraceSet, TraceSource,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub(crate) const LAYERS: usize = 8;

pub(crate) fn model() -> ModelSpec {
    ModelSpec::new(LAYERS, 50, 64, "made up")
}

fn uniform(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1u32 << 24) as f32
}

/// Prompts named from `first` on, of one token each: the answer, token 1, appears after a layer of its own, and
/// the gap grows with the layers.
pub(crate) fn traces(first: usize, prompts: usize) -> TraceSet {
    let mut set = TraceSet::new(TraceSource::new(&model(), "logit"));
    for i in first..first + prompts {
        let mut rng = ChaCha8Rng::seed_from_u64(i as u64);
        let settled = 1 + (uniform(&mut rng) * LAYERS as f32) as usize;
        let probes = (1..=LAYERS).map(|layer| probe(&mut rng, layer, settled)).collect();
        set.push(TokenTrace::new(format!("prompt {i}"), LAYERS, probes, Some(1)).unwrap()).unwrap();
    }
    set
}

fn probe(rng: &mut ChaCha8Rng, layer: usize, settled: usize) -> Probe {
    let right = layer >= settled || layer == LAYERS;
    let depth = layer as f32 / LAYERS as f32;
    let top = (0.2 + 0.4 * depth + if right { 0.2 } else { 0.0 } + 0.2 * uniform(rng)).min(0.99);
    let second = (1.0 - top) * uniform(rng) * 0.5;
    let token = if right { 1 } else { 2 + rng.next_u32() % 5 };
    let mut probe = Probe::new(Candidate { token, prob: top }, Candidate { token: 9, prob: second.min(top) });
    probe.layer = layer;
    probe.entropy = Some((1.0 - top) * 4.0);
    if layer > 1 {
        probe.kl = Some(1.0 - depth);
        probe.cos_hidden = Some(depth);
        probe.cos_attn = Some(0.5 * uniform(rng));
        probe.cos_mlp = Some(0.5 + 0.5 * uniform(rng));
    }
    probe
}

/// A policy of every kind; the trained ones were trained on [`traces`] 0 to 60.
pub(crate) fn policies() -> Vec<AnyPolicy> {
    let training = traces(0, 60);
    let policies = vec![
        AnyPolicy::Never,
        StaticLayer::new(3).into(),
        GapThreshold::new(0.7).unwrap().into(),
        TopProbThreshold::new(0.75).unwrap().into(),
        EntropyThreshold::new(0.9).unwrap().into(),
        Patience::new(3).into(),
        LogisticParams::default().fit(&training).unwrap().0.into(),
        CrfParams::default().fit(&training).unwrap().0.into(),
    ];
    #[cfg(feature = "svm")]
    let policies = policies.into_iter().chain(machines(&training)).collect();
    policies
}

#[cfg(feature = "svm")]
fn machines(training: &TraceSet) -> [AnyPolicy; 2] {
    use adainfer_policies::{SvmKernel, SvmParams};

    let curved = SvmParams::default();
    [curved.clone(), curved.kernel(SvmKernel::Linear)].map(|params| params.fit(training).unwrap().0.into())
}

//! What policies cost: a decision, training, calibration and replay; without a model.
//!
//! ```text
//! cargo bench --bench policies --no-default-features --features svm
//! python3 benches/peers/training.py        # training beside scikit-learn and sklearn-crfsuite, on the same data
//! ```
#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;
use std::time::Duration;

use adainfer::core::{At, Candidate, Memory, ModelSpec, Probe, Trace};
use adainfer::policies::{
    AnyPolicy, Calibration, CrfParams, EntropyThreshold, FeatureSet, Fit, GapThreshold, LogisticParams,
    Patience, Replay, SavedPolicy, ScoringPolicy, SvmKernel, SvmParams, TokenTrace, TraceSet, TraceSource,
};
use adainfer::prelude::ExitPolicy;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

/// A linear congruential generator (Knuth's MMIX): the script beside PyTorch's has the same numbers.
struct Numbers(u64);

impl Numbers {
    /// From 0 to 1, exact in f32.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// Tokens of one prompt each: a gap that grows with the layers, and an answer that is there from a random layer on.
fn traces(prompts: usize, layers: usize, seed: u64) -> TraceSet {
    let mut numbers = Numbers(seed);
    let mut set = TraceSet::new(TraceSource::new(&ModelSpec::new(layers, 8, 64, "made up"), "logit"));
    for i in 0..prompts {
        let settled = numbers.next() * layers as f32;
        let probes = (1..=layers).map(|layer| probe(&mut numbers, layer, layers, settled)).collect();
        let trace = TokenTrace::new(i.to_string(), layers, probes, None).expect("a trace");
        set.push(trace).expect("of as many layers");
    }
    set
}

fn probe(numbers: &mut Numbers, layer: usize, layers: usize, settled: f32) -> Probe {
    let right = layer == layers || layer as f32 > settled;
    let (a, b) = (numbers.next(), numbers.next());
    let top = 0.25 + 0.25 * (layer as f32 / layers as f32) + 0.375 * a * if right { 1.0 } else { 0.5 };
    let second = top * 0.5 * b;
    let candidate = |token, prob| Candidate { token, prob };
    let mut probe = Probe::new(candidate(u32::from(right), top), candidate(9, second));
    probe.layer = layer;
    probe.entropy = Some(1.0 - top);
    probe
}

/// An SVM with so many support vectors.
fn machine(vectors: usize, layers: usize) -> AnyPolicy {
    let mut numbers = Numbers(3);
    let mut row = || [numbers.next(), numbers.next()];
    let file = serde_json::json!({
        "adainfer_policy": 1,
        "kind": "svm",
        "policy": {
            "training": {
                "source": { "fingerprint": "made up", "lens": "logit", "layers": layers },
                "layers": (1..layers).collect::<Vec<_>>(),
                "features": ["gap", "top_prob"],
                "prompts": [],
            },
            "threshold": 1e9,
            "machine": { "rbf": {
                "gamma": 7.0,
                "vectors": (0..vectors).map(|_| row()).collect::<Vec<_>>(),
                "coefficients": (0..vectors).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect::<Vec<_>>(),
                "bias": 0.1,
            } },
        },
    });
    SavedPolicy::read(file.to_string().as_bytes()).expect("a policy").policy().clone()
}

const LAYERS: usize = 32;

/// A decision after each of 31 layers, as a session makes them; the time is that of one.
fn decisions(c: &mut Criterion) {
    let set = traces(400, LAYERS, 1);
    let probes = set.tokens()[7].probes();
    let never = |policy: AnyPolicy| policy.with_threshold(1e9);
    let policies = [
        ("gap", never(GapThreshold::default().into())),
        ("entropy", never(EntropyThreshold::new(0.5).expect("nats").into())),
        ("patience", never(Patience::new(3).into())),
        (
            "logistic, 2 features",
            never(
                LogisticParams::default()
                    .features(FeatureSet::base())
                    .fit(&set)
                    .expect("it converges")
                    .0
                    .into(),
            ),
        ),
        ("logistic, 8 features", never(LogisticParams::default().fit(&set).expect("it converges").0.into())),
        (
            "linear svm",
            never(
                SvmParams::default()
                    .kernel(SvmKernel::Linear)
                    .fit(&traces(40, LAYERS, 1))
                    .expect("it converges")
                    .0
                    .into(),
            ),
        ),
        ("crf", never(CrfParams::default().fit(&set).expect("it converges").0.into())),
        ("svm with 1000 support vectors", machine(1000, LAYERS)),
    ];
    let mut group = c.benchmark_group("decision");
    group.throughput(Throughput::Elements(LAYERS as u64 - 1));
    for (name, policy) in &policies {
        group.bench_function(*name, |b| {
            b.iter(|| {
                let memory = Memory::default();
                (1..LAYERS)
                    .filter(|seen| {
                        let trace = Trace::new(At::new(*seen, LAYERS, 0), black_box(&probes[..*seen]));
                        trace.is_some_and(|trace| policy.decide(trace.remembering(&memory)).is_exit())
                    })
                    .count()
            });
        });
    }
    group.finish();
}

fn training(c: &mut Criterion) {
    let mut group = c.benchmark_group("train");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(20));
    let rows = traces(400, 25, 1);
    group.bench_function("svm on 10000 rows", |b| {
        b.iter(|| SvmParams::default().fit(black_box(&rows)).expect("it fits"))
    });
    let chains = traces(1000, LAYERS, 1);
    group.bench_function("crf on 1000 chains of 32", |b| {
        b.iter(|| CrfParams::default().fit(black_box(&chains)).expect("it converges"));
    });
    group.finish();
}

/// On a million tokens, of 32 layers each.
fn replays(c: &mut Criterion) {
    let mut group = c.benchmark_group("million tokens");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    group.measurement_time(Duration::from_secs(10));
    let (crf, _) = CrfParams::default().fit(&traces(400, LAYERS, 1)).expect("it converges");
    let crf = crf.with_threshold(3.0);
    let gap = GapThreshold::new(0.5).expect("a share");
    let set = std::cell::LazyCell::new(|| traces(1_000_000, LAYERS, 2));
    group.bench_function("replay gap", |b| b.iter(|| Replay::new(&gap, &set)));
    group.bench_function("replay crf", |b| b.iter(|| Replay::new(&crf, &set)));
    group.bench_function("sweep gap over 200 thresholds", |b| {
        b.iter(|| Replay::sweep(&gap, &set, &gap.grid()))
    });
    let calibration = Calibration::new(0.05, 0.05).expect("shares");
    group.bench_function("calibrate gap", |b| {
        b.iter(|| calibration.calibrate(&gap, &set).expect("it calibrates"))
    });
    group.finish();
}

criterion_group!(benches, decisions, training, replays);
criterion_main!(benches);

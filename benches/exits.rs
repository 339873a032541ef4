//! What leaving early saves by the length of the prompt, and what looking after every layer costs.
//!
//! ```text
//! cargo bench --bench exits
//! cargo run --example bench_table -- tokens       # how much of the layers' share the exits save
//! ```
//!
//! SmolLM2-135M's shapes with random weights, on two threads unless RAYON_NUM_THREADS says otherwise.
#![allow(missing_docs, clippy::expect_used)]

mod support;

use std::hint::black_box;
use std::time::Duration;

use adainfer::burn::{Candidates, LayerMap, LensModel, LensQuality, LinearLens};
use adainfer::prelude::*;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main};
use support::SMOLLM2;

type Cpu = Model<backend::Flex>;

const LABELS: [TokenId; 4] = [17, 42, 1000, 40_000];
const LENGTHS: [u32; 3] = [60, 300, 1000];
/// A quarter of the layers, half of them, three quarters, all.
const EXITS: [usize; 4] = [8, 15, 23, 30];

fn made(options: LoadOptions<'_>) -> Cpu {
    Cpu::with_random_weights(SMOLLM2.config, 1, &Default::default(), options).expect("the shapes are right")
}

fn group<'c>(c: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(4));
    group
}

/// A prompt's first token.
fn first_token<M: LayeredModel>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    model: &M,
    policy: impl ExitPolicy,
    prompt: &[TokenId],
) {
    let engine = EarlyExit::new(model, policy).expect("the policy is for any model");
    group.bench_function(name, |b| {
        b.iter(|| engine.session().and_then(|mut session| session.feed(black_box(prompt))).expect("it runs"));
    });
}

/// One look, where the run ends.
fn exits<M: LayeredModel>(c: &mut Criterion, kind: &str, model: &M) {
    for length in LENGTHS {
        let mut group = group(c, &format!("{length} tokens, {kind}"));
        for layer in EXITS {
            let name = format!("exit {layer} of {}", SMOLLM2.layers);
            first_token(&mut group, &name, model, StaticLayer::new(layer), &SMOLLM2.prompt(length));
        }
        group.finish();
    }
}

/// The same layers with no look but the last, and with one after each.
fn looks(c: &mut Criterion, model: &Cpu) {
    let candidates = Candidates::new(model, &LABELS).expect("they are tokens");
    let linear = model.with_lens(&lens(model)).expect("it is for this model");
    let linear = Candidates::new(linear, &LABELS).expect("they are tokens");
    let prompt = SMOLLM2.prompt(LENGTHS[0]);
    let mut group = group(c, "looks");
    group.sample_size(40).measurement_time(Duration::from_secs(10));
    first_token(&mut group, "candidates, last", &candidates, Never, &prompt);
    first_token(&mut group, "candidates, all", &candidates, Watch::new(Extras::NONE), &prompt);
    first_token(&mut group, "linear lens and candidates, last", &linear, Never, &prompt);
    first_token(&mut group, "linear lens and candidates, all", &linear, Watch::new(Extras::NONE), &prompt);
    group.finish();
}

/// A map after every layer, all the same.
fn lens(model: &Cpu) -> LinearLens {
    let hidden = model.hidden_size();
    let numbers =
        |count: usize| (0..count).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5).collect::<Vec<_>>();
    let mut lens = LinearLens::new(model.spec(), hidden, "none");
    for layer in 1..SMOLLM2.layers {
        let quality = LensQuality { ridge: 0.1, r2: 0.5 };
        let map = LayerMap { weight: numbers(hidden * hidden), bias: numbers(hidden), quality };
        lens.set(layer, map).expect("it fits");
    }
    lens
}

fn all(c: &mut Criterion) {
    support::set_threads();
    for format in [WeightFormat::Float, WeightFormat::Int8] {
        let model = made(LoadOptions::new().weights(format).screened_head(true));
        exits(c, &format!("{format}, whole head"), &model);
        let candidates = Candidates::new(&model, &LABELS).expect("they are tokens");
        exits(c, &format!("{format}, candidates"), &candidates);
        if format == WeightFormat::Float {
            looks(c, &model);
        }
    }
}

criterion_group!(benches, all);
criterion_main!(benches);

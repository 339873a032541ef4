//! What running a model costs, on SmolLM2-135M's shapes with random weights: no download.
//!
//! ```text
//! cargo bench --bench speed
//! ```
//!
//! Two threads, unless RAYON_NUM_THREADS says otherwise.
#![allow(missing_docs, clippy::expect_used)]

mod support;

use std::hint::black_box;
use std::time::Duration;

use adainfer::burn::Candidates;
use adainfer::core::testing::ScriptedModel;
use adainfer::prelude::*;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use support::SMOLLM2;

type Cpu = Model<backend::Flex>;

fn tokens(count: u32) -> Vec<TokenId> {
    SMOLLM2.prompt(count)
}

fn prefill(c: &mut Criterion, format: WeightFormat, model: &Cpu) {
    let mut group = c.benchmark_group(format!("prefill/{format}"));
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    let engine = engine(model);
    for count in [32, 300, 1000] {
        let prompt = tokens(count);
        group.throughput(Throughput::Elements(count.into()));
        group.bench_function(format!("{count}"), |b| {
            b.iter(|| engine.session().and_then(|mut session| session.feed(black_box(&prompt))));
        });
    }
    group.finish();
}

fn decode(c: &mut Criterion, format: WeightFormat, model: &Cpu) {
    let mut group = c.benchmark_group(format!("decode/{format}"));
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    let engine = engine(model);
    let prefix = engine.prefix(&tokens(300)).expect("the prompt fits");
    group.bench_function("after 300", |b| {
        // A fork's first token opens a block of its own; the second is what a long text pays.
        let started = || {
            let mut session = prefix.fork().expect("the prefix ran");
            session.feed(&[7]).expect("the token fits");
            session
        };
        b.iter_batched(started, |mut session| session.feed(black_box(&[8])), BatchSize::PerIteration);
    });
    group.finish();
}

/// Queries of 24 tokens after 128 that they share, looked at among two tokens after the last layer.
fn queries(c: &mut Criterion, format: WeightFormat, model: &Cpu) {
    const QUERIES: u32 = 64;
    let mut group = c.benchmark_group(format!("queries/{format}"));
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(12))
        .throughput(Throughput::Elements(QUERIES.into()));
    let engine = EarlyExit::new(Candidates::new(model.clone(), &[5, 6]).expect("two tokens"), Never);
    let engine = engine.expect("never refuses no model");
    let prefix = engine.prefix(&tokens(128)).expect("the prompt fits");
    let queries: Vec<Vec<TokenId>> = (0..QUERIES).map(|i| tokens(24 + i)[i as usize..].to_vec()).collect();
    group.bench_function("one by one", |b| {
        b.iter(|| {
            for query in &queries {
                prefix.fork().and_then(|mut session| session.feed(black_box(query))).expect("the query fits");
            }
        });
    });
    group.bench_function("together", |b| b.iter(|| prefix.answer_each(black_box(&queries))));
    group.finish();
}

/// What it costs to go on twice from a prompt: nothing of it is copied.
fn fork(c: &mut Criterion, model: &Cpu) {
    let engine = engine(model);
    let prefix = engine.prefix(&tokens(1000)).expect("the prompt fits");
    c.benchmark_group("session").bench_function("fork after 1000", |b| b.iter(|| prefix.fork()));
}

/// Head, softmax and the two likeliest tokens, for one position.
fn look(c: &mut Criterion, name: &str, model: &Cpu) {
    let mut state = model.start(Extras::NONE).expect("a state");
    let hidden = model.embed(&tokens(1), &mut state).expect("the token fits");
    let mut group = c.benchmark_group("look");
    group.bench_function(name, |b| {
        b.iter(|| model.head(0, &hidden).and_then(|logits| model.probe(black_box(&logits), None)));
    });
    group.finish();
}

/// What the loop itself costs: a model that does nothing, a policy that looks everywhere.
fn overhead(c: &mut Criterion) {
    const LAYERS: usize = 32;
    let model = ScriptedModel::with_gaps(&[0.5; LAYERS]).max_positions(usize::MAX);
    let engine =
        EarlyExit::new(model, policy_fn(|t| Decision::exit_if(t.last().gap() > 0.9))).expect("a policy");
    let mut group = c.benchmark_group("session");
    group.throughput(Throughput::Elements(LAYERS as u64));
    let mut session = engine.session().expect("a session");
    group.bench_function("overhead of 32 layers", |b| b.iter(|| session.feed(black_box(&[1]))));
    group.finish();
}

fn engine(model: &Cpu) -> EarlyExit<&Cpu, Never> {
    EarlyExit::new(model, Never).expect("never refuses no model")
}

fn all(c: &mut Criterion) {
    overhead(c);
    support::set_threads();
    let made = |options| {
        let model = Cpu::with_random_weights(SMOLLM2.config, 1, &Default::default(), options);
        model.expect("the configuration is right")
    };
    look(c, "screened", &made(LoadOptions::new().screened_head(true)));
    for format in [WeightFormat::Float, WeightFormat::Int8] {
        let model = made(LoadOptions::new().weights(format));
        look(c, &format.to_string(), &model);
        decode(c, format, &model);
        prefill(c, format, &model);
        queries(c, format, &model);
        if format == WeightFormat::Float {
            fork(c, &model);
        }
    }
}

criterion_group!(benches, all);
criterion_main!(benches);

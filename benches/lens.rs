//! What looking costs through each kind of lens, beside a layer, and what fitting a lens costs.
//!
//! ```text
//! cargo bench --bench lens --features fit
//! cargo bench --bench lens --features fit -- --wide     # a fit at a width of 4096 instead: time and peak memory
//! ```
#![allow(missing_docs, clippy::expect_used)]

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use adainfer::burn::{
    Candidates, LabelMap, LabelProbe, LabelQuality, Labelled, LayerMap, LensModel, LensPrompt, LensQuality,
    LinearLens, LinearLensParams, ModelError,
};
use adainfer::core::ModelSpec;
use adainfer::prelude::*;
use criterion::{Criterion, criterion_group};
use support::SMOLLM2;

type Cpu = Model<backend::Flex>;

/// The layer that is looked after, counted from 1.
const LAYER: usize = 20;
const LABELS: [TokenId; 4] = [17, 42, 1000, 40_000];
/// Tokens of a query.
const POSITIONS: u32 = 60;

/// Numbers of no pattern.
fn numbers(seed: usize, count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn looks(c: &mut Criterion) {
    support::set_threads();
    let model = Cpu::with_random_weights(SMOLLM2.config, 1, &Default::default(), LoadOptions::new());
    let model = model.expect("the shapes are right");
    let hidden = model.hidden_size();
    let quality = LensQuality { ridge: 0.1, r2: 0.5 };
    let mut lens = LinearLens::new(model.spec(), hidden, "none");
    let map = LayerMap { weight: numbers(1, hidden * hidden), bias: numbers(2, hidden), quality };
    lens.set(LAYER, map).expect("it fits");
    let linear = model.with_lens(&lens).expect("it fits");
    let candidates = Candidates::new(&linear, &LABELS).expect("they are tokens");
    let quality = LabelQuality { penalty: 1.0, temperature: 1.0, accuracy: 0.5, log_loss: 1.0 };
    let mut probe = LabelProbe::new(model.spec(), hidden, &LABELS, "none").expect("they are tokens");
    for layer in [LAYER, SMOLLM2.layers] {
        let map = LabelMap { weight: numbers(3, 4 * hidden), bias: numbers(4, 4), quality };
        probe.set(layer, map).expect("it fits");
    }
    let labelled = Labelled::new(&model, probe).expect("it fits");

    let mut group = c.benchmark_group(format!("look/{POSITIONS}"));
    group.sample_size(30).measurement_time(Duration::from_secs(4));
    group.bench_function("a layer", |b| {
        let mut state = model.start(Extras::NONE).expect("a state");
        let x = model.embed(&SMOLLM2.prompt(POSITIONS), &mut state).expect("the tokens fit");
        b.iter_batched(
            || (x.clone(), state.clone()),
            |(x, mut state)| model.layer(0, x, &mut state),
            criterion::BatchSize::SmallInput,
        );
    });
    look(&mut group, "logit", &model);
    look(&mut group, "linear", &linear);
    look(&mut group, "linear, 4 candidates", &candidates);
    look(&mut group, "label probe, 4 labels", &labelled);
    group.finish();
}

/// Head and probe at the end of a query.
fn look<M: LayeredModel>(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    model: &M,
) {
    let mut state = model.start(Extras::NONE).expect("a state");
    let x = model.embed(&SMOLLM2.prompt(POSITIONS), &mut state).expect("the tokens fit");
    group.bench_function(name, |b| {
        b.iter(|| model.head(LAYER - 1, black_box(&x)).and_then(|logits| model.probe(&logits, None)));
    });
}

/// A model that has states at once, so that a fit costs nothing but the fit.
struct States {
    spec: ModelSpec,
    width: usize,
}

impl States {
    fn new(layers: usize, width: usize) -> Self {
        Self { spec: ModelSpec::new(layers, 100, 64, "states"), width }
    }

    fn numbers(&self, seed: usize) -> Vec<f32> {
        (0..self.width).map(|i| (((i + 1) * (seed * 31 + 7)) as f32).sin()).collect()
    }
}

impl LayeredModel for States {
    type State = ();
    /// The prompt's first token, and the layer.
    type Hidden = (usize, usize);
    type Logits = ();
    type Error = ModelError;

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }
    fn start(&self, _: Extras) -> Result<(), ModelError> {
        Ok(())
    }
    fn embed(&self, tokens: &[TokenId], (): &mut ()) -> Result<(usize, usize), ModelError> {
        Ok((tokens.first().map_or(0, |token| *token as usize), 0))
    }
    fn layer(&self, index: usize, x: (usize, usize), (): &mut ()) -> Result<(usize, usize), ModelError> {
        Ok((x.0, index + 1))
    }
    fn join(&self, _: (usize, usize), x: (usize, usize)) -> Result<(usize, usize), ModelError> {
        Ok(x)
    }
    fn head(&self, _: usize, _: &(usize, usize)) -> Result<(), ModelError> {
        Ok(())
    }
    fn probe(&self, (): &(), _: Option<&()>) -> Result<Probe, ModelError> {
        Err(ModelError::OtherBackend)
    }
    fn values(&self, (): &()) -> Result<Vec<f32>, ModelError> {
        Ok(Vec::new())
    }
}

impl LensModel for States {
    fn hidden_size(&self) -> usize {
        self.width
    }
    fn positions(&self, _: &(usize, usize)) -> usize {
        1
    }
    fn states(&self, x: &(usize, usize), _: &[usize]) -> Result<Vec<f32>, ModelError> {
        Ok(self.numbers(x.0 * 64 + x.1))
    }
    fn normed_states(&self, x: &(usize, usize), _: &[usize]) -> Result<Vec<f32>, ModelError> {
        Ok(self.numbers(x.0 * 64 + x.1))
    }
}

fn prompts(count: usize) -> Vec<LensPrompt> {
    (0..count).map(|i| LensPrompt::last(i.to_string(), vec![i as TokenId])).collect()
}

/// Thirty layers of SmolLM2's width, from the states of 500 prompts.
fn fit(c: &mut Criterion) {
    let (model, prompts) = (States::new(31, 576), prompts(500));
    let mut group = c.benchmark_group("fit");
    group.sample_size(10).measurement_time(Duration::from_secs(60));
    group.bench_function("30 layers of 576, 500 prompts", |b| {
        b.iter(|| LinearLensParams::default().fit(&model, &prompts, |_| ()).expect("it can be fitted"));
    });
    group.finish();
}

/// Two layers of Llama2-7B's width, one ridge: time, and the most memory that was held.
fn wide() {
    let start = Instant::now();
    let params = LinearLensParams::default().ridges([0.1]);
    params.fit(&States::new(3, 4096), &prompts(500), |_| ()).expect("it can be fitted");
    println!("2 layers of 4096, 500 prompts, one ridge: {:.1} s", start.elapsed().as_secs_f64());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("peak memory unknown"));
}

criterion_group!(benches, looks, fit);

fn main() {
    if std::env::args().any(|argument| argument == "--wide") {
        return wide();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}

//! What running a model and leaving early cost on every device that is there: a group each, on SmolLM2-135M's
//! shapes in f32 with random weights; where an NVIDIA GPU has room, on Llama2-7B's in f16 too.
//!
//! ```text
//! cargo bench --bench backends --features ndarray,wgpu
//! cargo run --example bench_table
//! ```
//!
//! ADAINFER_BENCH_DEVICES names other devices than the first of every backend in this build, with commas
//! between them. Two threads compute on the CPU, unless RAYON_NUM_THREADS says otherwise.
#![allow(missing_docs, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

use std::cell::LazyCell;
use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use adainfer::policies::StaticLayer;
use adainfer::prelude::*;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main};
use support::{LLAMA2_7B, SMOLLM2, Shape};

/// Depths at which the run stops, in quarters of the layers.
const QUARTERS: [usize; 4] = [1, 2, 3, 4];
/// What Llama2-7B in f16, a prompt of 1,000 and their working memory take.
const ROOM_MIB: u64 = 18_000;

/// What is measured in one group.
struct Case<'a> {
    shape: Shape,
    device: &'a Device,
    dtype: Dtype,
}

impl Case<'_> {
    fn open(&self) -> Result<AnyModel, LoadError> {
        let options = LoadOptions::new().dtype(self.dtype);
        AnyModel::with_random_weights(self.shape.config, 1, self.device, options)
    }

    fn measure(&self, c: &mut Criterion) {
        let Self { shape, device, dtype } = self;
        // Opened by the first function that the command line does not filter out.
        let model = LazyCell::new(|| self.open().expect("the device was there"));
        let mut group = c.benchmark_group(format!("{} {dtype} on {device}", shape.name));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(8));
        for quarter in QUARTERS {
            let layer = (shape.layers * quarter).div_ceil(4);
            feed(
                &mut group,
                &format!("exit {layer} of {}", shape.layers),
                || exit(&model, layer),
                shape.prompt(300),
            );
        }
        for count in [32, 300, 1000] {
            feed(&mut group, &format!("prefill {count}"), || exit(&model, shape.layers), shape.prompt(count));
        }
        decode(&mut group, &model, &shape.prompt(300));
        probe(&mut group, &model);
        group.finish();
    }
}

/// Stops after a layer, and looks at that one alone.
fn exit(model: &AnyModel, layer: usize) -> EarlyExit<&AnyModel, StaticLayer> {
    EarlyExit::new(model, StaticLayer::new(layer)).expect("the model has the layer")
}

/// A prompt's first token.
fn feed<'m>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    engine: impl Fn() -> EarlyExit<&'m AnyModel, StaticLayer>,
    prompt: Vec<TokenId>,
) {
    let mut cold = true;
    group.bench_function(name, |b| {
        let engine = engine();
        let run =
            || engine.session().and_then(|mut session| session.feed(black_box(&prompt))).expect("it runs");
        // GPUs' kernels are compiled at their first use, and criterion's --quick does not warm up.
        if std::mem::take(&mut cold) {
            run();
        }
        b.iter(run);
    });
}

/// The second token after a prompt.
fn decode(
    group: &mut BenchmarkGroup<'_, WallTime>,
    model: &LazyCell<AnyModel, impl FnOnce() -> AnyModel>,
    prompt: &[TokenId],
) {
    group.bench_function("decode after 300", |b| {
        let engine = EarlyExit::new(&**model, Never).expect("a policy for any model");
        let prefix = engine.prefix(prompt).expect("the prompt fits");
        // A fork's first token opens a block of its own; the second is what a long text pays.
        let started = || {
            let mut session = prefix.fork().expect("the prefix ran");
            session.feed(&[7]).expect("the token fits");
            session
        };
        let step = |mut session: Session<'_, _, _, _>| session.feed(black_box(&[8])).expect("it runs");
        b.iter_batched(started, step, BatchSize::PerIteration);
    });
}

/// Head, softmax and the two likeliest tokens, for one position.
fn probe(group: &mut BenchmarkGroup<'_, WallTime>, model: &LazyCell<AnyModel, impl FnOnce() -> AnyModel>) {
    group.bench_function("probe", |b| {
        let mut state = model.start(Extras::NONE).expect("a state");
        let hidden = model.embed(&[13], &mut state).expect("the token fits");
        b.iter(|| {
            let logits = model.head(0, black_box(&hidden)).expect("it runs");
            model.probe(&logits, None).expect("it runs")
        });
    });
}

/// Those that ADAINFER_BENCH_DEVICES names, or the first of each backend that needs no address.
fn devices() -> Vec<Device> {
    match std::env::var("ADAINFER_BENCH_DEVICES") {
        Ok(names) => {
            names.split(',').map(|name| name.trim().parse().expect("the name of a device")).collect()
        }
        Err(_) => {
            let all = [Device::Cpu, Device::NdArray, Device::Wgpu(0), Device::Cuda(0)];
            all.into_iter().filter(|device| device.to_string().parse::<Device>().is_ok()).collect()
        }
    }
}

/// Whether models open there; a model of one layer is quickly made.
fn is_there(device: &Device) -> bool {
    let tiny = r#"{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1,
        "intermediate_size": 64, "vocab_size": 64, "max_position_embeddings": 64, "rms_norm_eps": 1e-5}"#;
    let model = AnyModel::with_random_weights(tiny, 1, device, LoadOptions::new());
    model.inspect_err(|error| eprintln!("{device} is not measured: {error}")).is_ok()
}

/// Whether the NVIDIA GPU of this index has room for the large model.
fn has_room(index: usize) -> bool {
    let query = ["--query-gpu=memory.free", "--format=csv,noheader,nounits", &format!("--id={index}")]
        .map(str::to_owned);
    let free = Command::new("nvidia-smi")
        .args(query)
        .output()
        .ok()
        .and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok());
    free.is_some_and(|free| free >= ROOM_MIB)
}

fn all(c: &mut Criterion) {
    support::set_threads();
    for device in devices().iter().filter(|device| is_there(device)) {
        Case { shape: SMOLLM2, device, dtype: Dtype::F32 }.measure(c);
        match device {
            Device::Cuda(index) if has_room(*index) => {
                Case { shape: LLAMA2_7B, device, dtype: Dtype::F16 }.measure(c);
            }
            other => {
                eprintln!("llama2-7b is not measured on {other}: no NVIDIA GPU with {ROOM_MIB} MiB free")
            }
        }
    }
}

criterion_group!(benches, all);
criterion_main!(benches);

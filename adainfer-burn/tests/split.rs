//! Models whose layers lie on two devices; that they answer as on one, `parity` shows.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use adainfer_burn::{
    AnyModel, Device, DeviceError, DeviceMap, LoadError, LoadOptions, ModelError, SplitModel,
};
use adainfer_core::{EarlyExit, Extras, LayeredModel, Never, Recorder, Watch, WithoutLayers};
use adainfer_policies::StaticLayer;

const TWO: [Device; 2] = [Device::Cpu, Device::NdArray];

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name)
}

fn split(name: &str, map: &[(Device, usize)]) -> Result<SplitModel, LoadError> {
    SplitModel::open(folder(name), &DeviceMap::new(map.iter().cloned()))
}

#[test]
fn every_seam_gives_the_same_probes() {
    for name in ["llama-gqa-tied", "opt-post-proj", "gptj"] {
        let whole = AnyModel::open(folder(name), &Device::Cpu).unwrap();
        let layers = whole.spec().layers;
        let mut maps: Vec<Vec<(Device, usize)>> =
            (1..layers).map(|seam| vec![(Device::Cpu, seam), (Device::NdArray, layers - seam)]).collect();
        maps.push((0..layers).map(|layer| (TWO[layer % 2].clone(), 1)).collect());
        maps.push(vec![(Device::Cpu, 1), (Device::Cpu, layers - 1)]);
        for map in maps {
            let model = split(name, &map).unwrap();
            assert_eq!((model.spec(), model.end_tokens()), (whole.spec(), whole.end_tokens()), "{map:?}");
            let [found, wanted] = [probes(&model), probes(&whole)];
            for (found, wanted) in found.iter().zip(&wanted) {
                let numbers = |probe: &adainfer_core::Probe| {
                    let extras = [probe.cos_hidden, probe.cos_attn, probe.cos_mlp, probe.kl];
                    [Some(probe.top_prob()), Some(probe.gap())].into_iter().chain(extras).collect::<Vec<_>>()
                };
                assert_eq!((found.layer, found.top.token), (wanted.layer, wanted.top.token));
                for (f, w) in numbers(found).into_iter().zip(numbers(wanted)) {
                    assert_eq!(f.is_some(), w.is_some(), "{name} {map:?}");
                    assert!(
                        (f.unwrap_or(0.0) - w.unwrap_or(0.0)).abs() < 1e-4,
                        "{name} {map:?}: {f:?} {w:?}"
                    );
                }
            }
            assert_eq!(found.len(), wanted.len());
        }
    }
}

/// All that a probe can carry, of a prompt.
fn probes<M: LayeredModel>(model: &M) -> Vec<adainfer_core::Probe> {
    let engine = EarlyExit::new(model, Watch::new(Extras::ALL)).unwrap();
    let mut session = engine.watched(Recorder::default()).unwrap();
    session.feed(&[5, 6, 7, 8, 9]).unwrap();
    session.into_observer().into_tokens().remove(0).probes
}

/// Layers left out may be those on either side of a seam; forks and owed positions cross it.
#[test]
fn adaptors_forks_and_owed_positions_cross_a_seam() {
    let model = split("llama-mha", &[(Device::Cpu, 2), (Device::NdArray, 2)]).unwrap();
    let whole = AnyModel::open(folder("llama-mha"), &Device::Cpu).unwrap();
    for left_out in [[2, 3], [1, 4]] {
        let [found, wanted] = [
            text(&WithoutLayers::new(&model, &left_out).unwrap()),
            text(&WithoutLayers::new(&whole, &left_out).unwrap()),
        ];
        assert_eq!(found, wanted, "without {left_out:?}");
    }
    for exit in 1..4 {
        assert_eq!(after_exit(&model, exit), after_exit(&whole, exit), "after layer {exit}");
    }
}

fn text<M: LayeredModel>(model: &M) -> Vec<u32> {
    let engine = EarlyExit::new(model, Never).unwrap();
    let prefix = engine.prefix(&[5, 6, 7]).unwrap();
    let mut fork = prefix.fork().unwrap();
    fork.generate(&[8, 9]).max_tokens(6).map(|step| step.unwrap().token).collect()
}

/// A token that exits, and then one that runs in full on what it left.
fn after_exit<M: LayeredModel>(model: &M, exit: usize) -> Vec<u32> {
    let policy = adainfer_core::policy_fn(move |t: adainfer_core::Trace<'_>| {
        adainfer_core::Decision::exit_if(t.at().produced == 0 && t.at().layer == exit)
    });
    let engine = EarlyExit::new(model, policy).unwrap();
    let mut session = engine.session().unwrap();
    session.generate(&[5, 6, 7, 8]).max_tokens(3).map(|step| step.unwrap().token).collect()
}

#[test]
fn a_map_that_does_not_fit_is_refused_with_both_numbers() {
    for (map, placed) in
        [(DeviceMap::even(3, &TWO), 3), (DeviceMap::new([(Device::Cpu, 4), (Device::NdArray, 1)]), 5)]
    {
        let error = SplitModel::open(folder("llama-mha"), &map).unwrap_err();
        assert!(
            matches!(error, LoadError::DeviceMap { mapped, layers: 4, .. } if mapped == placed),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains(&format!("places {placed} layers, and the model has 4")), "{text}");
    }
    let error = SplitModel::open(folder("llama-mha"), &DeviceMap::new([(Device::Cpu, 0)])).unwrap_err();
    assert!(matches!(error, LoadError::EmptyDeviceMap { .. }), "{error:?}");
}

#[test]
fn a_device_that_is_not_there_is_named() {
    let error = split("llama-mha", &[(Device::Cpu, 2), (Device::Cuda(97), 2)]).unwrap_err();
    let LoadError::Device(error) = error else { panic!("{error:?}") };
    assert!(matches!(error, DeviceError::NotInThisBuild { .. } | DeviceError::NotFound { .. }), "{error:?}");
    assert!(error.to_string().contains("cuda:97"), "{error}");
}

#[test]
fn what_belongs_to_a_model_split_otherwise_is_refused() {
    let here = split("llama-mha", &[(Device::Cpu, 2), (Device::NdArray, 2)]).unwrap();
    let there = split("llama-mha", &[(Device::NdArray, 4)]).unwrap();
    let (mut mine, mut other) = (here.start(Extras::NONE).unwrap(), there.start(Extras::NONE).unwrap());
    let hidden = here.embed(&[5], &mut mine).unwrap();
    let hidden = here.layer(2, hidden, &mut mine).unwrap();
    let errors = [
        here.embed(&[5], &mut other).unwrap_err(),
        there.embed(&[5], &mut mine).unwrap_err(),
        here.layer(3, hidden.clone(), &mut other).unwrap_err(),
        there.head(3, &hidden).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ModelError::OtherBackend), "{error:?}");
    }
    let error = here.layer(4, hidden, &mut mine).unwrap_err();
    assert!(matches!(error, ModelError::NoSuchLayer { index: 4, layers: 4 }), "{error:?}");
}

#[test]
fn progress_goes_from_nothing_to_all_weights_once() {
    let mut seen = Vec::new();
    let mut report = |p: adainfer_burn::Progress<'_>| seen.push((p.done, p.total));
    let map = DeviceMap::new([(Device::Cpu, 1), (Device::NdArray, 5)]);
    let options = LoadOptions::new().progress(&mut report);
    SplitModel::open_with(folder("llama-gqa-tied"), &map, options).unwrap();
    assert!(seen.is_sorted() && seen[0].0 == 0, "{seen:?}");
    assert!(seen.iter().all(|&(done, total)| done <= total));
    assert_eq!(seen.last().map(|&(done, total)| done == total), Some(true));
}

#[test]
fn a_model_that_exits_at_the_seam_needs_one_device() {
    let model = split("opt-pre", &[(Device::Cpu, 2), (Device::NdArray, 1)]).unwrap();
    let layers = model.spec().layers;
    let step = EarlyExit::new(&model, StaticLayer::new(2)).unwrap().session().unwrap().feed(&[5, 6]).unwrap();
    assert_eq!((step.layers_run, step.layers), (2, layers));
}

//! Models whose device is named when the program runs.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::PathBuf;

use adainfer_burn::{AnyModel, Model, ModelError, backend};
use adainfer_core::{EarlyExit, Extras, LayeredModel, Recorder, Watch};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name)
}

fn opened(device: &str) -> AnyModel {
    AnyModel::open(folder("opt-pre"), &device.parse().unwrap()).unwrap()
}

#[test]
fn a_named_device_gives_what_its_backend_gives() {
    let plain = Model::<backend::Flex>::open(folder("opt-pre"), &Default::default()).unwrap();
    let any = opened("cpu");
    assert_eq!((any.spec(), any.end_tokens()), (plain.spec(), plain.end_tokens()));
    let prompt = [5, 6, 7, 8];
    assert_eq!(any.block_influence(&prompt).unwrap(), plain.block_influence(&prompt).unwrap());
    let engine = EarlyExit::new(&any, Watch::new(Extras::ALL)).unwrap();
    let mut session = engine.watched(Recorder::default()).unwrap();
    session.feed(&prompt).unwrap();
    let wanted = EarlyExit::new(&plain, Watch::new(Extras::ALL)).unwrap();
    let mut wanted = wanted.watched(Recorder::default()).unwrap();
    wanted.feed(&prompt).unwrap();
    assert_eq!(session.into_observer().into_tokens(), wanted.into_observer().into_tokens());
}

#[test]
fn two_backends_agree_in_one_program() {
    let [cpu, ndarray] = ["cpu", "ndarray"].map(opened);
    let text = |model: &AnyModel| -> Vec<u32> {
        let engine = EarlyExit::new(model, Watch::default()).unwrap();
        let mut session = engine.session().unwrap();
        session.generate(&[5, 6, 7]).max_tokens(8).map(|step| step.unwrap().token).collect()
    };
    assert_eq!(text(&cpu), text(&ndarray));
}

#[test]
fn what_belongs_to_another_backend_is_refused() {
    let [cpu, ndarray] = ["cpu", "ndarray"].map(opened);
    let (mut here, mut there) = (cpu.start(Extras::NONE).unwrap(), ndarray.start(Extras::NONE).unwrap());
    let hidden = cpu.embed(&[5], &mut here).unwrap();
    let logits = cpu.head(0, &hidden).unwrap();
    let other = ndarray.embed(&[5], &mut there).unwrap();
    let errors = [
        cpu.embed(&[5], &mut there).unwrap_err(),
        cpu.layer(0, hidden.clone(), &mut there).unwrap_err(),
        cpu.layer(0, other.clone(), &mut here).unwrap_err(),
        cpu.join(hidden.clone(), other.clone()).unwrap_err(),
        ndarray.head(0, &hidden).unwrap_err(),
        ndarray.values(&logits).unwrap_err(),
        cpu.probe(&logits, Some(&ndarray.head(0, &other).unwrap())).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ModelError::OtherBackend), "{error:?}");
    }
}

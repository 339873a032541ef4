//! Policies at their edges.
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_core::testing::ScriptedModel;
use adainfer_core::{EarlyExit, ExitPolicy, PolicyMismatch, RunError};
use adainfer_policies::{GapThreshold, StaticLayer, TopProbThreshold};

fn layers_run(gaps: &[f32], policy: impl ExitPolicy) -> usize {
    let engine = EarlyExit::new(ScriptedModel::with_gaps(gaps), policy).unwrap();
    engine.session().unwrap().feed(&[3]).unwrap().layers_run
}

#[test]
fn the_gap_must_be_above_its_threshold_not_at_it() {
    assert_eq!(GapThreshold::default().threshold(), 0.8);
    assert_eq!(layers_run(&[0.5, 0.5, 0.75, 0.9], GapThreshold::new(0.5).unwrap()), 3);
}

#[test]
fn the_top_probability_is_half_the_gap_above_one_half_here() {
    assert_eq!(layers_run(&[0.5, 0.7, 0.9], TopProbThreshold::new(0.8).unwrap()), 2);
}

#[test]
fn thresholds_outside_zero_to_one_are_refused() {
    for bad in [f32::NAN, -0.1, 1.1, f32::INFINITY] {
        assert!(GapThreshold::new(bad).is_err() && TopProbThreshold::new(bad).is_err());
    }
}

#[test]
fn a_static_layer_exits_there_with_one_look() {
    let engine = EarlyExit::new(ScriptedModel::with_gaps(&[0.1; 5]), StaticLayer::new(3)).unwrap();
    let step = engine.session().unwrap().feed(&[3]).unwrap();
    assert_eq!((step.layers_run, step.heads_run), (3, 1));
    for layer in [0, 6] {
        let refused = EarlyExit::new(ScriptedModel::with_gaps(&[0.1; 5]), StaticLayer::new(layer));
        assert!(matches!(refused, Err(RunError::Policy(PolicyMismatch::NoSuchLayer { layers: 5, .. }))));
    }
}

#[test]
fn public_policies_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<GapThreshold>();
    shared::<TopProbThreshold>();
    shared::<StaticLayer>();
}

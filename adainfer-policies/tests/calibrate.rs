//! Thresholds with a certificate.
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_core::testing::{ScriptedModel, scripted_probe};
use adainfer_core::{EarlyExit, ExitPolicy, ModelSpec, PolicyMismatch};
use adainfer_policies::{
    Calibration, CalibrationError, CrfParams, Fit, GapThreshold, Risk, TokenTrace, TraceSet, TraceSource,
};

/// Two layers; the first shows token 1, which is the answer, where its gap is at least `right_from`.
fn traces(gaps: &[f32], right_from: f32, tokens_a_prompt: usize) -> TraceSet {
    let model = ModelSpec::new(2, 8, 64, "scripted");
    let mut set = TraceSet::new(TraceSource::new(&model, "logit"));
    for (i, gap) in gaps.iter().enumerate() {
        let token = if *gap >= right_from { 1 } else { 2 };
        let mut probes = vec![scripted_probe(token, *gap), scripted_probe(1, 0.9)];
        (probes[0].layer, probes[1].layer) = (1, 2);
        let prompt = format!("prompt {}", i / tokens_a_prompt);
        set.push(TokenTrace::new(prompt, 2, probes, None).unwrap()).unwrap();
    }
    set
}

fn spread(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32 / count as f32).collect()
}

fn calibration(epsilon: f64, delta: f64) -> Calibration {
    Calibration::new(epsilon, delta).unwrap()
}

#[test]
fn the_most_aggressive_threshold_within_the_bound_is_taken() {
    let set = traces(&spread(1000), 0.5, 1);
    let certified = calibration(0.05, 0.05).calibrate(&GapThreshold::default(), &set).unwrap();
    let (threshold, certificate) = (certified.policy().unwrap().threshold(), certified.certificate());
    // 1000 prompts allow 38 wrong ones (P(Bin(1000, 0.05) <= 38) = 0.043, 39: 0.059): gaps above 0.462.
    assert!((0.46..0.47).contains(&threshold), "{threshold}");
    assert_eq!((certificate.n, certificate.threshold), (1000, Some(threshold.into())));
    assert!(certificate.k <= 38.0 && certificate.k >= 30.0, "{}", certificate.k);
    assert_eq!(certificate.traces, set.hash());
}

#[test]
fn where_nothing_can_be_certified_nothing_exits() {
    // 58 prompts without an error are too few for 5 % at 95 %, and 59 are enough.
    for (n, enough) in [(58, false), (59, true)] {
        let certified =
            calibration(0.05, 0.05).calibrate(&GapThreshold::default(), &traces(&spread(n), 0.0, 1)).unwrap();
        assert_eq!(certified.policy().is_some(), enough, "{n}");
        let engine = EarlyExit::new(
            ScriptedModel::new(vec![scripted_probe(1, 0.999), scripted_probe(1, 0.9)]),
            certified,
        )
        .unwrap();
        let step = engine.session().unwrap().feed(&[3]).unwrap();
        assert_eq!((step.layers_run, step.heads_run), if enough { (1, 1) } else { (2, 1) });
    }
}

#[test]
fn a_share_of_those_that_exit_is_another_risk() {
    // One in ten prompts looks settled, and half of those are wrong: 5 % of all, 50 % of those that exit.
    let gap = |i| match i % 20 {
        0 => 0.9,
        10 => 0.88,
        _ => 0.0,
    };
    let gaps: Vec<f32> = (0..2000).map(gap).collect();
    let set = traces(&gaps, 0.89, 1);
    let grid = |c: Calibration| c.grid(vec![0.85]).unwrap();
    let all = grid(calibration(0.08, 0.05)).calibrate(&GapThreshold::default(), &set).unwrap();
    assert_eq!((all.certificate().n, all.certificate().k), (2000, 100.0));
    assert!(all.policy().is_some());
    let exited = grid(calibration(0.08, 0.05).risk(Risk::WhereExited));
    assert!(exited.calibrate(&GapThreshold::default(), &set).unwrap().policy().is_none());
    let exited = grid(calibration(0.6, 0.05).risk(Risk::WhereExited));
    let exited = exited.calibrate(&GapThreshold::default(), &set).unwrap();
    assert_eq!((exited.certificate().n, exited.certificate().k), (200, 100.0));
}

#[test]
fn prompts_of_many_tokens_count_once() {
    // A token in ten is wrong, and every prompt of ten has one.
    let gaps: Vec<f32> = (0..5000).map(|i| if i % 10 == 0 { 0.6 } else { 0.7 }).collect();
    let set = traces(&gaps, 0.65, 10);
    let with = |risk| {
        let calibration = calibration(0.15, 0.05).risk(risk).grid(vec![0.5]).unwrap();
        calibration.calibrate(&GapThreshold::default(), &set).unwrap()
    };
    assert!(with(Risk::Disagreement).policy().is_none(), "all 500 prompts have a wrong token");
    let share = with(Risk::TokenShare);
    assert!(share.policy().is_some());
    assert_eq!(share.certificate().n, 500);
    assert!((share.certificate().k - 50.0).abs() < 1e-9);
}

#[test]
fn a_certificate_is_for_one_model_and_lens() {
    let certified =
        calibration(0.05, 0.05).calibrate(&GapThreshold::default(), &traces(&spread(200), 0.2, 1)).unwrap();
    assert_eq!(certified.check(&ModelSpec::new(2, 8, 64, "scripted")), Ok(()));
    let deeper = certified.check(&ModelSpec::new(3, 8, 64, "scripted"));
    assert_eq!(deeper, Err(PolicyMismatch::Layers { policy: 2, model: 3 }));
    assert!(certified.check(&ModelSpec::new(2, 8, 64, "another lens")).is_err());
}

#[test]
fn the_prompts_of_training_are_refused() {
    let set = traces(&spread(100), 0.5, 1);
    let (training, rest) = set.split(0.5, 3);
    let (policy, _) = CrfParams::default().fit(&training).unwrap();
    assert!(calibration(0.1, 0.1).calibrate(&policy, &rest).is_ok());
    let error = calibration(0.1, 0.1).calibrate(&policy, &training).unwrap_err();
    assert!(matches!(&error, CalibrationError::Overlap { .. }), "{error}");
    assert!(error.to_string().contains("was trained on prompt \"prompt "), "{error}");
}

#[test]
fn what_is_no_calibration_is_refused() {
    for bad in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            Calibration::new(bad, 0.1),
            Err(CalibrationError::Parameter { name: "epsilon", .. })
        ));
        assert!(matches!(Calibration::new(0.1, bad), Err(CalibrationError::Parameter { name: "delta", .. })));
    }
    let grid = |thresholds: &[f64]| calibration(0.1, 0.1).grid(thresholds.to_vec());
    assert_eq!(grid(&[]), Err(CalibrationError::EmptyGrid));
    for (bad, at) in
        [(&[0.5, 0.5][..], 1), (&[0.5, 0.6], 1), (&[f64::NAN], 0), (&[0.5, f64::NEG_INFINITY], 1)]
    {
        assert!(matches!(grid(bad), Err(CalibrationError::Grid { index, .. }) if index == at), "{bad:?}");
    }
    let none = traces(&[], 0.5, 1);
    let error = calibration(0.1, 0.1).calibrate(&GapThreshold::default(), &none).unwrap_err();
    assert_eq!(error, CalibrationError::NoTraces);
}

//! The chain as a policy; that it is CRFsuite's is shown beside its code.
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_core::{Candidate, Decision, ExitPolicy, ModelSpec, PolicyMismatch, Probe};
use adainfer_policies::{
    Calibration, CrfParams, CrfPolicy, Feature, FeatureSet, Fit, FitError, Label, ScoringPolicy, TokenTrace,
    TraceSet, TraceSource,
};
use serde::Deserialize;

/// Gaps and top probs by layer, and where the token was already the last one's.
#[derive(Deserialize)]
struct Recorded {
    #[serde(rename = "train_X")]
    x: Vec<Vec<[f32; 2]>>,
    #[serde(rename = "train_y")]
    y: Vec<Vec<String>>,
}

fn model(layers: usize) -> ModelSpec {
    ModelSpec::new(layers, 8, 64, "recorded")
}

fn traces() -> TraceSet {
    let text = include_str!("fixtures/classifiers/crf_synthetic2.json");
    let recorded: Recorded = serde_json::from_str(text).unwrap();
    let layers = recorded.x[0].len();
    let mut set = TraceSet::new(TraceSource::new(&model(layers), "linear"));
    for (i, (x, y)) in recorded.x.iter().zip(&recorded.y).enumerate() {
        let probe = |(layer, ([gap, top], label)): (usize, (&[f32; 2], &String))| {
            let second = Candidate { token: 3, prob: (top - gap).max(0.0) };
            let mut probe = Probe::new(Candidate { token: u32::from(label == "1"), prob: *top }, second);
            probe.layer = layer + 1;
            probe
        };
        let probes = x.iter().zip(y).enumerate().map(probe).collect();
        set.push(TokenTrace::new(format!("prompt {i}"), layers, probes, None).unwrap()).unwrap();
    }
    set
}

/// Layer of the exit, and whether its token is the last layer's.
fn exit(policy: &impl ExitPolicy, trace: &TokenTrace) -> (usize, bool) {
    let last = trace.layers();
    let found =
        trace.prefixes().find(|t| t.at().layer == last || policy.decide(*t) == Decision::Exit).unwrap();
    (found.at().layer, found.last().top.token == trace.answer())
}

fn agreement(policy: &impl ExitPolicy, traces: &TraceSet) -> f64 {
    let right = traces.tokens().iter().filter(|trace| exit(policy, trace).1).count();
    right as f64 / traces.tokens().len() as f64
}

#[test]
fn at_even_odds_it_exits_after_the_first_layer_and_with_a_certificate_it_does_not() {
    let (training, calibration) = traces().split(0.5, 1);
    let (policy, report) = CrfParams::default().fit(&training).unwrap();
    assert!(report.converged && report.rows == 20 * 12 && report.right > 0);
    assert!(
        calibration.tokens().iter().all(|trace| exit(&policy, trace).0 == 1),
        "as the paper's own row shows"
    );
    assert!(agreement(&policy, &calibration) < 0.5);

    let certified = Calibration::new(0.2, 0.05).unwrap().calibrate(&policy, &calibration).unwrap();
    assert!(certified.policy().unwrap().threshold() > 0.0);
    assert!(agreement(&certified, &calibration) >= 0.8);
    let layers = |trace: &TokenTrace| exit(&certified, trace).0;
    assert!(calibration.tokens().iter().any(|trace| layers(trace) < 12), "and it does exit");
}

#[test]
fn another_model_is_refused() {
    let (policy, _) = CrfParams::default().fit(&traces()).unwrap();
    assert_eq!(policy.check(&model(12)), Ok(()));
    assert_eq!(policy.check(&model(13)), Err(PolicyMismatch::Layers { policy: 12, model: 13 }));
    let other = ModelSpec::new(12, 8, 64, "another");
    assert!(matches!(policy.check(&other), Err(PolicyMismatch::Weights { .. })));
}

#[test]
fn a_threshold_that_is_no_number_never_exits() {
    let (policy, _) = CrfParams::default().fit(&traces()).unwrap();
    let never: CrfPolicy = policy.with_threshold(f64::NAN);
    assert!(traces().tokens().iter().all(|trace| exit(&never, trace).0 == 12));
}

#[test]
fn what_cannot_be_learnt_from_is_refused() {
    let refused = |set: &TraceSet, params: CrfParams| params.fit(set).unwrap_err();
    let all = traces();
    let few = |keep: &dyn Fn(&Probe) -> bool, change: &dyn Fn(&mut Probe)| {
        let mut set = TraceSet::new(all.source().clone());
        for trace in all.tokens() {
            let last = trace.layers();
            let mut probes: Vec<_> =
                trace.probes().iter().filter(|p| p.layer == last || keep(p)).copied().collect();
            probes.iter_mut().for_each(change);
            set.push(TokenTrace::new(trace.prompt(), last, probes, None).unwrap()).unwrap();
        }
        set
    };
    let default = CrfParams::default;
    assert_eq!(refused(&TraceSet::new(all.source().clone()), default()), FitError::NoRows);
    assert_eq!(refused(&few(&|_| false, &|_| ()), default()), FitError::OneClass { rows: 40, right: true });
    let constant = refused(&few(&|_| true, &|p| (p.top.prob, p.second.prob) = (0.5, 0.25)), default());
    assert_eq!(constant, FitError::Constant { feature: Feature::Gap, value: 0.25, rows: 480 });
    let kl = default().features(FeatureSet::new([Feature::Kl]).unwrap());
    assert!(matches!(refused(&all, kl), FitError::NotRecorded { layer: 2, feature: Feature::Kl, .. }));
    assert!(matches!(refused(&all, default().label(Label::Gold)), FitError::NoGold { .. }));
    for c2 in [f64::NAN, -1.0, f64::INFINITY] {
        assert!(matches!(refused(&all, default().c2(c2)), FitError::Parameter { name: "c2", .. }));
    }
    assert!(matches!(refused(&all, default().iterations(1)), FitError::NotConverged { iterations: 1, .. }));
}

#[test]
fn transitions_that_the_traces_lack_have_a_weight_only_where_asked_for() {
    // The tokens never change back, so three transitions are there.
    let mut set = TraceSet::new(TraceSource::new(&model(3), "logit"));
    for i in 0..12 {
        let probe = |layer: usize| {
            let top = 0.3 + 0.05 * layer as f32 + 0.01 * i as f32;
            let token = u32::from(layer > 1 + i as usize % 2);
            let mut probe = Probe::new(Candidate { token, prob: top }, Candidate { token: 3, prob: 0.1 });
            probe.layer = layer;
            probe
        };
        set.push(TokenTrace::new(format!("{i}"), 3, (1..=3).map(probe).collect(), None).unwrap()).unwrap();
    }
    let (dropped, _) = CrfParams::default().fit(&set).unwrap();
    let (kept, _) = CrfParams::default().all_transitions(true).fit(&set).unwrap();
    assert_ne!(dropped, kept);
}

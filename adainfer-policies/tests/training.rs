//! Training: what comes out, and what is refused.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use adainfer_core::ExitPolicy;
use adainfer_policies::{
    Calibration, CalibrationError, CrfParams, Feature, FeatureSet, Fit, FitError, GapThreshold,
    LogisticParams, Replay, ScoringPolicy, TraceSet,
};

#[test]
fn every_trained_policy_beats_the_gap_rule_at_the_same_agreement() {
    let (training, test) = (support::traces(0, 200), support::traces(200, 400));
    let best = |policy: &dyn Fn(&[f64]) -> Vec<Replay>, grid: Vec<f64>| {
        let good = policy(&grid).into_iter().filter(|replay| replay.agreement >= 0.95);
        good.map(|replay| replay.mean_layers).fold(f64::INFINITY, f64::min)
    };
    fn sweep<P: ScoringPolicy>(policy: P, test: &TraceSet) -> impl Fn(&[f64]) -> Vec<Replay> {
        move |grid| Replay::sweep(&policy, test, grid)
    }
    let gap = GapThreshold::default();
    let rule = best(&sweep(gap, &test), gap.grid());
    let (logistic, report) = LogisticParams::default().fit(&training).unwrap();
    assert!(report.converged && report.rows == 1600 && report.sampled_from == 1600);
    let grid = logistic.grid();
    assert!(best(&sweep(logistic, &test), grid) < rule);
    let (crf, _) = CrfParams::default().features(FeatureSet::eight()).fit(&training).unwrap();
    let grid = crf.grid();
    assert!(best(&sweep(crf, &test), grid) < rule);
}

#[test]
fn a_layer_of_one_label_has_the_odds_of_its_counts() {
    // Only the prompts whose answer is there from layer 6 on.
    let settled = support::traces(0, 300);
    let mut set = TraceSet::new(settled.source().clone());
    settled
        .tokens()
        .iter()
        .filter(|t| t.probes()[5].top.token == 1 && t.probes()[6].top.token == 1)
        .for_each(|t| {
            set.push(t.clone()).unwrap();
        });
    let (policy, _) = LogisticParams::default().fit(&set).unwrap();
    let last = set.tokens()[0].prefixes().nth(6).unwrap();
    let wanted = (set.tokens().len() as f64 + 1.0).ln();
    assert!((policy.score(last) - wanted).abs() < 1e-12);
}

#[test]
fn hyper_parameters_out_of_range_are_refused() {
    let set = support::traces(0, 20);
    for c in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = LogisticParams::default().c(c).fit(&set).unwrap_err();
        assert!(matches!(error, FitError::Parameter { name: "c", .. }), "{error:?}");
    }
    let error = LogisticParams::default().iterations(1).fit(&set).unwrap_err();
    assert!(matches!(error, FitError::NotConverged { iterations: 1, .. }), "{error:?}");
}

#[test]
fn traces_of_other_layers_are_refused() {
    let mut set = support::traces(0, 20);
    let other = support::traces(20, 1).at_layers([2, 4]);
    assert_eq!(other.layers().unwrap(), [2, 4]);
    set.push(other.tokens()[0].clone()).unwrap();
    assert_eq!(set.layers(), Err("prompt 20".to_owned()));
    let error = LogisticParams::default().fit(&set).unwrap_err();
    assert_eq!(error, FitError::OtherLayers { prompt: "prompt 20".to_owned() });
    let calibration = Calibration::new(0.1, 0.1).unwrap();
    let error = calibration.calibrate(&GapThreshold::default(), &set).unwrap_err();
    assert_eq!(error, CalibrationError::OtherLayers { prompt: "prompt 20".to_owned() });

    let (policy, _) = LogisticParams::default().fit(&support::traces(0, 40)).unwrap();
    let few = support::traces(100, 20).at_layers([2, 4]);
    assert_eq!(calibration.calibrate(&policy, &few).unwrap_err(), CalibrationError::NotRecorded { layer: 1 });
}

#[test]
fn extras_that_were_not_recorded_are_named() {
    let mut set = support::traces(0, 20);
    let mut probes = set.tokens()[3].probes().to_vec();
    probes[0].entropy = None;
    let trace = adainfer_policies::TokenTrace::new("bare", support::LAYERS, probes, None).unwrap();
    set.push(trace).unwrap();
    let features = FeatureSet::new([Feature::Entropy]).unwrap();
    let error = LogisticParams::default().features(features.clone()).fit(&set).unwrap_err();
    let wanted = FitError::NotRecorded { prompt: "bare".to_owned(), layer: 1, feature: Feature::Entropy };
    assert_eq!(error, wanted);
    let (policy, _) = LogisticParams::default().features(features).fit(&support::traces(0, 20)).unwrap();
    assert!(policy.extras().entropy && !policy.extras().kl);
}

#[cfg(feature = "svm")]
mod svm {
    use adainfer_policies::{Gamma, SvmKernel, SvmParams};

    use super::*;

    #[test]
    fn a_sample_keeps_the_cap_and_is_reported() {
        let set = support::traces(0, 100);
        let (policy, report) = SvmParams::default().max_rows(300).seed(1).fit(&set).unwrap();
        assert_eq!((report.rows, report.sampled_from), (300, 800));
        assert_eq!(report.support_vectors, Some(policy.support_vectors()));
        let (again, _) = SvmParams::default().max_rows(300).seed(1).fit(&set).unwrap();
        assert_eq!(policy, again);
        let (other, _) = SvmParams::default().max_rows(300).seed(2).fit(&set).unwrap();
        assert_ne!(policy, other);
        let (all, report) = SvmParams::default().fit(&set).unwrap();
        assert_eq!((report.rows, report.sampled_from), (800, 800));
        assert_ne!(policy, all);
    }

    #[test]
    fn what_cannot_be_trained_is_refused() {
        let set = support::traces(0, 20);
        let refused = |params: SvmParams| params.fit(&set).unwrap_err();
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let gamma = SvmParams::default().kernel(SvmKernel::Rbf(Gamma::Value(bad)));
            assert!(matches!(refused(gamma), FitError::Parameter { name: "gamma", .. }));
            assert!(matches!(refused(SvmParams::default().c(bad)), FitError::Parameter { name: "c", .. }));
        }
        assert!(matches!(
            refused(SvmParams::default().max_rows(1)),
            FitError::Parameter { name: "max_rows", .. }
        ));
        let many = refused(SvmParams::default().max_rows(50_000));
        assert_eq!(many, FitError::TooManyRows { rows: 50_000, limit: 40_000 });
        let none = SvmParams::default().fit(&TraceSet::new(set.source().clone())).unwrap_err();
        assert_eq!(none, FitError::NoRows);
    }
}

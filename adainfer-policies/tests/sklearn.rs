//! Policies that `docs/export_sklearn.py` wrote, against the models that they come from
//! (`fixtures/make_sklearn.py`).
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_core::{At, Candidate, ExitPolicy, ModelSpec, Probe, Trace};
use adainfer_policies::{SavedPolicy, ScoringPolicy};
use serde::Deserialize;

/// Gaps and top probs by layer.
#[derive(Deserialize)]
struct Golden {
    test_x: Vec<Vec<[f32; 2]>>,
}

fn traces() -> Vec<Vec<Probe>> {
    let text = include_str!("fixtures/classifiers/crf_synthetic2.json").replace("test_X", "test_x");
    let golden: Golden = serde_json::from_str(&text).unwrap();
    let probe = |(i, [gap, top]): (usize, &[f32; 2])| {
        let second = Candidate { token: 2, prob: top - gap };
        let mut probe = Probe::new(Candidate { token: 1, prob: *top }, second);
        probe.layer = i + 1;
        probe
    };
    golden.test_x.iter().map(|layers| layers.iter().enumerate().map(probe).collect()).collect()
}

fn assert_scores(policy: &str, scores: &str) {
    let policy = SavedPolicy::read(policy.as_bytes()).unwrap();
    let wanted: Vec<Vec<f64>> = serde_json::from_str(scores).unwrap();
    let traces = traces();
    assert_eq!((traces.len(), wanted.len()), (15, 15));
    for (probes, wanted) in traces.iter().zip(&wanted) {
        for (seen, wanted) in (1..).zip(wanted) {
            let trace = Trace::new(At::new(seen, probes.len(), 0), &probes[..seen]).unwrap();
            let found = policy.policy().score(trace);
            // A gap is the difference of two f32.
            assert!((found - wanted).abs() < 1e-5 * wanted.abs().max(1.0), "{found} {wanted}");
            if wanted.abs() > 1e-4 {
                assert_eq!(policy.decide(trace).is_exit(), *wanted > 0.0);
            }
        }
    }
    assert!(policy.check(&ModelSpec::new(12, 8, 64, "recorded")).is_ok());
    assert!(policy.check(&ModelSpec::new(12, 8, 64, "another")).is_err());
    let trained_on = &policy.policy().training().unwrap().prompts;
    assert!(trained_on.contains("a") && trained_on.contains("b") && !trained_on.contains("c"));
}

#[test]
fn machines_of_scikit_learn_decide_the_same() {
    assert_scores(
        include_str!("fixtures/sklearn/svc_rbf.json"),
        include_str!("fixtures/sklearn/svc_rbf_scores.json"),
    );
    assert_scores(
        include_str!("fixtures/sklearn/svc_linear.json"),
        include_str!("fixtures/sklearn/svc_linear_scores.json"),
    );
}

#[test]
fn the_chain_of_sklearn_crfsuite_has_its_odds_on_every_prefix() {
    assert_scores(
        include_str!("fixtures/sklearn/crf.json"),
        include_str!("fixtures/sklearn/crf_scores.json"),
    );
}

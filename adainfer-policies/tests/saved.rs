//! Policies as files.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use adainfer_core::{ExitPolicy, ModelSpec, PolicyMismatch};
use adainfer_policies::{
    AnyPolicy, Calibration, CrfParams, Fit, GapThreshold, LogisticParams, Replay, SavedPolicy,
    SavedPolicyError, ScoringPolicy, Transfer, TransferError,
};
use serde_json::{Value, json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policies-v1")
}

fn read(text: impl AsRef<[u8]>) -> Result<SavedPolicy, SavedPolicyError> {
    SavedPolicy::read(text.as_ref())
}

fn written(policy: &SavedPolicy) -> String {
    let mut file = Vec::new();
    policy.write(&mut file).unwrap();
    String::from_utf8(file).unwrap()
}

fn as_json(policy: &SavedPolicy) -> Value {
    serde_json::from_str(&written(policy)).unwrap()
}

fn certified() -> SavedPolicy {
    let (policy, _) = LogisticParams::default().fit(&support::traces(0, 60)).unwrap();
    let certified =
        Calibration::new(0.1, 0.1).unwrap().calibrate(&policy, &support::traces(60, 200)).unwrap();
    assert!(certified.policy().is_some());
    certified.into()
}

#[test]
fn files_of_version_1_are_read_and_written_as_they_are() {
    let mut kinds = Vec::new();
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let policy = SavedPolicy::load(&path).unwrap();
        assert_eq!(written(&policy), text, "{}: every digit", path.display());
        kinds.push(policy.policy().kind());
    }
    for kind in AnyPolicy::KINDS {
        assert!(kinds.contains(kind), "there is a file of every kind; none of {kind}");
    }
}

#[test]
fn numbers_of_a_file_are_what_they_say() {
    let policy = SavedPolicy::load(fixtures().join("gap-certified.json")).unwrap();
    let AnyPolicy::Gap(gap) = policy.policy() else { panic!("{policy:?}") };
    let certificate = policy.certificate().unwrap();
    assert_eq!((certificate.epsilon, certificate.delta, certificate.n), (0.1, 0.05, 200));
    assert_eq!(certificate.threshold, Some(ScoringPolicy::threshold(gap)));
    assert_eq!((certificate.layers.as_slice(), certificate.source.layers), (&[5, 6, 7][..], 8));
    assert!(policy.check(&support::model()).is_ok());
}

#[test]
fn saving_takes_the_place_of_an_older_file_in_one_step() {
    let folder = std::env::temp_dir().join(format!("adainfer-saved-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("policy.json");
    for policy in [SavedPolicy::new(GapThreshold::default()), certified()] {
        policy.save(&path).unwrap();
        assert_eq!(SavedPolicy::load(&path).unwrap(), policy);
    }
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["policy.json"]);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(SavedPolicy::load(&path), Err(SavedPolicyError::Io(_))));
    assert!(matches!(certified().save(&path), Err(SavedPolicyError::Io(_))));
}

/// What is said of a certified policy's file with one value changed.
fn changed(pointer: &str, value: Value) -> SavedPolicyError {
    let mut file = as_json(&certified());
    *file.pointer_mut(pointer).unwrap() = value;
    read(file.to_string()).unwrap_err()
}

#[test]
fn every_kind_of_damage_has_its_error() {
    use SavedPolicyError as E;

    let good = written(&certified());
    for cut in [0, 1, good.len() / 2, good.len() - 3] {
        assert!(matches!(read(&good[..cut]), Err(E::Json { .. })), "cut after {cut}");
    }
    assert!(matches!(read(good.clone() + "{}"), Err(E::Json { .. })), "something follows");
    assert!(matches!(read("[1, 2]"), Err(E::Json { .. })));
    assert!(matches!(read([0xff, 0xfe]), Err(E::Json { .. })));

    assert!(matches!(changed("/adainfer_policy", json!(2)), E::Version { found: 2 }));
    let kind = changed("/kind", json!("oracle")).to_string();
    assert!(
        kind.starts_with("\"oracle\" is not a kind of policy; there are never, static_layer, gap,"),
        "{kind}"
    );
    let field = |error: E| match error {
        E::Json { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(changed("/policy/threshold", json!("high"))), "policy.threshold");
    assert_eq!(field(changed("/policy/layers/2/intercept", json!(null))), "policy.layers[2].intercept");
    assert_eq!(field(changed("/policy/training/layers", json!([-1]))), "policy.training.layers[0]");
    assert_eq!(field(changed("/policy/training/features/0", json!("gut"))), "policy.training.features[0]");
    assert_eq!(field(changed("/certificate/epsilon", json!([]))), "certificate.epsilon");
    assert_eq!(field(changed("/policy", json!({}))), "policy");

    let mut unknown = as_json(&certified());
    unknown["policy"]["comment"] = json!("hello");
    assert!(matches!(read(unknown.to_string()), Err(E::Json { .. })));
    let infinite = good.replacen("\"threshold\": ", "\"threshold\": 1e999, \"t\": ", 1);
    assert!(matches!(read(infinite), Err(E::Json { .. })));
}

#[test]
fn numbers_that_do_not_fit_each_other_are_refused() {
    use SavedPolicyError as E;

    let words = |pointer: &str, value: Value| match changed(pointer, value) {
        E::Json { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    let fewer = words("/policy/layers", json!([]));
    assert!(fewer.starts_with("there are weights for 0 layers and it looks after 7"), "{fewer}");
    let narrow = words("/policy/layers/0/features", json!([1.0]));
    assert!(
        narrow.starts_with("a layer has 1 numbers for each of its rows and there are 8 features"),
        "{narrow}"
    );
    let layers = words("/policy/training/layers", json!([3, 2, 1, 4, 5, 6, 7]));
    assert!(layers.contains("in order"), "{layers}");
    let beyond = words("/policy/training/source/layers", json!(4));
    assert!(beyond.contains("after layer 7 of 4"), "{beyond}");
    for (pointer, value) in [
        ("/certificate/threshold", json!(0.123)),
        ("/certificate/epsilon", json!(1.5)),
        ("/certificate/grid", json!([1.0, 2.0])),
        ("/certificate/layers", json!([1, 2])),
        ("/certificate/source/fingerprint", json!("other")),
        ("/policy/threshold", json!(-100.0)),
    ] {
        assert!(matches!(changed(pointer, value), E::Certificate { .. }), "{pointer}");
    }
}

#[test]
fn what_is_too_long_is_not_read() {
    let long = " ".repeat(1 << 20) + &written(&certified());
    assert!(matches!(read(&long), Err(SavedPolicyError::TooLong { limit: 1_048_576 })));
    assert!(SavedPolicy::read_up_to(1 << 22, long.as_bytes()).is_ok());
}

#[test]
fn thresholds_that_json_cannot_hold_are_never_made() {
    for policy in support::policies() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let odd = SavedPolicy::new(policy.with_threshold(odd));
            assert_eq!(read(written(&odd)).unwrap(), odd);
        }
    }
}

#[test]
fn a_certificate_goes_with_one_model_one_lens_and_one_schedule() {
    let policy = certified();
    assert_eq!(policy.check(&support::model()), Ok(()));
    let other = ModelSpec::new(support::LAYERS, 50, 64, "another");
    assert!(matches!(policy.check(&other), Err(PolicyMismatch::Weights { .. })));
    let deeper = ModelSpec::new(9, 50, 64, "made up");
    assert!(matches!(policy.check(&deeper), Err(PolicyMismatch::Layers { policy: 8, model: 9 })));

    let fresh = support::traces(300, 100);
    let as_calibrated = Replay::new(&policy, &fresh);
    assert!(as_calibrated.mean_layers < 7.9, "it exits");
    // Kept from one of its looks, it cannot say what it would have seen there.
    assert_eq!(Replay::new(&policy.starting_at(2), &fresh).mean_layers, 8.0);
}

#[test]
fn what_cannot_be_certified_never_exits_and_is_saved_as_such() {
    let (policy, _) = CrfParams::default().fit(&support::traces(0, 60)).unwrap();
    let certified =
        Calibration::new(0.001, 0.001).unwrap().calibrate(&policy, &support::traces(60, 50)).unwrap();
    assert!(certified.policy().is_none());
    let saved = SavedPolicy::from(certified);
    assert_eq!((saved.policy(), saved.certificate().unwrap().threshold), (&AnyPolicy::Never, None));
    assert_eq!(read(written(&saved)).unwrap(), saved);
    assert_eq!(Replay::new(&saved, &support::traces(300, 20)).mean_layers, 8.0);
}

#[test]
fn what_cannot_be_saved_leaves_nothing_behind() {
    let folder = std::env::temp_dir().join(format!("adainfer-saved-{}", std::process::id()));
    // A folder cannot be replaced by a file.
    let taken = folder.join("policy.json");
    std::fs::create_dir_all(taken.join("inside")).unwrap();
    let error = certified().save(&taken).unwrap_err();
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(error, SavedPolicyError::Io(_)), "{error}");
    assert_eq!(left, [taken]);
}

#[test]
fn a_transfer_is_remembered_and_per_layer_weights_stay_where_they_are() {
    let training = support::traces(0, 60);
    let deeper = ModelSpec::new(16, 50, 64, "deeper");
    let (policy, _) = CrfParams::default().fit(&training).unwrap();
    let moved = policy.transfer_to(&deeper).unwrap();
    assert_eq!((moved.check(&deeper), moved.check(&support::model()).is_err()), (Ok(()), true));
    let saved = SavedPolicy::new(moved);
    assert_eq!(saved.certificate(), None);
    let file = as_json(&saved);
    assert_eq!(file["policy"]["training"]["transferred_from"]["fingerprint"], "made up");
    assert_eq!(read(file.to_string()).unwrap(), saved);

    let (bound, _) = LogisticParams::default().fit(&training).unwrap();
    assert_eq!(bound.transfer_to(&deeper), Err(TransferError { policy: 8, model: 16 }));
    let same_depth = ModelSpec::new(8, 50, 64, "sibling");
    assert_eq!(bound.transfer_to(&same_depth).unwrap().check(&same_depth), Ok(()));
}

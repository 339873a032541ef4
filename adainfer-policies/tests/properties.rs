//! What holds for every policy and every trace.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::sync::LazyLock;

use adainfer_core::{At, Candidate, ExitPolicy, Probe, Trace};
use adainfer_policies::{AnyPolicy, GapThreshold, SavedPolicy, ScoringPolicy, TopProbThreshold};
use proptest::prelude::*;

static POLICIES: LazyLock<Vec<AnyPolicy>> = LazyLock::new(support::policies);

/// A probability, and the ends of the range more often than by chance.
fn share() -> impl Strategy<Value = f32> {
    prop_oneof![Just(0.0f32), Just(1.0), Just(f32::MIN_POSITIVE), 0.0f32..1.0]
}

/// What a probe may carry or not; any finite number.
fn extra() -> impl Strategy<Value = Option<f32>> {
    prop::option::of(prop_oneof![Just(0.0f32), Just(f32::MAX), Just(f32::MIN), -10.0f32..10.0])
}

prop_compose! {
    fn probe()(
        (a, b) in (share(), share()),
        token in 0u32..4,
        extras in prop::array::uniform5(extra()),
    ) -> Probe {
        let mut probe =
            Probe::new(Candidate { token, prob: a.max(b) }, Candidate { token: 9, prob: a.min(b) });
        [probe.cos_hidden, probe.cos_attn, probe.cos_mlp, probe.kl, probe.entropy] = extras;
        probe
    }
}

/// Probes of the first layers, in order.
fn probes() -> impl Strategy<Value = Vec<Probe>> {
    prop::collection::vec(probe(), 1..support::LAYERS).prop_map(|mut probes| {
        (1..).zip(&mut probes).for_each(|(layer, probe)| probe.layer = layer);
        probes
    })
}

fn trace(probes: &[Probe]) -> Trace<'_> {
    Trace::new(At::new(probes.len(), support::LAYERS, 0), probes).unwrap()
}

fn exits(policy: &impl ExitPolicy, probes: &[Probe]) -> bool {
    policy.wants(trace(probes).at()) && policy.decide(trace(probes)).is_exit()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_finite_trace_gets_a_decision(probes in probes()) {
        for policy in POLICIES.iter() {
            let score = policy.score(trace(&probes));
            let above = score > ScoringPolicy::threshold(policy);
            prop_assert_eq!(policy.decide(trace(&probes)).is_exit(), above, "{}", policy.kind());
        }
    }

    #[test]
    fn what_is_saved_and_loaded_decides_the_same(probes in probes()) {
        for policy in POLICIES.iter() {
            let mut file = Vec::new();
            SavedPolicy::new(policy.clone()).write(&mut file).unwrap();
            let read = SavedPolicy::read(file.as_slice()).unwrap();
            prop_assert_eq!(read.policy(), policy);
            prop_assert_eq!(read.decide(trace(&probes)), policy.decide(trace(&probes)));
        }
    }

    #[test]
    fn a_higher_threshold_exits_no_sooner(probes in probes(), low in -3.0f64..3.0, more in 0.0f64..3.0) {
        for policy in POLICIES.iter() {
            let (bold, shy) = (policy.with_threshold(low), policy.with_threshold(low + more));
            prop_assert!(exits(&bold, &probes) || !exits(&shy, &probes), "{}", policy.kind());
        }
    }

    #[test]
    fn and_and_or_are_those_of_logic(probes in probes(), a in share(), b in share()) {
        let (gap, top) = (GapThreshold::new(a).unwrap(), TopProbThreshold::new(b).unwrap());
        let (one, other) = (exits(&gap, &probes), exits(&top, &probes));
        prop_assert_eq!(exits(&gap.and(top), &probes), one && other);
        prop_assert_eq!(exits(&gap.or(top), &probes), one || other);
        prop_assert_eq!(exits(&gap.or(top), &probes), exits(&top.or(gap), &probes));
        prop_assert_eq!(exits(&gap.and(top), &probes), exits(&top.and(gap), &probes));
        prop_assert_eq!(exits(&gap.and(gap), &probes), one);
        prop_assert_eq!(exits(&gap.or(gap), &probes), one);
        // A gate on one side of `or` leaves the other open; of `and`, it closes both.
        let late = gap.starting_at(support::LAYERS);
        prop_assert_eq!(exits(&late.or(top), &probes), other);
        prop_assert!(!exits(&late.and(top), &probes));
    }

    #[test]
    fn gates_only_close(probes in probes(), a in 0usize..10, b in 0usize..10) {
        let gap = GapThreshold::new(0.3).unwrap();
        let (open, layer) = (exits(&gap, &probes), probes.len());
        prop_assert_eq!(exits(&gap.starting_at(a), &probes), open && layer >= a);
        prop_assert_eq!(exits(&gap.starting_at(a).starting_at(b), &probes), open && layer >= a.max(b));
        prop_assert_eq!(exits(&gap.every_nth(a), &probes), open && layer.is_multiple_of(a.max(1)));
        prop_assert_eq!(exits(&gap.at_layers([a, b]), &probes), open && [a, b].contains(&layer));
        prop_assert_eq!(exits(&gap.patience(1), &probes), open);
        prop_assert!(open || !exits(&gap.patience(a), &probes));
        prop_assert_eq!(exits(&gap.warm_up(0), &probes), open);
        prop_assert!(!exits(&gap.warm_up(1), &probes));
    }
}

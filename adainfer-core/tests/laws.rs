//! Laws of policies: any finite trace gives a decision, and adaptors keep their word.
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_core::testing::scripted_probe;
use adainfer_core::{At, Decision, ExitPolicy, Never, Probe, Trace, policy_fn};
use proptest::prelude::*;

fn probes() -> impl Strategy<Value = Vec<Probe>> {
    prop::collection::vec((0u32..4, 0f32..1.0), 1..40).prop_map(|rows| {
        let probe = |(i, (token, gap)): (usize, (u32, f32))| {
            let mut probe = scripted_probe(token, gap);
            probe.layer = i + 1;
            probe
        };
        rows.into_iter().enumerate().map(probe).collect()
    })
}

fn above(threshold: f32) -> impl ExitPolicy + Copy {
    policy_fn(move |t: Trace<'_>| Decision::exit_if(t.last().gap() > threshold))
}

/// Whether the policy looks and exits after the last of these probes.
fn exits(policy: &impl ExitPolicy, probes: &[Probe]) -> bool {
    let at = At::new(probes.len(), 40, 0);
    policy.wants(at) && policy.decide(Trace::new(at, probes).unwrap()).is_exit()
}

proptest! {
    #[test]
    fn and_is_both_and_or_is_either(p in probes(), a in 0f32..1.0, b in 0f32..1.0, n in 1usize..5, from in 1usize..40) {
        let (x, y) = (above(a).every_nth(n), above(b).starting_at(from));
        prop_assert_eq!(exits(&x.and(y), &p), exits(&x, &p) && exits(&y, &p));
        prop_assert_eq!(exits(&x.or(y), &p), exits(&x, &p) || exits(&y, &p));
    }

    #[test]
    fn never_is_neutral_for_or_and_absorbs_and(p in probes(), a in 0f32..1.0) {
        prop_assert_eq!(exits(&above(a).or(Never), &p), exits(&above(a), &p));
        prop_assert!(!exits(&above(a).and(Never), &p));
    }

    #[test]
    fn gates_only_take_exits_away(p in probes(), a in 0f32..1.0, n in 0usize..9, layers in prop::collection::vec(1usize..41, 0..6)) {
        let plain = exits(&above(a), &p);
        prop_assert!(plain || !exits(&above(a).starting_at(n), &p));
        prop_assert!(plain || !exits(&above(a).every_nth(n), &p));
        prop_assert!(plain || !exits(&above(a).warm_up(n), &p));
        prop_assert!(plain || !exits(&above(a).patience(n), &p));
        prop_assert_eq!(exits(&above(a).at_layers(layers.clone()), &p), plain && layers.contains(&p.len()));
    }

    #[test]
    fn patience_of_one_is_no_patience(p in probes(), a in 0f32..1.0) {
        prop_assert_eq!(exits(&above(a).patience(1), &p), exits(&above(a), &p));
        prop_assert_eq!(exits(&above(a).patience(0), &p), exits(&above(a), &p));
    }

    #[test]
    fn a_trace_shows_its_probes_in_order(p in probes()) {
        let trace = Trace::new(At::new(p.len(), 40, 0), &p).unwrap();
        prop_assert_eq!(trace.iter().copied().collect::<Vec<_>>(), p.clone());
        prop_assert_eq!(trace.previous(), p.iter().rev().nth(1));
    }
}

#[test]
fn there_is_no_trace_without_a_probe() {
    assert!(Trace::new(At::new(1, 2, 0), &[]).is_none());
}

//! Traces as files and as sets.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use adainfer_core::testing::{ScriptedModel, scripted_probe};
use adainfer_core::{EarlyExit, Extras, LayeredModel, Probe, Recorder, Watch};
use adainfer_policies::{GapThreshold, Label, TokenTrace, TraceError, TraceReader, TraceSet, TraceSource};
use proptest::prelude::*;

const FILE: &str = include_str!("fixtures/traces-v1.jsonl");

fn probes(gaps: &[f32]) -> Vec<Probe> {
    let of = |(i, gap): (usize, &f32)| {
        let mut probe = scripted_probe(1, *gap);
        probe.layer = i + 1;
        probe
    };
    gaps.iter().enumerate().map(of).collect()
}

fn source(layers: usize) -> TraceSource {
    TraceSource::new(ScriptedModel::with_gaps(&vec![0.5; layers]).spec(), "logit")
}

fn text_of(set: &TraceSet) -> String {
    let mut text = Vec::new();
    set.write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_file_of_version_1_is_read_and_written_as_it_was() {
    let set = TraceSet::read(FILE.as_bytes()).unwrap();
    assert_eq!((set.source().layers, set.source().lens.as_str()), (3, "logit"));
    let [a, b] = set.tokens() else { panic!("{} tokens", set.tokens().len()) };
    assert_eq!((a.prompt(), a.answer(), a.gold()), ("a", 7, Some(7)));
    assert_eq!((a.probes()[1].cos_mlp, a.probes()[1].kl), (Some(-0.25), Some(0.333_333_3)));
    assert_eq!((a.produced(), b.produced()), (0, 2));
    assert_eq!((b.target(Label::Dense), b.target(Label::Gold)), (Some(5), None));
    assert_eq!(text_of(&set), FILE);
}

#[test]
fn what_an_observer_records_is_a_trace() {
    let engine =
        EarlyExit::new(ScriptedModel::with_gaps(&[0.2, 0.9, 0.5]), Watch::new(Extras::NONE)).unwrap();
    let mut session = engine.watched(Recorder::default()).unwrap();
    session.feed(&[3, 4]).unwrap();
    let tokens = session.into_observer().into_tokens();
    let trace = TokenTrace::recorded("p", Some(2), &tokens[0]).unwrap();
    assert_eq!((trace.layers(), trace.probes().len(), trace.answer()), (3, 3, 1));
    let seen: Vec<_> = trace.prefixes().map(|t| (t.at().layer, t.iter().count())).collect();
    assert_eq!(seen, [(1, 1), (2, 2), (3, 3)]);
}

#[test]
fn a_run_that_stopped_early_is_no_trace() {
    let engine = EarlyExit::new(ScriptedModel::with_gaps(&[0.2, 0.9, 0.5]), GapThreshold::default()).unwrap();
    let mut session = engine.watched(Recorder::default()).unwrap();
    session.feed(&[3]).unwrap();
    let error = TokenTrace::recorded("p", None, &session.into_observer().tokens()[0]).unwrap_err();
    assert_eq!(error.to_string(), "prompt \"p\": 2 of 3 layers were run; traces are recorded at full depth");
}

#[test]
fn what_is_no_trace_is_refused() {
    let refused = |probes: Vec<Probe>| TokenTrace::new("p", 3, probes, None).unwrap_err();
    assert!(matches!(refused(vec![]), TraceError::NoProbe { .. }));
    let [one, two, three] = probes(&[0.1, 0.2, 0.3])[..] else { panic!() };
    assert!(matches!(refused(vec![two, one, three]), TraceError::Layer { layer: 1, previous: 2, .. }));
    assert!(matches!(refused(vec![one, one, three]), TraceError::Layer { layer: 1, previous: 1, .. }));
    assert!(matches!(refused(probes(&[0.5; 4])), TraceError::Layer { layer: 4, layers: 3, .. }));
    assert!(matches!(refused(vec![one, two]), TraceError::NotDense { run: 2, layers: 3, .. }));
    for bad in [f32::NAN, f32::INFINITY, -0.1, 1.1] {
        let mut probe = three;
        probe.top.prob = bad;
        assert!(matches!(refused(vec![one, probe]), TraceError::BadNumber { layer: 3, .. }), "{bad}");
    }
    let mut swapped = three;
    (swapped.top, swapped.second) = (three.second, three.top);
    assert!(matches!(refused(vec![swapped]), TraceError::BadNumber { .. }), "the second leads");
}

#[test]
fn a_line_that_is_wrong_is_named() {
    let with = |from: &str, to: &str| {
        assert!(FILE.contains(from), "{from}");
        TraceSet::read(FILE.replacen(from, to, 1).as_bytes()).unwrap_err()
    };
    let json = |error: TraceError| match error {
        TraceError::Json { line, field, .. } => (line, field),
        other => panic!("{other:?}"),
    };
    assert_eq!(json(with("\"layer\":2", "\"layer\":-2")), (2, "probes[1].layer".to_owned()));
    assert_eq!(json(with("\"prompt\":\"b\"", "\"prompt\":\"b\",\"extra\":1")), (3, "extra".to_owned()));
    assert_eq!(json(with("\"lens\":\"logit\"", "\"lens\":1")), (1, "source.lens".to_owned()));
    assert_eq!(json(with("\"prompt\":\"b\"", "\"prompt\" \"b\"")).0, 3);
    assert_eq!(
        json(with("[5,0.5],\"second\":[7,0.5]", "[5,1e300],\"second\":[7,0.5]")).1,
        "probes[0].top[1]"
    );
    assert!(matches!(
        with("\"adainfer_traces\":1", "\"adainfer_traces\":2"),
        TraceError::Version { found: 2, known: 1 }
    ));
    let line = |error: TraceError| match error {
        TraceError::Line { line, source } => (line, *source),
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        line(with("\"answer\":7", "\"answer\":6")),
        (2, TraceError::Answer { answer: 6, top: 7, .. })
    ));
    assert!(matches!(
        line(with("[5,0.5],\"second\":[7,0.5]", "[5,1.5],\"second\":[7,0.5]")),
        (3, TraceError::BadNumber { .. })
    ));
    assert!(matches!(TraceSet::read(&b""[..]).unwrap_err(), TraceError::Empty));
}

#[test]
fn a_file_that_was_cut_gives_what_is_whole_and_an_error() {
    for cut in 0..FILE.len() {
        let Ok(reader) = TraceReader::new(&FILE.as_bytes()[..cut]) else {
            assert!(cut < FILE.lines().next().unwrap().len(), "{cut}");
            continue;
        };
        let whole = FILE[..cut].matches('\n').count().saturating_sub(1);
        let found: Vec<_> = reader.collect();
        let good = found.iter().filter(|trace| trace.is_ok()).count();
        // The last line is whole without its end, too.
        assert!(good == whole || good == whole + 1, "{cut}");
        assert!(found.len() <= whole + 1);
    }
}

#[test]
fn a_set_is_split_between_prompts() {
    let mut set = TraceSet::new(source(2));
    for i in 0..100 {
        set.push(TokenTrace::new(format!("prompt {}", i % 20), 2, probes(&[0.1, 0.2]), None).unwrap())
            .unwrap();
    }
    let (first, second) = set.clone().split(0.3, 7);
    assert_eq!((first.prompts().len(), second.prompts().len()), (6, 14));
    assert_eq!((first.tokens().len(), second.tokens().len()), (30, 70));
    assert!(first.prompts().is_disjoint(&second.prompts()));
    assert_eq!(set.clone().split(0.3, 7).0, first);
    assert_ne!(set.clone().split(0.3, 8).0, first);
    for (share, prompts) in [(0.0, 0), (1.0, 20), (f64::NAN, 0), (7.0, 20)] {
        assert_eq!(set.clone().split(share, 1).0.prompts().len(), prompts, "{share}");
    }
}

#[test]
fn a_trace_of_another_depth_does_not_go_in() {
    let trace = TokenTrace::new("p", 2, probes(&[0.1, 0.2]), None).unwrap();
    let error = TraceSet::new(source(3)).push(trace).unwrap_err();
    assert_eq!(error.to_string(), "traces of 2 layers do not go with those of 3 layers");
}

#[test]
fn a_hash_is_of_all_that_is_there() {
    let set = TraceSet::read(FILE.as_bytes()).unwrap();
    assert_eq!(set.hash(), TraceSet::read(text_of(&set).as_bytes()).unwrap().hash());
    let other = TraceSet::read(FILE.replace("0.625", "0.6250001").as_bytes()).unwrap();
    assert_ne!(set.hash(), other.hash());
}

proptest! {
    #[test]
    fn every_number_survives_a_file(gaps in prop::collection::vec(0.0f32..=1.0, 1..6), kl in 0.0f32..1e30) {
        let mut set = TraceSet::new(source(gaps.len()));
        let mut probes = probes(&gaps);
        probes[0].kl = Some(kl);
        // A second token must not lead by rounding.
        for probe in &mut probes {
            probe.top.prob = probe.top.prob.clamp(probe.second.prob, 1.0);
        }
        set.push(TokenTrace::new("p\"\n\u{1F980}", gaps.len(), probes, Some(u32::MAX)).unwrap()).unwrap();
        prop_assert_eq!(TraceSet::read(text_of(&set).as_bytes()).unwrap(), set);
    }
}

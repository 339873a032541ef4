//! The loop, with a scripted model.
#![allow(missing_docs, clippy::unwrap_used)]

use adainfer_core::testing::{ScriptedModel, scripted_probe};
use adainfer_core::{
    Decision, EarlyExit, ExitPolicy, Extras, LayeredModel, ModelSpec, Never, Observer, PolicyMismatch, Probe,
    Recorder, RunError, Sampling, Step, Trace, Watch, policy_fn,
};

fn confident() -> impl ExitPolicy + Copy {
    policy_fn(|t| Decision::exit_if(t.last().gap() >= 0.5))
}

/// Exits after `deep` layers at even tokens and after `shallow` at odd ones.
fn alternating(deep: usize, shallow: usize) -> impl ExitPolicy {
    policy_fn(move |t: Trace<'_>| {
        let layer = if t.at().produced.is_multiple_of(2) { deep } else { shallow };
        Decision::exit_if(t.at().layer >= layer)
    })
}

fn engine<P: ExitPolicy>(gaps: &[f32], policy: P) -> EarlyExit<ScriptedModel, P> {
    EarlyExit::new(ScriptedModel::with_gaps(gaps), policy).unwrap()
}

fn first_step<P: ExitPolicy>(gaps: &[f32], policy: P) -> Step {
    engine(gaps, policy).session().unwrap().feed(&[3]).unwrap()
}

#[test]
fn exits_at_the_first_confident_layer() {
    let step = first_step(&[0.1, 0.6, 0.7, 0.9], confident());
    assert_eq!((step.token, step.layers_run, step.layers, step.heads_run), (1, 2, 4, 2));
    assert_eq!(step.probe.layer, 2);
}

#[test]
fn gates_save_heads_and_not_only_exits() {
    let step = first_step(&[0.9; 6], confident().starting_at(3).every_nth(2));
    assert_eq!((step.layers_run, step.heads_run), (4, 1));
}

#[test]
fn a_lens_that_cannot_look_is_not_asked() {
    let model = ScriptedModel::with_gaps(&[0.9; 6]).lens_after(&[3, 5]);
    let step = EarlyExit::new(&model, confident()).unwrap().session().unwrap().feed(&[3]).unwrap();
    assert_eq!((step.layers_run, step.heads_run), (3, 1));
    let step = EarlyExit::new(&model, Never).unwrap().session().unwrap().feed(&[3]).unwrap();
    assert_eq!((step.layers_run, step.heads_run), (6, 1), "it always can after the last");
}

#[test]
fn never_is_the_dense_model_with_one_head() {
    let step = first_step(&[0.9; 6], Never);
    assert_eq!((step.layers_run, step.heads_run), (6, 1));
}

#[test]
fn positions_that_stopped_early_are_caught_up_in_order() {
    // The scripted model fails if a layer sees a position twice, never, or out of order.
    for (deep, shallow) in [(4, 2), (2, 4), (3, 3), (6, 1), (1, 6), (7, 7)] {
        let engine = engine(&[0.9; 6], alternating(deep, shallow));
        let mut session = engine.session().unwrap();
        let layers: Vec<_> = session.generate(&[3, 4, 5]).take(9).map(|s| s.unwrap().layers_run).collect();
        let wanted: Vec<_> = (0..9).map(|i| if i % 2 == 0 { deep.min(6) } else { shallow.min(6) }).collect();
        assert_eq!(layers, wanted);
    }
}

#[test]
fn a_skipped_layer_is_not_run_until_a_later_token_needs_it() {
    use std::cell::RefCell;
    /// Notes which layers ran over how many positions.
    struct Counting(ScriptedModel, RefCell<Vec<(usize, usize)>>);
    impl LayeredModel for Counting {
        type State = <ScriptedModel as LayeredModel>::State;
        type Hidden = std::ops::Range<usize>;
        type Logits = Probe;
        type Error = adainfer_core::testing::ScriptError;
        fn spec(&self) -> &ModelSpec {
            self.0.spec()
        }
        fn start(&self, extras: Extras) -> Result<Self::State, Self::Error> {
            self.0.start(extras)
        }
        fn embed(&self, tokens: &[u32], state: &mut Self::State) -> Result<Self::Hidden, Self::Error> {
            self.0.embed(tokens, state)
        }
        fn layer(
            &self,
            index: usize,
            hidden: Self::Hidden,
            state: &mut Self::State,
        ) -> Result<Self::Hidden, Self::Error> {
            self.1.borrow_mut().push((index + 1, hidden.len()));
            self.0.layer(index, hidden, state)
        }
        fn join(&self, a: Self::Hidden, b: Self::Hidden) -> Result<Self::Hidden, Self::Error> {
            self.0.join(a, b)
        }
        fn head(&self, index: usize, hidden: &Self::Hidden) -> Result<Probe, Self::Error> {
            self.0.head(index, hidden)
        }
        fn probe(&self, logits: &Probe, previous: Option<&Probe>) -> Result<Probe, Self::Error> {
            self.0.probe(logits, previous)
        }
        fn values(&self, logits: &Probe) -> Result<Vec<f32>, Self::Error> {
            self.0.values(logits)
        }
    }
    let model = Counting(ScriptedModel::with_gaps(&[0.9; 4]), RefCell::new(Vec::new()));
    let engine = EarlyExit::new(&model, alternating(1, 3)).unwrap();
    let mut session = engine.session().unwrap();
    session.feed(&[3, 3]).unwrap();
    assert_eq!(model.1.take(), [(1, 2)]);
    session.feed(&[3]).unwrap();
    assert_eq!(model.1.take(), [(1, 1), (2, 3), (3, 3)]);
    session.prefill(&[3]).unwrap();
    assert_eq!(model.1.take(), [(1, 1), (2, 1), (3, 1), (4, 4)]);
}

#[test]
fn forks_go_their_own_ways() {
    let engine = engine(&[0.9; 6], confident().starting_at(3));
    let prefix = engine.prefix(&[1, 2, 3]).unwrap();
    let (mut a, mut b) = (prefix.fork().unwrap(), prefix.fork().unwrap());
    a.feed(&[4; 5]).unwrap();
    a.feed(&[4]).unwrap();
    b.feed(&[5]).unwrap();
    let c = b.fork().unwrap();
    assert_eq!([prefix.length(), a.length(), b.length(), c.length()], [Some(3), Some(9), Some(4), Some(4)]);
}

#[test]
fn or_asks_each_side_only_where_it_looks() {
    let policy = confident().starting_at(5).or(confident().starting_at(3));
    assert_eq!(first_step(&[0.9; 6], policy).layers_run, 3);
}

#[test]
fn and_exits_where_both_do() {
    let policy = confident().and(policy_fn(|t| Decision::exit_if(t.at().layer >= 4)));
    assert_eq!(first_step(&[0.9; 6], policy).layers_run, 4);
}

#[test]
fn at_layers_looks_there_and_nowhere_else() {
    let step = first_step(&[0.1, 0.9, 0.9, 0.9, 0.9, 0.9], confident().at_layers([5, 3]));
    assert_eq!((step.layers_run, step.heads_run), (3, 1));
    for layer in [0, 7] {
        let refused = EarlyExit::new(ScriptedModel::with_gaps(&[0.9; 6]), Never.at_layers([3, layer]));
        assert!(matches!(
            refused,
            Err(RunError::Policy(PolicyMismatch::NoSuchLayer { layer: l, layers: 6 })) if l == layer
        ));
    }
}

#[test]
fn patience_waits_until_looks_agree() {
    let tokens = [3, 4, 4, 5, 5, 5];
    let script = tokens.iter().map(|&t| scripted_probe(t, 0.9)).collect();
    let engine = EarlyExit::new(ScriptedModel::new(script), confident().patience(3)).unwrap();
    let step = engine.session().unwrap().feed(&[3]).unwrap();
    assert_eq!((step.token, step.layers_run), (5, 6));
}

#[test]
fn warm_up_runs_the_first_tokens_in_full() {
    let engine = engine(&[0.1, 0.6, 0.7], confident().warm_up(1));
    let mut session = engine.watched(Recorder::default()).unwrap();
    let layers: Vec<_> = session.generate(&[3, 4]).take(3).map(|s| s.unwrap().layers_run).collect();
    assert_eq!(layers, [3, 2, 2]);
    let recorded = session.into_observer().into_tokens();
    assert_eq!(recorded.iter().map(|r| r.probes.len()).collect::<Vec<_>>(), [1, 2, 2]);
}

#[test]
fn a_probe_that_is_not_finite_reaches_no_policy() {
    let always = policy_fn(|_| Decision::Exit);
    assert_eq!(first_step(&[f32::NAN, f32::NAN, 0.2], always).layers_run, 3);
    let engine = engine(&[0.1, f32::NAN], Never);
    let mut session = engine.session().unwrap();
    assert!(matches!(session.feed(&[3]), Err(RunError::NotFinite { layer: 2 })));
    assert!(matches!(session.feed(&[3]), Err(RunError::Poisoned)));
    assert!(session.fork().is_err() && session.length().is_none());
}

#[test]
fn bad_tokens_are_refused_and_leave_the_session_usable() {
    let engine = engine(&[0.9], Never);
    let mut session = engine.session().unwrap();
    assert!(matches!(session.feed(&[]), Err(RunError::EmptyPrompt)));
    assert!(matches!(session.prefill(&[]), Err(RunError::EmptyPrompt)));
    let refused = session.feed(&[0, 8]);
    assert!(matches!(refused, Err(RunError::TokenOutOfRange { token: 8, position: 1, vocab: 8 })));
    assert!(matches!(session.feed(&[0; 65]), Err(RunError::TooLong { needed: 65, max: 64 })));
    assert!(session.feed(&[0; 64]).is_ok());
    assert!(matches!(session.feed(&[0]), Err(RunError::TooLong { needed: 65, max: 64 })));
}

#[test]
fn generation_ends_at_a_stop_token_at_its_maximum_or_at_the_last_position() {
    let engine = engine(&[0.9; 2], Never);
    let count = |stop: &[u32], max| {
        engine.session().unwrap().generate(&[3]).stop_at(stop).max_tokens(max).map(Result::unwrap).count()
    };
    assert_eq!((count(&[1], 9), count(&[7], 9), count(&[], 0)), (1, 9, 0));
    let mut session = engine.session().unwrap();
    let all: Vec<_> = session.generate(&[3]).collect();
    assert_eq!(all.len(), 65);
    assert!(matches!(all.last(), Some(Err(RunError::TooLong { .. }))));
}

#[test]
fn an_empty_prompt_generates_one_error() {
    let engine = engine(&[0.9; 2], Never);
    let all: Vec<_> = engine.session().unwrap().generate(&[]).map(|s| s.is_err()).collect();
    assert_eq!(all, [true]);
}

#[test]
fn sampling_draws_from_the_layer_where_the_run_stopped() {
    let engine = engine(&[0.0, 0.0], policy_fn(|_| Decision::Exit));
    let sampler = Sampling::new().seed(5).sampler().unwrap();
    let mut session = engine.session().unwrap();
    let tokens: Vec<_> =
        session.generate(&[3]).sampler(sampler).max_tokens(40).map(|s| s.unwrap().token).collect();
    assert!(tokens.contains(&1) && tokens.contains(&2) && tokens.iter().all(|t| [1, 2].contains(t)));
}

#[test]
fn watch_sees_every_layer_and_changes_nothing() {
    let engine = engine(&[0.9; 5], Watch::new(Extras::ALL));
    let mut session = engine.watched(Recorder::default()).unwrap();
    let step = session.feed(&[1]).unwrap();
    let recorded = session.into_observer().into_tokens();
    assert_eq!((step.layers_run, step.heads_run), (5, 5));
    assert_eq!(recorded[0].probes.iter().map(|p| p.layer).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(recorded[0].step, step);
}

#[test]
fn a_panic_in_an_observer_poisons_only_its_session() {
    struct Panics;
    impl Observer for Panics {
        fn stepped(&mut self, _: &Step) {
            panic!("an observer's own fault");
        }
        fn probed(&mut self, _: adainfer_core::At, _: &Probe) {
            panic!("an observer's own fault");
        }
    }
    let engine = engine(&[0.9; 2], confident());
    let mut session = engine.watched(Panics).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| session.feed(&[1]).is_ok()));
    assert!(caught.is_err());
    assert!(matches!(session.feed(&[1]), Err(RunError::Poisoned)));
    assert!(engine.session().unwrap().feed(&[1]).is_ok());
}

#[test]
fn one_engine_serves_many_threads() {
    let boxed: Box<dyn ExitPolicy + Send + Sync> = Box::new(confident().patience(2));
    let engine = engine(&[0.9; 6], boxed);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(engine.session().unwrap().feed(&[3]).unwrap().layers_run, 2);
                }
            });
        }
    });
}

/// Exits at layers that differ from token to token; the scripted model objects to any layer that is run
/// twice, or not in order.
#[test]
fn running_ahead_gives_the_same_answers_and_runs_each_layer_once() {
    let gaps = [0.1, 0.2, 0.3, 0.4, 0.5];
    let exits = [2, 5, 1, 4, 4, 1, 3, 5, 1];
    for wanted in 1..=2 {
        let policy = || {
            policy_fn(move |t: Trace<'_>| Decision::exit_if(t.at().layer == exits[t.at().produced]))
                .every_nth(wanted)
        };
        let plain = EarlyExit::new(ScriptedModel::with_gaps(&gaps), policy()).unwrap();
        let ahead = EarlyExit::new(ScriptedModel::with_gaps(&gaps), policy()).unwrap().running_ahead();
        let run = |engine: &EarlyExit<ScriptedModel, _>| {
            let mut session = engine.watched(Recorder::default()).unwrap();
            for token in 0..exits.len() {
                session.feed(&[token as u32 % 8, 3]).unwrap();
            }
            session.into_observer().into_tokens()
        };
        assert_eq!(run(&plain), run(&ahead));
    }
}

#[test]
fn queries_answered_together_are_those_answered_one_by_one() {
    let queries = [vec![3], vec![4, 0, 2], vec![1, 1]];
    for (gaps, produced) in [(&[0.1, 0.6, 0.7, 0.9][..], 0), (&[0.1, 0.2, 0.3, 0.4], 0), (&[0.9; 6], 1)] {
        let engine = engine(gaps, confident().starting_at(2));
        let mut prefix = engine.prefix(&[5, 6]).unwrap();
        for _ in 0..produced {
            // Its position stopped early, and is caught up by every query.
            prefix.feed(&[7]).unwrap();
        }
        let together = prefix.answer_each(&queries).unwrap();
        assert_eq!(together.len(), queries.len());
        for (query, step) in queries.iter().zip(together) {
            assert_eq!(step.unwrap(), prefix.fork().unwrap().feed(query).unwrap());
        }
        assert_eq!(prefix.length(), Some(2 + produced), "nothing is kept");
    }
}

#[test]
fn a_query_that_is_refused_leaves_the_others_alone() {
    let engine = engine(&[0.1, 0.6, 0.9], confident());
    let prefix = engine.prefix(&[5]).unwrap();
    let vocab = engine.model().spec().vocab as u32;
    let answers = prefix.answer_each(&[vec![], vec![3], vec![vocab]]).unwrap();
    assert!(matches!(answers[0], Err(RunError::EmptyPrompt)));
    assert_eq!(answers[1].as_ref().unwrap().layers_run, 2);
    assert!(matches!(answers[2], Err(RunError::TokenOutOfRange { .. })));
    assert!(prefix.answer_each::<Vec<u32>>(&[]).unwrap().is_empty());
}

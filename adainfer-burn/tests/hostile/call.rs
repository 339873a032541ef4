//! Wrong calls of a good model, through a session and around it.

use adainfer_burn::ModelError as M;
use adainfer_core::{EarlyExit, Extras, LayeredModel, Never, RunError as R};
use adainfer_policies::GapThreshold;

use crate::broken::{good, open};

/// 257 tokens, 256 positions, 6 layers.
fn model() -> adainfer_burn::Model<adainfer_burn::backend::Flex> {
    open(good("llama-gqa-tied")).unwrap()
}

/// Asserts that a session refuses a prompt and can still be used.
macro_rules! refused_by_a_session {
    ($prompt:expr, $variant:pat, $words:literal) => {{
        let model = model();
        let engine = EarlyExit::new(&model, Never).unwrap();
        let mut session = engine.session().unwrap();
        refused!(session.feed($prompt), $variant, $words);
        refused!(session.prefill($prompt), $variant, $words);
        assert_eq!(session.length(), Some(0));
        let alone = engine.session().unwrap().feed(&[3, 4]).unwrap();
        assert_eq!(session.feed(&[3, 4]).unwrap(), alone);
    }};
}

#[test]
fn an_empty_prompt_is_refused() {
    refused_by_a_session!(&[], R::EmptyPrompt, "the prompt is empty");
}

#[test]
fn a_token_out_of_range_is_refused() {
    refused_by_a_session!(
        &[0, 256, 257],
        R::TokenOutOfRange { token: 257, position: 2, vocab: 257 },
        "token 257 at position 2 of the input is not below the vocabulary size 257"
    );
    refused_by_a_session!(&[u32::MAX], R::TokenOutOfRange { .. }, "token 4294967295");
}

#[test]
fn a_prompt_longer_than_the_positions_is_refused() {
    refused_by_a_session!(
        &[1; 257],
        R::TooLong { needed: 257, max: 256 },
        "257 positions are needed and the model has 256"
    );
}

#[test]
fn a_text_that_outgrows_the_positions_ends_with_an_error() {
    let model = model();
    let engine = EarlyExit::new(&model, Never).unwrap();
    let mut session = engine.session().unwrap();
    let steps: Vec<_> = session.generate(&[1; 250]).collect();
    // The prompt's 250 and six tokens fed back fill all positions; each fed prompt or token decides one.
    assert_eq!(steps.iter().filter(|step| step.is_ok()).count(), 7);
    let last = steps.into_iter().next_back().unwrap();
    refused!(last, R::TooLong { needed: 257, max: 256 }, "257 positions are needed and the model has 256");
    assert_eq!(session.length(), Some(256));
}

#[test]
fn the_last_position_can_be_used() {
    let model = model();
    let engine = EarlyExit::new(&model, Never).unwrap();
    assert!(engine.session().unwrap().feed(&[1; 256]).is_ok());
}

#[test]
fn eight_threads_get_the_tokens_that_one_alone_gets() {
    const THREADS: u32 = 8;
    const SEQUENCES: u32 = 50;
    let model = model();
    let engine = EarlyExit::new(&model, GapThreshold::new(0.1).unwrap()).unwrap();
    let say = |i: u32| -> Vec<(u32, usize)> {
        let prompt = [i % 257, (7 * i + 3) % 257, (31 * i + 100) % 257];
        let mut session = engine.session().unwrap();
        let steps = session.generate(&prompt[..1 + i as usize % 3]).max_tokens(2);
        steps.map(|step| step.unwrap()).map(|step| (step.token, step.layers_run)).collect()
    };
    let texts = |thread: u32| (0..SEQUENCES).map(|i| say(thread * SEQUENCES + i)).collect::<Vec<_>>();
    let alone: Vec<_> = (0..THREADS).map(texts).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || texts(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
}

#[test]
fn embedding_nothing_is_refused() {
    let model = model();
    let mut state = model.start(Extras::NONE).unwrap();
    refused!(model.embed(&[], &mut state), M::Empty, "there is no token to embed");
}

#[test]
fn embedding_a_token_out_of_range_is_refused() {
    let model = model();
    let mut state = model.start(Extras::NONE).unwrap();
    let words = "token 257 is not below the vocabulary size 257";
    refused!(model.embed(&[5, 257], &mut state), M::TokenOutOfRange { token: 257, vocab: 257 }, words);
    refused!(model.embed(&[u32::MAX], &mut state), M::TokenOutOfRange { .. }, "token 4294967295");
    // Nothing of what was refused counts.
    assert!(model.embed(&[1; 256], &mut state).is_ok());
}

#[test]
fn embedding_more_than_the_positions_is_refused() {
    let model = model();
    let mut state = model.start(Extras::NONE).unwrap();
    refused!(model.embed(&[1; 257], &mut state), M::TooLong { needed: 257, max: 256 }, "257", "256");
    model.embed(&[1; 200], &mut state).unwrap();
    refused!(model.embed(&[1; 57], &mut state), M::TooLong { needed: 257, max: 256 }, "257", "256");
    assert!(model.embed(&[1; 56], &mut state).is_ok());
}

#[test]
fn a_layer_that_is_not_there_is_refused() {
    let model = model();
    let mut state = model.start(Extras::ALL).unwrap();
    let hidden = model.embed(&[1, 2], &mut state).unwrap();
    for index in [6, usize::MAX] {
        let words = format!("there is no layer of index {index}: the model has 6");
        let result = model.layer(index, hidden.clone(), &mut state);
        refused!(result, M::NoSuchLayer { layers: 6, .. }, words);
        refused!(model.head(index, &hidden), M::NoSuchLayer { layers: 6, .. }, words);
    }
    assert!(model.layer(0, hidden, &mut state).is_ok());
}

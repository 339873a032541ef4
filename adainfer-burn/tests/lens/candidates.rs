//! Heads of a few tokens.

use adainfer_burn::{CandidateError, Candidates, Device, DeviceMap, SplitModel, most_frequent};
use adainfer_core::{EarlyExit, Extras, LayeredModel};
use adainfer_policies::StaticLayer;

use super::{MODELS, PROMPT, close, folder, lens, logits, open, states};

const TOKENS: [u32; 4] = [90, 7, 33, 41];

#[test]
fn logits_are_those_of_the_whole_head() {
    for name in MODELS {
        let raw = open(name);
        let linear = raw.with_lens(&lens(&raw, &[1, 2])).unwrap();
        for model in [&raw, &linear] {
            let few = Candidates::new(model, &TOKENS).unwrap();
            assert_eq!(few.tokens(), [7, 33, 41, 90]);
            let found = states(model, &PROMPT);
            for layer in [1, 2, model.spec().layers] {
                let (all, few) = (logits(model, layer, &found), logits(&few, layer, &found));
                let of = |all: &[f32]| TOKENS.map(|token| all[token as usize]);
                close(&of(&few), &of(&all));
                assert_eq!(few.iter().filter(|x| x.is_finite()).count(), 4);
            }
        }
    }
}

#[test]
fn probabilities_are_over_the_candidates() {
    let model = open("llama-mha");
    let few = Candidates::new(&model, &TOKENS).unwrap();
    let found = states(&model, &PROMPT);
    let all = logits(&model, 4, &found);
    let probe = few.probe(&few.head(3, &found[3]).unwrap(), None).unwrap();
    let mut wanted = TOKENS.map(|token| (all[token as usize].exp(), token));
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let total: f32 = wanted.iter().map(|(weight, _)| weight).sum();
    assert_eq!((probe.top.token, probe.second.token), (wanted[0].1, wanted[1].1));
    close(&[probe.top.prob, probe.second.prob], &[wanted[0].0 / total, wanted[1].0 / total]);
}

#[test]
fn a_session_answers_with_candidates_and_sees_their_extras() {
    let model = open("gptj");
    let few = Candidates::new(&model, &TOKENS).unwrap();
    let engine = EarlyExit::new(&few, StaticLayer::new(2)).unwrap();
    let step = engine.session().unwrap().feed(&PROMPT).unwrap();
    assert!(TOKENS.contains(&step.token) && step.layers_run == 2);
    let mut all = Extras::NONE;
    (all.kl, all.entropy) = (true, true);
    let mut state = few.start(all).unwrap();
    let hidden = few.embed(&PROMPT, &mut state).unwrap();
    let one = few.layer(0, hidden, &mut state).unwrap();
    let two = few.layer(1, one.clone(), &mut state).unwrap();
    let (one, two) = (few.head(0, &one).unwrap(), few.head(1, &two).unwrap());
    let probe = few.probe(&two, Some(&one)).unwrap();
    assert!(probe.kl.unwrap() >= 0.0 && probe.entropy.unwrap() <= 4f32.ln());
}

#[test]
fn a_split_model_has_the_rows_on_every_device() {
    let whole = open("opt-post-proj");
    let map = DeviceMap::new([(Device::Cpu, 1), (Device::NdArray, whole.spec().layers - 1)]);
    let split = SplitModel::open(folder("opt-post-proj"), &map).unwrap();
    let (whole, split) =
        (Candidates::new(&whole, &TOKENS).unwrap(), Candidates::new(split, &TOKENS).unwrap());
    assert_eq!(whole.spec(), split.spec());
    let (one, two) = (states(&whole, &PROMPT), states(&split, &PROMPT));
    for layer in 1..=whole.spec().layers {
        let finite = |all: Vec<f32>| all.into_iter().filter(|x| x.is_finite()).collect::<Vec<_>>();
        close(&finite(logits(&split, layer, &two)), &finite(logits(&whole, layer, &one)));
    }
}

#[test]
fn sets_that_are_none_are_refused() {
    let model = open("llama-mha");
    let refused = |tokens: &[u32]| Candidates::new(&model, tokens).unwrap_err();
    assert!(matches!(refused(&[]), CandidateError::TooFew { found: 0 }));
    assert!(matches!(refused(&[3]), CandidateError::TooFew { found: 1 }));
    assert!(matches!(refused(&[3, 9, 3]), CandidateError::Twice { token: 3 }));
    let error = refused(&[3, 320]);
    assert_eq!(error.to_string(), "token 320 is not in the vocabulary of 320");
}

#[test]
fn candidates_are_another_model_for_policies() {
    let model = open("llama-mha");
    let few = Candidates::new(&model, &TOKENS).unwrap();
    assert_ne!(few.spec().fingerprint, model.spec().fingerprint);
    let mut turned = TOKENS;
    turned.reverse();
    assert_eq!(few.spec(), Candidates::new(&model, &turned).unwrap().spec(), "in any order");
}

#[test]
fn frequent_tokens_are_the_first() {
    assert_eq!(most_frequent(3, 100), [0, 1, 2]);
    assert_eq!(most_frequent(300, 2), [0, 1]);
    // More of them than the model has positions.
    let model = open("llama-mha");
    let (count, vocab) = (model.spec().max_positions + 9, model.spec().vocab);
    let candidates = Candidates::new(model, &most_frequent(count, vocab)).unwrap();
    assert_eq!(candidates.tokens().len(), count);
}

#[test]
fn words_that_begin_alike_cannot_be_told_apart() {
    use adainfer_burn::first_tokens;
    use adainfer_burn::text::Tokenizer;

    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/text");
    let file = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let tokenizer = file.filter_map(|path| Tokenizer::from_file(&path).ok()).next().unwrap();
    let found = first_tokens(&tokenizer, &["a", "b"]).unwrap();
    assert_eq!(found.len(), 2);
    let error = first_tokens(&tokenizer, &["a", "b", "a"]).unwrap_err();
    assert!(
        matches!(&error, CandidateError::Collide { one, other, .. } if one == "a" && other == "a"),
        "{error}"
    );
    let error = first_tokens(&tokenizer, &["a", ""]).unwrap_err();
    assert!(matches!(error, CandidateError::NoToken { .. }), "{error}");
}

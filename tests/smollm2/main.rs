//! The numbers of the reference implementation on the real model, and its texts.
//!
//! Where the default model is not on this computer the tests say so and pass, unless ADAINFER_REQUIRE_MODEL is 1.
//! The unit tests of what the examples share run here too, as it is compiled here anyway.
// Clippy lets tests unwrap, but not the functions that they share.
#![allow(clippy::unwrap_used)]

mod formats;
#[cfg(target_os = "linux")]
mod memory;
#[path = "../../examples/support/mod.rs"]
mod support;

use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;

use adainfer::burn::text::Tokenizer;
use adainfer::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    prompt: String,
    ids: Vec<TokenId>,
    top_token: Vec<TokenId>,
    top_prob: Vec<f32>,
    gap: Vec<f32>,
    /// By how much the top token's logit leads.
    logit_margin: Vec<f32>,
    next_token: TokenId,
    next_text: String,
    greedy8: Vec<TokenId>,
    greedy8_text: String,
}

static PROMPTS: LazyLock<Vec<Prompt>> = LazyLock::new(|| {
    let golden: Golden = serde_json::from_str(include_str!("../fixtures/smollm2/golden.json")).unwrap();
    assert_eq!(golden.prompts.len(), 20);
    golden.prompts
});

/// The model's file, if it is on this computer.
fn model_path() -> Option<PathBuf> {
    let path = support::find_local(None).unwrap();
    let required = std::env::var_os("ADAINFER_REQUIRE_MODEL").is_some_and(|value| value == "1");
    assert!(path.is_some() || !required, "ADAINFER_REQUIRE_MODEL is 1 and the model was not found");
    if path.is_none() {
        // Not `eprintln`, which the test harness keeps to itself: a skip must be seen.
        std::io::stderr().write_all(b"skipped: model not found\n").unwrap();
    }
    path
}

static MODEL: LazyLock<Option<AnyModel>> = LazyLock::new(|| {
    model_path().map(|path| support::open(&path, &Device::Cpu, Dtype::F32, WeightFormat::Float).unwrap())
});

fn each(check: fn(&AnyModel, &Tokenizer, &Prompt)) {
    let Some(model) = &*MODEL else { return };
    let tokenizer = model.tokenizer().unwrap();
    PROMPTS.iter().for_each(|prompt| check(model, tokenizer, prompt));
}

#[test]
fn prompts_become_the_same_tokens() {
    each(|_, tokenizer, prompt| {
        assert_eq!(tokenizer.encode(&prompt.prompt, false).unwrap(), prompt.ids);
    });
}

#[test]
fn tokens_become_the_same_texts() {
    each(|_, tokenizer, prompt| {
        assert_eq!(tokenizer.token_text(prompt.next_token).unwrap(), prompt.next_text);
        let wanted = prompt.greedy8_text.replace("<|im_end|>", "");
        assert_eq!(tokenizer.decode(&prompt.greedy8).unwrap(), wanted);
    });
}

#[test]
fn every_layer_shows_the_same_token_as_surely() {
    each(|model, _, prompt| {
        let engine = EarlyExit::new(model, Watch::default()).unwrap();
        let mut session = engine.watched(Recorder::default()).unwrap();
        assert_eq!(session.feed(&prompt.ids).unwrap().token, prompt.next_token);
        let recorded = session.into_observer().into_tokens();
        assert_eq!(recorded[0].probes.len(), prompt.top_token.len());
        for (l, probe) in recorded[0].probes.iter().enumerate() {
            // Two tokens closer than this may change places by rounding.
            if prompt.logit_margin[l] > 0.01 {
                assert_eq!(
                    probe.top.token,
                    prompt.top_token[l],
                    "after layer {} of {:?}",
                    l + 1,
                    prompt.prompt
                );
            }
            let off = [probe.top_prob() - prompt.top_prob[l], probe.gap() - prompt.gap[l]];
            assert!(
                off.iter().all(|x| x.abs() <= 1e-3),
                "{off:?} off after layer {} of {:?}",
                l + 1,
                prompt.prompt
            );
        }
    });
}

#[test]
fn greedy_texts_are_the_same() {
    each(|model, _, prompt| {
        let engine = EarlyExit::new(model, Never).unwrap();
        let mut session = engine.session().unwrap();
        let steps = session.generate(&prompt.ids).max_tokens(8).stop_at(model.end_tokens());
        assert_eq!(steps.map(|step| step.unwrap().token).collect::<Vec<_>>(), prompt.greedy8);
    });
}

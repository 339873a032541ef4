//! Every number of the reference implementation, on every CPU backend: lens logits, features, exits,
//! greedy texts. The truths were made with Hugging Face transformers from random weights.
#![allow(missing_docs, clippy::unwrap_used)]

mod golden;

use adainfer_burn::Model;
use adainfer_burn::backend::{Flex, NdArray};
use adainfer_burn::ops::Ops;
use adainfer_core::{EarlyExit, Extras, LayeredModel, Never, Recorder, Watch, WithoutLayers};
use adainfer_policies::{GapThreshold, StaticLayer};
use golden::{Drop, Golden, close};

/// Runs one check on every golden model and on both backends.
macro_rules! on_every_backend {
    ($($check:ident),* $(,)?) => {
        mod flex {
            $(#[test] fn $check() { super::each::<super::Flex>(super::$check) })*
        }
        mod ndarray {
            $(#[test] fn $check() { super::each::<super::NdArray>(super::$check) })*
        }
    };
}

on_every_backend![
    lens_logits_are_equal_after_every_layer,
    features_are_equal_after_every_layer,
    the_gap_rule_exits_at_the_same_layers,
    never_is_bit_equal_to_the_plain_forward,
    dense_greedy_texts_are_equal,
    truncated_greedy_texts_are_equal,
    a_token_that_exited_is_completed_before_later_tokens_read_it,
    a_forked_prefix_answers_like_the_whole_prompt,
    layers_left_out_give_the_reference_without_them,
    block_influence_is_that_of_the_reference,
];

fn each<B: Ops>(check: fn(&Model<B>, &Golden)) {
    for name in ["llama-mha", "llama-gqa-tied", "opt-pre", "opt-post-proj", "gptj"] {
        let golden = Golden::read(name);
        let model = Model::<B>::open(golden.folder(), &Default::default()).unwrap();
        assert_eq!((model.spec().layers, model.spec().vocab), (golden.layers, golden.vocab));
        check(&model, &golden);
    }
}

fn lens_logits_are_equal_after_every_layer<B: Ops>(model: &Model<B>, golden: &Golden) {
    for (i, prompt) in golden.prompts.iter().enumerate() {
        let mut state = model.start(Extras::NONE).unwrap();
        let mut hidden = model.embed(&prompt.ids, &mut state).unwrap();
        let wanted = golden.tensor(&format!("p{i}.lens_logits"));
        for layer in 0..golden.layers {
            hidden = model.layer(layer, hidden, &mut state).unwrap();
            let found = model.values(&model.head(layer, &hidden).unwrap()).unwrap();
            close(&found, &wanted[layer * golden.vocab..][..golden.vocab], 1e-4);
        }
        let states: Vec<f32> = hidden.tensor().to_data().into_vec().unwrap();
        close(&states, &golden.tensor(&format!("p{i}.hidden_all_final")), 1e-4);
    }
}

fn features_are_equal_after_every_layer<B: Ops>(model: &Model<B>, golden: &Golden) {
    let engine = EarlyExit::new(model, Watch::new(Extras::ALL)).unwrap();
    for prompt in &golden.prompts {
        let mut session = engine.watched(Recorder::default()).unwrap();
        session.feed(&prompt.ids).unwrap();
        let recorded = session.into_observer().into_tokens();
        assert_eq!(recorded[0].probes.len(), golden.layers);
        let wanted = &prompt.features;
        for (l, probe) in recorded[0].probes.iter().enumerate() {
            assert_eq!(probe.layer, l + 1);
            assert_eq!((probe.top.token, probe.second.token), (wanted.top_token[l], wanted.second_token[l]));
            close(&[probe.top_prob(), probe.gap()], &[wanted.top_prob[l], wanted.gap[l]], 1e-5);
            let extras = [
                (probe.cos_hidden, wanted.cos_hidden_prev[l], 1e-5),
                (probe.cos_attn, wanted.cos_attn_prev[l], 1e-5),
                (probe.cos_mlp, wanted.cos_mlp_prev[l], 1e-5),
                (probe.kl, wanted.kl_from_prev[l], 1e-4),
            ];
            for (found, wanted, tolerance) in extras {
                assert_eq!((found.is_some(), wanted.is_some()), (l > 0, l > 0), "none but after layer 1");
                close(found.as_slice(), wanted.as_slice(), tolerance);
            }
        }
    }
}

fn the_gap_rule_exits_at_the_same_layers<B: Ops>(model: &Model<B>, golden: &Golden) {
    for prompt in &golden.prompts {
        for (threshold, exit) in &prompt.gap_rule {
            let policy = GapThreshold::new(threshold.parse().unwrap()).unwrap();
            let step = EarlyExit::new(model, policy).unwrap().session().unwrap().feed(&prompt.ids).unwrap();
            assert_eq!((step.layers_run, step.token), (exit.layers, exit.token), "gap > {threshold}");
        }
    }
}

/// Neither the loop nor looking on the way changes a bit of the answer.
fn never_is_bit_equal_to_the_plain_forward<B: Ops>(model: &Model<B>, golden: &Golden) {
    for prompt in &golden.prompts {
        let mut state = model.start(Extras::NONE).unwrap();
        let mut hidden = model.embed(&prompt.ids, &mut state).unwrap();
        for layer in 0..golden.layers {
            hidden = model.layer(layer, hidden, &mut state).unwrap();
        }
        let logits = model.head(golden.layers - 1, &hidden).unwrap();
        let plain = model.probe(&logits, None).unwrap();
        let dense = EarlyExit::new(model, Never).unwrap().session().unwrap().feed(&prompt.ids).unwrap();
        let watched = EarlyExit::new(model, Watch::default()).unwrap();
        let watched = watched.session().unwrap().feed(&prompt.ids).unwrap();
        for step in [dense, watched] {
            assert_eq!((step.probe.top, step.probe.second), (plain.top, plain.second));
        }
    }
}

fn dense_greedy_texts_are_equal<B: Ops>(model: &Model<B>, golden: &Golden) {
    for prompt in &golden.prompts {
        assert_eq!(greedy(model, Never, &prompt.ids), prompt.greedy8);
    }
}

fn truncated_greedy_texts_are_equal<B: Ops>(model: &Model<B>, golden: &Golden) {
    for prompt in &golden.prompts {
        assert_eq!(prompt.truncated_greedy8.len(), golden.layers);
        for (layers, wanted) in &prompt.truncated_greedy8 {
            let policy = StaticLayer::new(layers.parse().unwrap());
            assert_eq!(&greedy(model, policy, &prompt.ids), wanted, "after layer {layers}");
        }
    }
}

fn greedy<B: Ops>(model: &Model<B>, policy: impl adainfer_core::ExitPolicy, prompt: &[u32]) -> Vec<u32> {
    let engine = EarlyExit::new(model, policy).unwrap();
    let mut session = engine.session().unwrap();
    session.generate(prompt).max_tokens(8).map(|step| step.unwrap().token).collect()
}

/// Exits the prompt after each layer; then a token that runs in full must see what dense would.
fn a_token_that_exited_is_completed_before_later_tokens_read_it<B: Ops>(model: &Model<B>, golden: &Golden) {
    let prompt = &golden.prompts[2].ids;
    let next = prompt[0];
    let mut whole = prompt.clone();
    whole.push(next);
    let mut dense = Recorder::default();
    EarlyExit::new(model, Never).unwrap().watched(&mut dense).unwrap().feed(&whole).unwrap();
    for exit in 1..golden.layers {
        let policy = adainfer_core::policy_fn(move |t: adainfer_core::Trace<'_>| {
            adainfer_core::Decision::exit_if(t.at().produced == 0 && t.at().layer == exit)
        });
        let engine = EarlyExit::new(model, policy).unwrap();
        let mut session = engine.session().unwrap();
        assert_eq!(session.feed(prompt).unwrap().layers_run, exit);
        let step = session.feed(&[next]).unwrap();
        let wanted = dense.tokens()[0].step;
        assert_eq!((step.token, step.layers_run), (wanted.token, golden.layers));
        close(
            &[step.probe.top_prob(), step.probe.gap()],
            &[wanted.probe.top_prob(), wanted.probe.gap()],
            1e-5,
        );
    }
}

fn a_forked_prefix_answers_like_the_whole_prompt<B: Ops>(model: &Model<B>, golden: &Golden) {
    let engine = EarlyExit::new(model, Never).unwrap();
    let prompt = &golden.prompts[2].ids;
    let prefix = engine.prefix(&prompt[..10]).unwrap();
    let mut first = prefix.fork().unwrap();
    // Another fork that says something else must leave no trace in the first.
    prefix.fork().unwrap().feed(&[5; 20]).unwrap();
    let mut texts = Vec::new();
    texts.push(first.generate(&prompt[10..]).max_tokens(8).map(|s| s.unwrap().token).collect::<Vec<_>>());
    let mut second = prefix.fork().unwrap();
    second.prefill(&prompt[10..15]).unwrap();
    let mut third = second.fork().unwrap();
    texts.push(third.generate(&prompt[15..]).max_tokens(8).map(|s| s.unwrap().token).collect());
    texts.push(second.generate(&prompt[15..]).max_tokens(8).map(|s| s.unwrap().token).collect());
    assert_eq!(texts, vec![golden.prompts[2].greedy8.clone(); 3]);
}

fn layers_left_out_give_the_reference_without_them<B: Ops>(model: &Model<B>, golden: &Golden) {
    for (i, prompt) in golden.prompts.iter().enumerate() {
        for Drop { dropped, top_token } in &prompt.drop {
            let left_out: Vec<usize> = dropped.iter().map(|index| index + 1).collect();
            let shorter = WithoutLayers::new(model, &left_out).unwrap();
            let mut state = shorter.start(Extras::NONE).unwrap();
            let mut hidden = shorter.embed(&prompt.ids, &mut state).unwrap();
            let layers = shorter.spec().layers;
            assert_eq!(layers, golden.layers - dropped.len());
            for layer in 0..layers {
                hidden = shorter.layer(layer, hidden, &mut state).unwrap();
            }
            let found = shorter.values(&shorter.head(layers - 1, &hidden).unwrap()).unwrap();
            let name = dropped.iter().map(usize::to_string).collect::<Vec<_>>().join("_");
            close(&found, &golden.tensor(&format!("p{i}.drop_{name}.logits_last")), 1e-4);
            let engine = EarlyExit::new(&shorter, Never).unwrap();
            assert_eq!(engine.session().unwrap().feed(&prompt.ids).unwrap().token, *top_token);
        }
    }
}

fn block_influence_is_that_of_the_reference<B: Ops>(model: &Model<B>, golden: &Golden) {
    for prompt in &golden.prompts {
        close(&model.block_influence(&prompt.ids).unwrap(), &prompt.block_influence, 1e-5);
    }
}

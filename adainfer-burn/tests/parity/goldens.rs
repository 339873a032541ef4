//! Every number of the reference implementation: lens logits, features, exits, greedy texts. The truths were
//! made with Hugging Face transformers from random weights.

use adainfer_burn::{AnyModel, DeviceMap, Dtype, LoadOptions, SplitModel};
use adainfer_core::{
    EarlyExit, ExitPolicy, Extras, LayeredModel, Never, Recorder, Watch, WithoutLayers, entropy,
};
use adainfer_policies::{GapThreshold, StaticLayer};

use crate::golden::{Drop, Golden, close};
use crate::targets::{HostValues, Target, Tested};

const MODELS: [&str; 5] = ["llama-mha", "llama-gqa-tied", "opt-pre", "opt-post-proj", "gptj"];

/// `off`: how far logits may be from the reference.
type Check<M> = fn(model: &M, golden: &Golden, off: f32);

/// A check and its name.
macro_rules! checks {
    ($($check:ident),* $(,)?) => {
        pub(crate) fn checks<M: Tested>() -> Vec<(&'static str, Check<M>)> {
            vec![$((stringify!($check), $check::<M>)),*]
        }
    };
}

checks![
    lens_logits_are_equal_after_every_layer,
    features_are_equal_after_every_layer,
    the_gap_rule_exits_at_the_same_layers,
    never_is_bit_equal_to_the_plain_forward,
    dense_greedy_texts_are_equal,
    truncated_greedy_texts_are_equal,
    a_token_that_exited_is_completed_before_later_tokens_read_it,
    a_forked_prefix_answers_like_the_whole_prompt,
    running_ahead_changes_no_answer,
    layers_left_out_give_the_reference_without_them,
    block_influence_is_that_of_the_reference,
];

/// Runs a check on every golden model, on one device.
pub(crate) fn each(target: &Target, check: Check<AnyModel>) {
    let open = |golden: &Golden| AnyModel::open(golden.folder(), &target.devices[0]).unwrap();
    run(target, open, check);
}

/// Runs a check on every golden model, split over the target's devices.
pub(crate) fn each_split(target: &Target, check: Check<SplitModel>) {
    let open = |golden: &Golden| {
        let map = DeviceMap::even(golden.layers, &target.devices);
        let model = SplitModel::open(golden.folder(), &map).unwrap();
        let whole = AnyModel::open(golden.folder(), &target.devices[0]).unwrap();
        assert_eq!(model.spec(), whole.spec(), "the fingerprint too");
        model
    };
    run(target, open, check);
}

/// Weights and activations in half precision: logits within a few roundings of the reference, and not those
/// of f32.
pub(crate) fn half_precision_is_near_the_reference(target: &Target, dtype: Dtype) {
    let rounding = if dtype == Dtype::F16 { 2f32.powi(-11) } else { 2f32.powi(-8) };
    for name in MODELS {
        let golden = Golden::read(name);
        let options = LoadOptions::new().dtype(dtype);
        let model = AnyModel::open_with(golden.folder(), &target.devices[0], options).unwrap();
        for (i, prompt) in golden.prompts.iter().enumerate() {
            let found = lens_logits(&model, &prompt.ids);
            let wanted = golden.tensor(&format!("p{i}.lens_logits"));
            let scale = wanted.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
            close(&found, &wanted, ROUNDINGS * rounding * scale);
            assert!(
                found.iter().zip(&wanted).any(|(f, w)| (f - w).abs() > rounding / 16.0 * scale),
                "{name} is in f32"
            );
        }
    }
}

/// How many may add up, of the size of the largest logit: on flex, behind a server, 8.4 did.
const ROUNDINGS: f32 = 12.0;

/// What each layer would say, one after the other.
fn lens_logits<M: Tested>(model: &M, prompt: &[u32]) -> Vec<f32> {
    let mut state = model.start(Extras::NONE).unwrap();
    let mut hidden = model.embed(prompt, &mut state).unwrap();
    let mut all = Vec::new();
    for layer in 0..model.spec().layers {
        hidden = model.layer(layer, hidden, &mut state).unwrap();
        all.extend(model.values(&model.head(layer, &hidden).unwrap()).unwrap());
    }
    all
}

fn run<M: Tested>(target: &Target, open: impl Fn(&Golden) -> M, check: Check<M>) {
    for name in MODELS {
        let golden = Golden::read(name);
        let model = open(&golden);
        assert_eq!((model.spec().layers, model.spec().vocab), (golden.layers, golden.vocab));
        check(&model, &golden, target.logits);
    }
}

fn lens_logits_are_equal_after_every_layer<M: Tested>(model: &M, golden: &Golden, off: f32) {
    for (i, prompt) in golden.prompts.iter().enumerate() {
        let mut state = model.start(Extras::NONE).unwrap();
        let mut hidden = model.embed(&prompt.ids, &mut state).unwrap();
        let wanted = golden.tensor(&format!("p{i}.lens_logits"));
        for layer in 0..golden.layers {
            hidden = model.layer(layer, hidden, &mut state).unwrap();
            let found = model.values(&model.head(layer, &hidden).unwrap()).unwrap();
            close(&found, &wanted[layer * golden.vocab..][..golden.vocab], off);
        }
        close(&hidden.values().unwrap(), &golden.tensor(&format!("p{i}.hidden_all_final")), off);
    }
}

fn features_are_equal_after_every_layer<M: Tested>(model: &M, golden: &Golden, off: f32) {
    let engine = EarlyExit::new(model, Watch::new(Extras::ALL)).unwrap();
    for (i, prompt) in golden.prompts.iter().enumerate() {
        let mut session = engine.watched(Recorder::default()).unwrap();
        session.feed(&prompt.ids).unwrap();
        let recorded = session.into_observer().into_tokens();
        let logits = golden.tensor(&format!("p{i}.lens_logits"));
        assert_eq!(recorded[0].probes.len(), golden.layers);
        let wanted = &prompt.features;
        for (l, probe) in recorded[0].probes.iter().enumerate() {
            assert_eq!(probe.layer, l + 1);
            assert_eq!((probe.top.token, probe.second.token), (wanted.top_token[l], wanted.second_token[l]));
            close(&[probe.top_prob(), probe.gap()], &[wanted.top_prob[l], wanted.gap[l]], off / 10.0);
            let row = &logits[l * golden.vocab..][..golden.vocab];
            close(probe.entropy.as_slice(), &[entropy(row)], off);
            let extras = [
                (probe.cos_hidden, wanted.cos_hidden_prev[l], off / 10.0),
                (probe.cos_attn, wanted.cos_attn_prev[l], off / 10.0),
                (probe.cos_mlp, wanted.cos_mlp_prev[l], off / 10.0),
                (probe.kl, wanted.kl_from_prev[l], off),
            ];
            for (found, wanted, tolerance) in extras {
                assert_eq!((found.is_some(), wanted.is_some()), (l > 0, l > 0), "none but after layer 1");
                close(found.as_slice(), wanted.as_slice(), tolerance);
            }
        }
    }
}

fn the_gap_rule_exits_at_the_same_layers<M: Tested>(model: &M, golden: &Golden, _: f32) {
    for prompt in &golden.prompts {
        for (threshold, exit) in &prompt.gap_rule {
            let policy = GapThreshold::new(threshold.parse().unwrap()).unwrap();
            let step = EarlyExit::new(model, policy).unwrap().session().unwrap().feed(&prompt.ids).unwrap();
            assert_eq!((step.layers_run, step.token), (exit.layers, exit.token), "gap > {threshold}");
        }
    }
}

/// Neither the loop nor looking on the way changes a bit of the answer.
fn never_is_bit_equal_to_the_plain_forward<M: Tested>(model: &M, golden: &Golden, _: f32) {
    for prompt in &golden.prompts {
        let mut state = model.start(Extras::NONE).unwrap();
        let mut hidden = model.embed(&prompt.ids, &mut state).unwrap();
        for layer in 0..golden.layers - 1 {
            hidden = model.layer(layer, hidden, &mut state).unwrap();
        }
        let last = golden.layers - 1;
        hidden = model.layer_at_last(last, hidden, &mut state).unwrap();
        let logits = model.head(last, &hidden).unwrap();
        let plain = model.probe(&logits, None).unwrap();
        let dense = EarlyExit::new(model, Never).unwrap().session().unwrap().feed(&prompt.ids).unwrap();
        let watched = EarlyExit::new(model, Watch::default()).unwrap();
        let watched = watched.session().unwrap().feed(&prompt.ids).unwrap();
        for step in [dense, watched] {
            assert_eq!((step.probe.top, step.probe.second), (plain.top, plain.second));
        }
    }
}

fn dense_greedy_texts_are_equal<M: Tested>(model: &M, golden: &Golden, _: f32) {
    for prompt in &golden.prompts {
        assert_eq!(greedy(model, Never, &prompt.ids), prompt.greedy8);
    }
}

fn truncated_greedy_texts_are_equal<M: Tested>(model: &M, golden: &Golden, _: f32) {
    for prompt in &golden.prompts {
        assert_eq!(prompt.truncated_greedy8.len(), golden.layers);
        for (layers, wanted) in &prompt.truncated_greedy8 {
            let policy = StaticLayer::new(layers.parse().unwrap());
            assert_eq!(&greedy(model, policy, &prompt.ids), wanted, "after layer {layers}");
        }
    }
}

fn greedy<M: Tested>(model: &M, policy: impl adainfer_core::ExitPolicy, prompt: &[u32]) -> Vec<u32> {
    let engine = EarlyExit::new(model, policy).unwrap();
    let mut session = engine.session().unwrap();
    session.generate(prompt).max_tokens(8).map(|step| step.unwrap().token).collect()
}

/// Exits the prompt after each layer; then a token that runs in full must see what dense would.
fn a_token_that_exited_is_completed_before_later_tokens_read_it<M: Tested>(
    model: &M,
    golden: &Golden,
    off: f32,
) {
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
            off / 10.0,
        );
    }
}

fn a_forked_prefix_answers_like_the_whole_prompt<M: Tested>(model: &M, golden: &Golden, _: f32) {
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

fn running_ahead_changes_no_answer<M: Tested>(model: &M, golden: &Golden, _: f32) {
    let policy = || GapThreshold::new(0.1).unwrap().or(StaticLayer::new(golden.layers - 1));
    for prompt in &golden.prompts {
        let [plain, ahead] = [false, true].map(|ahead| {
            let engine = EarlyExit::new(model, policy()).unwrap();
            let engine = if ahead { engine.running_ahead() } else { engine };
            let mut session = engine.session().unwrap();
            let steps = session.generate(&prompt.ids).max_tokens(8).map(Result::unwrap);
            steps.map(|step| (step.token, step.layers_run, step.heads_run)).collect::<Vec<_>>()
        });
        assert_eq!(plain, ahead);
    }
}

fn layers_left_out_give_the_reference_without_them<M: Tested>(model: &M, golden: &Golden, off: f32) {
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
            close(&found, &golden.tensor(&format!("p{i}.drop_{name}.logits_last")), off);
            let engine = EarlyExit::new(&shorter, Never).unwrap();
            assert_eq!(engine.session().unwrap().feed(&prompt.ids).unwrap().token, *top_token);
        }
    }
}

fn block_influence_is_that_of_the_reference<M: Tested>(model: &M, golden: &Golden, off: f32) {
    for prompt in &golden.prompts {
        close(&model.block_influence(&prompt.ids).unwrap(), &prompt.block_influence, off / 10.0);
    }
}

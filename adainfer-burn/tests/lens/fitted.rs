//! Lenses that were fitted.

use adainfer_burn::{
    AnyModel, LensFitError, LensModel, LensPrompt, LensReport, LinearLens, LinearLensParams,
};
use adainfer_core::LayeredModel;

use super::{open, states};

fn prompts(count: u32) -> Vec<LensPrompt> {
    let tokens = |i: u32| (0..6 + i % 5).map(|j| (i * 37 + j * j * 11 + j) % 90).collect();
    (0..count).map(|i| LensPrompt::everywhere(i.to_string(), tokens(i))).collect()
}

fn fit(model: &AnyModel, params: &LinearLensParams, prompts: &[LensPrompt]) -> (LinearLens, LensReport) {
    params.fit(model, prompts, |_| ()).unwrap()
}

#[test]
fn later_layers_are_explained_better_and_the_answer_is_nearer() {
    for name in ["llama-mha", "opt-post-proj"] {
        let model = open(name);
        let layers = model.spec().layers;
        let (lens, report) = fit(&model, &LinearLensParams::default(), &prompts(200));
        assert_eq!(lens.layers().collect::<Vec<_>>(), (1..layers).collect::<Vec<_>>());
        let explained: Vec<f64> = report.layers.iter().map(|(_, quality)| quality.r2).collect();
        assert!(explained.is_sorted() && explained.iter().all(|r2| (0.0..1.0).contains(r2)), "{explained:?}");

        // On prompts that nobody has seen: nearer to the final state than its mean is.
        let last = layers - 1;
        let through = model.with_lens(&lens).unwrap();
        let agree = |model: &AnyModel| {
            let right = |i: &u32| {
                let prompt: Vec<u32> = (0..8).map(|j| (i * 53 + j * 17 + 1) % 90).collect();
                let found = states(model, &prompt);
                let top = |layer: usize| {
                    let logits = super::logits(model, layer, &found);
                    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
                };
                top(last) == top(layers)
            };
            (0..60).filter(right).count()
        };
        let (raw, linear) = (agree(&model), agree(&through));
        assert!(linear >= raw, "{name}: {linear} of 60 through the lens, {raw} through the raw one");
    }
}

#[test]
fn the_same_prompts_give_the_same_lens_whatever_the_memory() {
    let model = open("llama-gqa-tied");
    let (wanted, report) = fit(&model, &LinearLensParams::default(), &prompts(30));
    assert_eq!(fit(&model, &LinearLensParams::default(), &prompts(30)), (wanted.clone(), report.clone()));
    let mut calls = Vec::new();
    let little = LinearLensParams::default().memory(1);
    let (found, _) = little.fit(&model, &prompts(30), |progress| calls.push(progress)).unwrap();
    assert_eq!(found, wanted);
    assert_eq!((calls.len() as u64, calls[0].total), (calls[0].total, 5 * 30 + 5));
    assert!(calls.iter().enumerate().all(|(i, call)| call.done == i as u64));
    let other = LinearLensParams::default().seed(1);
    assert_ne!(fit(&model, &other, &prompts(30)).0, wanted, "other prompts are held out");
}

#[test]
fn a_report_says_what_it_was_fitted_on() {
    let model = open("llama-mha");
    let last: Vec<_> = prompts(40).into_iter().map(|p| LensPrompt::last(p.id, p.tokens)).collect();
    let (lens, report) = fit(&model, &LinearLensParams::default().from(3), &last);
    assert_eq!((report.prompts, report.held_out.len(), report.positions, report.width), (32, 8, 32, 64));
    assert!(report.is_underdetermined(), "32 positions for 64 inputs");
    assert_eq!(
        (lens.layers().collect::<Vec<_>>(), lens.model()),
        (vec![3], model.spec().fingerprint.as_str())
    );
    assert_eq!(lens.map(3).map(|map| map.quality), Some(report.layers[0].1));
    assert_ne!(fit(&model, &LinearLensParams::default().from(3), &prompts(40)).0.prompts(), lens.prompts());
    assert_eq!(lens.hidden(), model.hidden_size());
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let model = open("llama-mha");
    let refused =
        |params: LinearLensParams, prompts: &[LensPrompt]| params.fit(&model, prompts, |_| ()).unwrap_err();
    let params = LinearLensParams::default;
    let good = prompts(25);
    assert!(matches!(refused(params(), &good[..19]), LensFitError::TooFewPrompts { found: 19, needed: 20 }));
    for layer in [0, 4] {
        assert!(matches!(refused(params().from(layer), &good), LensFitError::From { layers: 4, .. }));
    }
    for ridges in [vec![], vec![0.1, 0.0], vec![f64::NAN]] {
        assert!(matches!(refused(params().ridges(ridges), &good), LensFitError::Ridge { .. }));
    }
    for share in [0.0, 1.0, f64::NAN] {
        assert!(matches!(refused(params().held_out(share), &good), LensFitError::HeldOut { .. }));
    }
    let changed = |change: fn(&mut LensPrompt)| {
        let mut prompts = good.clone();
        change(&mut prompts[7]);
        refused(params(), &prompts)
    };
    let error = changed(|prompt| prompt.id = "3".to_owned());
    assert_eq!(error.to_string(), "two prompts are called \"3\"");
    let error = changed(|prompt| prompt.positions.clear());
    assert_eq!(error.to_string(), "prompt \"7\" has no position to look at");
    let error = changed(|prompt| prompt.positions.push((60, 1.0)));
    assert_eq!(error.to_string(), "prompt \"7\" has 8 tokens, and no position 60");
    assert!(matches!(changed(|prompt| prompt.positions[1].1 = -1.0), LensFitError::Weight { .. }));
    assert!(matches!(changed(|prompt| prompt.tokens[0] = 5000), LensFitError::Model(_)));
    let error = changed(|prompt| *prompt = LensPrompt::last("7", vec![]));
    assert!(matches!(error, LensFitError::Position { tokens: 0, .. }), "{error}");
    let same: Vec<_> = (0..25u32).map(|i| LensPrompt::last(i.to_string(), vec![1, 2, 3])).collect();
    assert!(matches!(refused(params(), &same), LensFitError::Constant { layer: 1 }));
}

//! Label probes.

use std::path::Path;

use adainfer_burn::{
    AnyModel, CandidateError, LabelMap, LabelProbe, LabelProbeError, LabelProbeParams, LabelQuality,
    Labelled, LabelledPrompt, LensFileError, LensModel,
};
use adainfer_core::{
    Decision, EarlyExit, Extras, LayeredModel, ModelSpec, Never, Recorder, TokenId, Watch, policy_fn,
};

use super::{MODELS, PROMPT, close, numbers, open};

const LABELS: [TokenId; 3] = [9, 4, 21];

fn map(seed: usize, width: usize) -> LabelMap {
    let quality = LabelQuality { penalty: 30.0, temperature: 1.5, accuracy: 0.75, log_loss: 0.5 };
    LabelMap { weight: numbers(seed, 3 * width), bias: numbers(seed + 1, 3), quality }
}

fn probe(model: &AnyModel, layers: &[usize]) -> LabelProbe {
    let mut probe = LabelProbe::new(model.spec(), model.hidden_size(), &LABELS, "made up").unwrap();
    for layer in layers {
        probe.set(*layer, map(*layer, model.hidden_size())).unwrap();
    }
    probe
}

#[test]
fn scores_are_the_maps_of_the_state_at_a_root_mean_square_of_one() {
    for name in MODELS {
        let model = open(name);
        let labelled = Labelled::new(&model, probe(&model, &[2, model.spec().layers])).unwrap();
        let mut state = labelled.start(Extras::NONE).unwrap();
        let mut hidden = labelled.embed(&PROMPT, &mut state).unwrap();
        let mut plain = model.start(Extras::NONE).unwrap();
        let mut plain_hidden = model.embed(&PROMPT, &mut plain).unwrap();
        for index in 0..2 {
            hidden = labelled.layer(index, hidden, &mut state).unwrap();
            plain_hidden = model.layer(index, plain_hidden, &mut plain).unwrap();
        }
        let x = model.states(&plain_hidden, &[PROMPT.len() - 1]).unwrap();
        let scale = 1.0 / (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).sqrt();
        let map = map(2, x.len());
        let wanted: Vec<f32> = (map.weight.chunks(x.len()).zip(&map.bias))
            .map(|(row, bias)| row.iter().zip(&x).map(|(w, x)| w * x * scale).sum::<f32>() + bias)
            .collect();
        let values = labelled.values(&labelled.head(1, &hidden).unwrap()).unwrap();
        let found: Vec<f32> = [4, 9, 21].map(|token: usize| values[token]).to_vec();
        close(&found, &wanted);
        assert_eq!(values.iter().filter(|x| x.is_finite()).count(), 3);
        assert!(labelled.head(0, &hidden).is_err(), "there is no map after layer 1");
    }
}

#[test]
fn a_session_answers_with_labels_and_exits_where_a_policy_is_sure() {
    let model = open("llama-mha");
    let layers = model.spec().layers;
    let labelled = Labelled::new(&model, probe(&model, &[2, layers])).unwrap();
    let watch = EarlyExit::new(&labelled, Watch::new(Extras::ALL)).unwrap();
    let mut session = watch.watched(Recorder::default()).unwrap();
    let dense = session.feed(&PROMPT).unwrap();
    assert!(LABELS.contains(&dense.token) && dense.layers_run == layers);
    let recorded = session.into_observer();
    let probes = &recorded.tokens()[0].probes;
    assert_eq!(probes.iter().map(|probe| probe.layer).collect::<Vec<_>>(), [2, layers]);
    assert!(probes[1].kl.is_some() && probes[1].entropy.is_some() && probes[1].cos_hidden.is_none());
    let sure = policy_fn(|trace| Decision::exit_if(trace.last().top_prob() > 0.0));
    let early = EarlyExit::new(&labelled, sure).unwrap().session().unwrap().feed(&PROMPT).unwrap();
    assert_eq!((early.layers_run, early.token), (2, probes[0].top.token));
}

#[test]
fn every_number_of_a_file_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("probe");
    let small = small();
    small.save(&path).unwrap();
    assert_eq!(LabelProbe::load(&path).unwrap(), small);
    assert_eq!(LabelProbe::load(&path).unwrap().hash(), small.hash());
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(LabelProbe::load(&path), Err(LabelProbeError::File(_))), "{length}");
    }
    let replaced = |from: &str, to: &str| {
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&path, bytes).unwrap();
        LabelProbe::load(&path).unwrap_err()
    };
    let error = replaced("\"adainfer_label_probe\":\"1\"", "\"adainfer_label_probe\":\"7\"");
    assert!(matches!(error, LabelProbeError::File(LensFileError::Version { .. })), "{error}");
    let error = replaced("\"[4,9,21]\"", "\"[4,9, 9]\"");
    assert!(error.to_string().contains("tokens"), "{error}");
    let error = replaced("\"layers\":\"5\"", "\"layers\":\"4\"");
    assert!(matches!(error, LabelProbeError::Layer { layer: 5, layers: 4 }), "{error}");
}

fn small() -> LabelProbe {
    let mut probe = LabelProbe::new(&ModelSpec::new(5, 32, 64, "small"), 3, &LABELS, "the prompts").unwrap();
    probe.set(2, map(3, 3)).unwrap();
    probe.set(5, map(9, 3)).unwrap();
    probe
}

#[test]
fn a_file_of_version_1_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/label-probe-v1.safetensors");
    assert_eq!(LabelProbe::load(path).unwrap(), small());
}

#[test]
fn what_does_not_fit_is_refused() {
    let model = open("llama-mha");
    let layers = model.spec().layers;
    let error = Labelled::new(&model, probe(&model, &[2])).unwrap_err();
    assert!(matches!(error, LabelProbeError::NoLast { .. }), "{error}");
    let other = open("gptj");
    let error = Labelled::new(&other, probe(&model, &[2, layers])).unwrap_err();
    assert!(matches!(error, LabelProbeError::OtherModel { .. } | LabelProbeError::Width { .. }), "{error}");
    let new = |tokens: &[TokenId]| LabelProbe::new(model.spec(), 8, tokens, "").unwrap_err();
    for (tokens, wanted) in [(&[1][..], "at least 2"), (&[1, 1], "twice"), (&[1, 1 << 30], "vocabulary")] {
        let error = new(tokens);
        let LabelProbeError::Labels(cause) = error else { panic!("{error}") };
        assert!(cause.to_string().contains(wanted), "{cause}");
    }
    let mut probe = probe(&model, &[layers]);
    let wrong = |map| probe.clone().set(1, map).unwrap_err();
    assert!(matches!(wrong(map(1, 2)), LabelProbeError::Shape { found: 6, .. }));
    let mut bad = map(1, model.hidden_size());
    bad.bias[2] = f32::NAN;
    assert!(matches!(wrong(bad), LabelProbeError::NotFinite { tensor: "bias", element: 2, .. }));
    assert!(probe.set(layers + 1, map(1, model.hidden_size())).is_err());
    assert!(probe.close(layers).is_some() && probe.layers().len() == 0);
}

/// Prompts whose label is told by their last token.
fn prompts() -> Vec<LabelledPrompt> {
    let prompt = |i: usize| {
        let class = i % 3;
        let tokens = vec![(i * 7 % 50) as TokenId, (i * 13 % 40) as TokenId, 50 + class as TokenId];
        LabelledPrompt { id: format!("prompt {i}"), tokens, label: LABELS[class] }
    };
    (0..60).map(prompt).collect()
}

fn params() -> LabelProbeParams {
    LabelProbeParams::default().penalties([3.0, 0.3]).folds(3)
}

#[test]
fn what_the_last_token_tells_is_learned() {
    let model = open("llama-mha");
    let mut ticks = Vec::new();
    let (probe, report) = params().from(2).fit(&model, &prompts(), |progress| ticks.push(progress)).unwrap();
    assert_eq!(probe.tokens(), [4, 9, 21]);
    assert_eq!((report.prompts, report.layers.len()), (60, model.spec().layers - 1));
    for (layer, quality) in &report.layers {
        assert!(quality.accuracy > 0.95 && quality.log_loss < 0.3, "layer {layer}: {quality:?}");
        assert!(quality.temperature > 0.04 && quality.temperature < 21.0);
    }
    let last = ticks.last().unwrap();
    assert_eq!((ticks.len() as u64, last.layer), (last.total, Some(model.spec().layers)));
    // On a prompt that it has not seen.
    let labelled = Labelled::new(&model, probe.clone()).unwrap();
    let engine = EarlyExit::new(&labelled, Never).unwrap();
    for (class, label) in LABELS.into_iter().enumerate() {
        let step = engine.session().unwrap().feed(&[49, 39, 50 + class as TokenId]).unwrap();
        assert_eq!(step.token, label);
    }
    assert_eq!(params().from(2).fit(&model, &prompts(), |_| ()).unwrap().0, probe, "the same again");
}

#[test]
fn prompts_that_cannot_be_fitted_on_are_refused() {
    let model = open("llama-mha");
    let fit = |prompts: &[LabelledPrompt]| params().fit(&model, prompts, |_| ()).unwrap_err();
    let error = fit(&prompts()[..7]);
    assert!(
        matches!(error, LabelProbeError::TooFewPrompts { token: 9 | 4 | 21, found: 2, needed: 3 }),
        "{error}"
    );
    assert!(matches!(fit(&[]), LabelProbeError::Labels(CandidateError::TooFew { found: 0 })));
    let changed = |change: fn(&mut LabelledPrompt)| {
        let mut prompts = prompts();
        change(&mut prompts[5]);
        fit(&prompts)
    };
    assert!(matches!(changed(|prompt| prompt.tokens.clear()), LabelProbeError::NoToken { .. }));
    assert!(matches!(changed(|prompt| prompt.id = "prompt 4".to_owned()), LabelProbeError::Twice { .. }));
    assert!(matches!(changed(|prompt| prompt.tokens[1] = 1 << 30), LabelProbeError::Model(_)));
    assert!(matches!(changed(|prompt| prompt.tokens = vec![1; 5000]), LabelProbeError::Model(_)));
    let with = |params: LabelProbeParams| params.fit(&model, &prompts(), |_| ()).unwrap_err();
    for params in
        [params().penalties([]), params().penalties([f64::NAN]), params().penalties([0.0]), params().folds(1)]
    {
        assert!(matches!(with(params), LabelProbeError::Parameter { .. }));
    }
    assert!(matches!(with(params().from(0)), LabelProbeError::Layer { layer: 0, .. }));
    assert!(matches!(with(params().from(99)), LabelProbeError::Layer { layer: 99, .. }));
}

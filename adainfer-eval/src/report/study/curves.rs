use adainfer_core::Probe;
use adainfer_policies::TokenTrace;

use crate::{Curve, FeatureCurve, Question, Recording};

/// What pictures show, as files call it: a name, and what it is of a probe.
type Shown = (&'static str, fn(&Probe) -> Option<f32>);

const SHOWN: [Shown; 7] = [
    ("gap", |probe| Some(probe.gap())),
    ("top_prob", |probe| Some(probe.top_prob())),
    ("cos_attn", |probe| probe.cos_attn),
    ("cos_hidden", |probe| probe.cos_hidden),
    ("cos_mlp", |probe| probe.cos_mlp),
    ("kl", |probe| probe.kl),
    ("entropy", |probe| probe.entropy),
];

/// Accuracy and agreement after each layer.
pub(super) fn curve(recording: &Recording) -> Curve {
    let share = |is: &dyn Fn(&Question, &TokenTrace, &Probe) -> bool| {
        by_layer(recording, &|question, trace, probe| Some(f64::from(u8::from(is(question, trace, probe)))))
            .into_iter()
            .map(|values| spread(&values).map(|(mean, _)| mean))
            .collect()
    };
    Curve {
        model: recording.model.clone(),
        lens: recording.lens.clone(),
        task: recording.task.clone(),
        shots: recording.shots,
        n: recording.questions.len(),
        accuracy: share(&|question, _, probe| question.gold.contains(&probe.top.token)),
        agreement: share(&|_, trace, probe| probe.top.token == trace.answer()),
    }
}

/// What policies look at, after each layer.
pub(super) fn features(recording: &Recording) -> Vec<FeatureCurve> {
    let curve = |(feature, of): Shown| {
        let values = by_layer(recording, &|_, _, probe| of(probe).map(f64::from));
        let spreads: Vec<_> = values.iter().map(|values| spread(values)).collect();
        FeatureCurve {
            model: recording.model.clone(),
            lens: recording.lens.clone(),
            task: recording.task.clone(),
            shots: recording.shots,
            n: recording.questions.len(),
            feature: feature.to_owned(),
            mean: spreads.iter().map(|spread| spread.map(|(mean, _)| mean)).collect(),
            deviation: spreads.iter().map(|spread| spread.map(|(_, deviation)| deviation)).collect(),
        }
    };
    let curves = SHOWN.map(curve);
    curves.into_iter().filter(|curve| curve.mean.iter().any(Option::is_some)).collect()
}

/// The values of all questions after each layer; index 0 is layer 1.
fn by_layer(
    recording: &Recording,
    of: &dyn Fn(&Question, &TokenTrace, &Probe) -> Option<f64>,
) -> Vec<Vec<f64>> {
    let mut values = vec![Vec::new(); recording.traces.source().layers];
    for (question, trace) in recording.questions.iter().zip(recording.traces.tokens()) {
        for probe in trace.probes() {
            if let (Some(value), Some(layer)) = (of(question, trace, probe), values.get_mut(probe.layer - 1))
            {
                layer.push(value);
            }
        }
    }
    values
}

/// Mean and standard deviation, to four decimals: nobody sees more, and files stay small. Nothing of nothing.
fn spread(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let round = |x: f64| (x * 1e4).round() / 1e4;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    (!values.is_empty()).then(|| (round(mean), round(variance.sqrt())))
}

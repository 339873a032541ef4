//! A report that nobody measured, with everything in it: what is drawn and written of it can be looked at.

use adainfer_policies::Confusion;

use super::{
    Ablation, Curve, Drafts, FeatureCurve, Generalisation, Kind, ModelEntry, Report, RunEntry, Score,
    ScoreOf, TaskEntry,
};

/// The tasks; the last one's name must be escaped.
pub(crate) const TASKS: [&str; 6] = ["sst2", "ag_news", "mmlu", "commonsense_qa", "squad", "rules <&>"];
const LENSES: [&str; 2] = ["logit", "linear"];
const SHOTS: [usize; 6] = [0, 1, 2, 3, 5, 10];
/// Methods, and about which share of the layers they run.
const METHODS: [(&str, f64); 7] = [
    ("gap:0.8", 0.82),
    ("svm", 0.7),
    ("crf", 0.55),
    ("certified logistic", 0.9),
    ("optimal", 0.45),
    ("saturation", 0.65),
    ("skip-last:3", 0.9),
];
const N: usize = 200;

/// A report of nothing.
pub(crate) fn empty() -> Report {
    Report::new(7, 0.05, 0.1)
}

/// A report of two models that were run, one of them without some layers too, and of one that was not.
pub(crate) fn report() -> Report {
    let mut report = Report { models: models(), tasks: TASKS.map(task).to_vec(), ..empty() };
    for model in ["tiny", "small"] {
        for task in TASKS {
            for shots in SHOTS {
                of_prompts(&mut report, model, task, shots);
            }
            report.drafts.push(drafts(model, task));
        }
    }
    for task in TASKS {
        report.scores.extend([5, 10].map(|shots| score("tiny-22", "logit", task, shots, "dense", 0.75)));
    }
    of_other_tasks(&mut report);
    report
}

fn of_prompts(report: &mut Report, model: &str, task: &str, shots: usize) {
    report.runs.push(run(model, task, shots, 300));
    report.scores.push(score(model, "logit", task, shots, "dense", 1.0));
    for lens in LENSES {
        report.curves.push(curve(model, lens, task, shots));
        let methods = METHODS.map(|(method, share)| score(model, lens, task, shots, method, share));
        report.scores.extend(methods);
        let looks = ["gap", "top_prob", "cos_attn", "cos_hidden", "cos_mlp", "kl", "entropy"];
        report.features.extend(looks.map(|look| feature(model, lens, task, shots, look)));
        let sets = [("base", 0.74), ("six", 0.7), ("eight", 0.66), ("base + attn", 0.7)];
        report.ablation.extend(sets.map(|(features, share)| Ablation {
            features: features.to_owned(),
            score: score(model, lens, task, shots, "svm", share),
        }));
    }
}

fn of_other_tasks(report: &mut Report) {
    for (kind, share) in [(Kind::IntraTask, 0.68), (Kind::InterTask, 0.75)] {
        for (task, lens) in TASKS.iter().flat_map(|task| LENSES.map(|lens| (task, lens))) {
            report.generalisation.extend(["svm", "crf"].map(|method| Generalisation {
                kind,
                trained_on: "tiny".to_owned(),
                of: score("tiny", lens, task, 1, method, share).of,
                score: Some(score("tiny", lens, task, 1, method, share)),
                not_run: None,
            }));
        }
    }
    let (trained_on, not_run) = ("large".to_owned(), Some("its weights are not here".to_owned()));
    let of = ScoreOf { task: String::new(), ..score("tiny", "logit", "sst2", 0, "svm", 1.0).of };
    report.generalisation.push(Generalisation {
        kind: Kind::InterModel,
        trained_on,
        of,
        score: None,
        not_run,
    });
}

fn models() -> Vec<ModelEntry> {
    let model = |name: &str, layers, run: bool, pruned_from: Option<&str>| ModelEntry {
        name: name.to_owned(),
        layers: Some(layers),
        fingerprint: run.then(|| "0123456789abcdef".repeat(4)),
        hidden: 576,
        vocab: 49_152,
        pruned_from: pruned_from.map(str::to_owned),
    };
    vec![
        model("tiny", 30, true, None),
        model("tiny-22", 22, true, Some("tiny")),
        model("small", 24, true, None),
        model("large", 80, false, None),
    ]
}

fn task(name: &str) -> TaskEntry {
    TaskEntry { name: name.to_owned(), kind: "question answering".to_owned() }
}

/// Questions that were asked.
pub(crate) fn run(model: &str, task: &str, shots: usize, trained: usize) -> RunEntry {
    RunEntry {
        model: model.to_owned(),
        task: task.to_owned(),
        shots,
        shared: false,
        n: N,
        skipped: 0,
        trained,
        positions: 40.0 * (shots + 1) as f64,
        data: "fedcba9876543210".repeat(4),
    }
}

/// Something between 0 and 1 that differs from task to task.
fn easy(task: &str) -> f64 {
    let place = TASKS.iter().position(|known| *known == task).unwrap();
    1.0 - place as f64 / 8.0
}

fn layers(model: &str) -> usize {
    models().iter().find(|known| known.name == model).and_then(|known| known.layers).unwrap()
}

fn score(model: &str, lens: &str, task: &str, shots: usize, method: &str, share: f64) -> Score {
    let of = ScoreOf {
        model: model.to_owned(),
        lens: lens.to_owned(),
        task: task.to_owned(),
        shots,
        method: method.to_owned(),
    };
    let exits = (easy(task) * 1000.0) as usize;
    let confusion = Confusion {
        true_exits: exits,
        false_exits: exits / 8,
        missed_exits: 150,
        true_continues: layers(model) * N - exits,
    };
    let accuracy = 0.9 * easy(task) * share.sqrt() + shots as f64 / 200.0;
    Score {
        accuracy,
        accuracy_interval: (accuracy - 0.03, accuracy + 0.03),
        mean_layers: share * layers(model) as f64 + 2.0 * easy(task) - 2.0,
        flops_ratio: share + 0.02 * easy(task) * (1.0 - share),
        n: N,
        ..Score::new(of, &models()[0], &[], (method == "svm").then_some(confusion))
    }
}

/// What each layer would answer.
pub(crate) fn curve(model: &str, lens: &str, task: &str, shots: usize) -> Curve {
    let depth = layers(model);
    let rising = |layer: usize| {
        let at = layer as f64 / depth as f64;
        let steep = if lens == "linear" { 6.0 } else { 12.0 };
        // The linear lens has no look at the first layer.
        (lens == "logit" || layer > 1)
            .then(|| easy(task) * (0.7 + 0.05 * shots.min(5) as f64) / (1.0 + (steep * (0.6 - at)).exp()))
    };
    Curve {
        model: model.to_owned(),
        lens: lens.to_owned(),
        task: task.to_owned(),
        shots,
        n: N,
        accuracy: (1..=depth).map(rising).collect(),
        agreement: (1..=depth).map(|layer| Some(layer as f64 / depth as f64)).collect(),
    }
}

fn feature(model: &str, lens: &str, task: &str, shots: usize, feature: &str) -> FeatureCurve {
    let depth = layers(model);
    let mean = |layer: usize| {
        let at = layer as f64 / depth as f64;
        let value = match feature {
            "kl" => 3.0 * (1.0 - at) * easy(task),
            "entropy" => 9.0 - 8.0 * at * easy(task),
            "gap" => 0.8 * easy(task) * at.powi(3),
            "top_prob" => 0.1 + 0.8 * easy(task) * at.powi(3),
            _ => 0.6 + 0.3 * at * easy(task),
        };
        (layer > 1 || feature == "gap").then_some(value)
    };
    FeatureCurve {
        model: model.to_owned(),
        lens: lens.to_owned(),
        task: task.to_owned(),
        shots,
        n: N,
        feature: feature.to_owned(),
        mean: (1..=depth).map(mean).collect(),
        deviation: (1..=depth).map(|layer| mean(layer).map(|mean| 0.15 * mean)).collect(),
    }
}

fn drafts(model: &str, task: &str) -> Drafts {
    Drafts {
        model: model.to_owned(),
        draft_layers: 22,
        task: task.to_owned(),
        shots: 5,
        n: N,
        accepted: 0.8 * easy(task),
        accepted_interval: (0.5, 0.9),
        accuracy: 0.9 * easy(task),
        flops_ratio: 1.73,
    }
}

use super::super::{TaskEntry, testing};
use super::*;

/// The most bytes of a picture: a page holds two dozen.
const BYTES: usize = 120_000;

#[test]
fn every_figure_of_the_paper_is_drawn() {
    let names: Vec<_> = testing::report().figures().unwrap().into_iter().map(|figure| figure.name).collect();
    let by_lens = ["figure-1", "figure-3", "figure-4", "figure-5", "figure-6b"];
    let by_lens = by_lens.iter().flat_map(|base| ["logit", "linear"].map(|lens| format!("{base}-{lens}")));
    for base in by_lens.chain(["figure-6d".to_owned()]) {
        assert!(names.contains(&base) && names.contains(&format!("{base}-2")), "{base}: {names:?}");
    }
    assert!(names.contains(&"figure-6a".to_owned()) && names.contains(&"figure-6c".to_owned()), "{names:?}");
    assert_eq!(names.len(), 24, "{names:?}");
}

#[test]
fn pictures_are_small_and_whole_and_say_what_their_axes_are() {
    for Figure { name, caption, svg, .. } in testing::report().figures().unwrap() {
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
        assert!(svg.len() < BYTES, "{name}: {} bytes", svg.len());
        assert!(!svg.contains("NaN") && !svg.contains("<&>"), "{name}");
        assert!(caption.contains("n = 200 questions"), "{name}: {caption}");
        for axis in axes_of(&name) {
            assert!(svg.contains(&format!(">\n{axis}\n")), "{name} has no axis {axis}");
        }
    }
}

fn axes_of(name: &str) -> &'static [&'static str] {
    match name.get(..9) {
        Some("figure-1-") => &["layer", "accuracy (share)"],
        Some("figure-3-") => &["layer", "probability", "KL divergence (nats)", "cosine to the layer before"],
        Some("figure-4-") => &["what the policy did", "exit"],
        Some("figure-5-") => &["task", "mean layers run"],
        Some("figure-6a" | "figure-6b" | "figure-6d") => &["operations (% of dense)", "accuracy (share)"],
        Some("figure-6c") => &["trained on", "accuracy (share)", "mean layers run"],
        _ => panic!("{name} is not a figure of the paper"),
    }
}

#[test]
fn the_same_report_is_drawn_the_same() {
    let report = testing::report();
    assert_eq!(report.figures().unwrap(), report.figures().unwrap());
}

#[test]
fn nothing_is_drawn_of_nothing() {
    assert_eq!(testing::empty().figures().unwrap(), []);
    let Report { models, tasks, .. } = testing::report();
    assert_eq!(Report { models, tasks, ..testing::empty() }.figures().unwrap(), []);
}

#[test]
fn what_was_not_run_is_said() {
    let report = testing::report();
    let of = |report: &Report| {
        let figures = report.figures().unwrap();
        let svg = figures.iter().find(|figure| figure.name == "figure-6c").map(|figure| figure.svg.clone());
        svg.unwrap().matches("not run").count()
    };
    // One of three groups, in both panels.
    assert_eq!(of(&report), 2);
    let generalisation =
        report.generalisation.iter().filter(|tried| tried.score.is_none()).cloned().collect();
    assert_eq!(of(&Report { generalisation, ..report }), 6);
}

#[test]
fn numbers_that_are_none_are_left_out() {
    let mut report = testing::report();
    for score in &mut report.scores {
        (score.accuracy, score.mean_layers, score.flops_ratio) = (f64::NAN, f64::INFINITY, f64::NAN);
    }
    report.scores.iter_mut().for_each(|score| score.confusion = None);
    report.ablation.iter_mut().for_each(|ablation| ablation.score.mean_layers = f64::NAN);
    report.curves.iter_mut().for_each(|curve| curve.accuracy = vec![None, Some(f64::NAN)]);
    for curve in &mut report.features {
        (curve.mean, curve.deviation) = (vec![Some(0.5), Some(f64::NAN)], Vec::new());
    }
    report.models.iter_mut().for_each(|model| model.layers = None);
    let figures = report.figures().unwrap();
    assert!(figures.iter().all(|figure| !figure.svg.contains("NaN") && !figure.svg.contains("inf")));
    let names: Vec<_> = figures.iter().map(|figure| figure.name.as_str()).collect();
    assert!(names.contains(&"figure-3-logit") && names.contains(&"figure-6d"), "{names:?}");
    assert!(!names.contains(&"figure-1-logit") && !names.contains(&"figure-5-logit"), "{names:?}");
}

#[test]
fn deep_models_and_many_tasks_are_drawn_too() {
    let mut report = testing::report();
    for curve in &mut report.features {
        (curve.mean, curve.deviation) = (vec![Some(0.5); 300], vec![Some(0.1); 300]);
    }
    let name = |place: usize| format!("a task with a long name {place}");
    let tasks = (0..30).map(|place| TaskEntry { name: name(place), kind: String::new() });
    report.tasks.extend(tasks);
    for figure in report.figures().unwrap() {
        assert!(figure.svg.len() < BYTES, "{}: {} bytes", figure.name, figure.svg.len());
    }
}

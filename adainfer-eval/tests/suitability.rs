//! Reports on made-up traces.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::ops::Range;

use adainfer_core::ModelSpec;
use adainfer_core::testing::scripted_probe;
use adainfer_eval::{LensTraces, Suitability, SuitabilityError, SuitabilityParams};
use adainfer_policies::{Calibration, CostModel, Risk, RunCost, TokenTrace, TraceSet, TraceSource};

const LAYERS: usize = 12;

/// Prompts whose answer, token 1, settles after a layer from `settles` on; a look costs `look` layers.
fn lens(name: &str, prompts: usize, settles: usize, look: f64) -> LensTraces {
    let fingerprint = format!("a model through {name}");
    let cost = RunCost { positions: 100, base: 0.0, layer: 0.01, look: 0.01 * look };
    let costs = CostModel::new(fingerprint, "a device", vec![cost]).unwrap();
    LensTraces::new(name, traces(name, 0..prompts, settles), costs)
}

fn traces(name: &str, prompts: Range<usize>, settles: usize) -> TraceSet {
    let fingerprint = format!("a model through {name}");
    let model = ModelSpec::new(LAYERS, 8, 64, fingerprint.as_str());
    let mut traces = TraceSet::new(TraceSource::new(&model, name));
    for i in prompts {
        let own = (settles + i * 7 % 4).min(LAYERS);
        let probe = |layer| {
            let noise = (i * 31 + layer * 17) % 13;
            let (token, gap) =
                if layer < own { (4, 0.1 + 0.02 * noise as f32) } else { (1, 0.6 + 0.02 * noise as f32) };
            let mut probe = scripted_probe(token, gap);
            probe.layer = layer;
            probe
        };
        let gold = Some(u32::from(i % 3 > 0));
        traces
            .push(
                TokenTrace::new(format!("prompt {i}"), LAYERS, (1..=LAYERS).map(probe).collect(), gold)
                    .unwrap(),
            )
            .unwrap();
    }
    traces
}

fn assess(lenses: &[LensTraces]) -> Result<Suitability, SuitabilityError> {
    SuitabilityParams::new(Calibration::new(0.05, 0.05).unwrap()).seed(3).assess(lenses)
}

#[test]
fn the_lens_that_saves_most_is_advised() {
    let report = assess(&[lens("logit", 400, 11, 0.3), lens("linear", 400, 5, 0.01)]).unwrap();
    assert_eq!((report.prompts, report.layers), ([160, 160, 80], LAYERS));
    let best = report.best().unwrap();
    assert_eq!(best.lens, "linear");
    assert!(best.measured.mean_layers < 8.5 && best.measured.speed_up > 1.3, "{:?}", best.measured);
    assert!(best.measured.agreement.low <= best.measured.agreement.share);
    assert!((best.measured.accuracy.unwrap().share - 2.0 / 3.0).abs() < 0.15);
    assert!(
        report.advice.is_worth_it && report.advice.text.starts_with("Yes: through the linear lens"),
        "{}",
        report.advice
    );
    let linear = &report.lenses[1];
    assert_eq!(linear.agreement.len(), LAYERS);
    assert_eq!((linear.agreement[3].agreement.share, linear.agreement[3].settled), (0.0, 0.0));
    assert_eq!((linear.agreement[4].agreement.share, linear.agreement[4].settled), (0.25, 0.25));
    assert_eq!((linear.mean_optimal_layer, linear.mean_saturation_layer), (6.5, 6.5));
}

#[test]
fn prompts_to_report_on_may_be_given_apart() {
    let apart = || lens("linear", 200, 5, 0.01).reported(traces("linear", 500..590, 8));
    let report = assess(&[apart()]).unwrap();
    assert_eq!((report.prompts, report.lenses[0].measured.tokens), ([80, 120, 90], 90));
    // They settle three layers later.
    assert_eq!(report.lenses[0].agreement[4].agreement.share, 0.0);
    assert!((report.lenses[0].mean_saturation_layer - 9.5).abs() < 0.1);
    let error = assess(&[lens("linear", 200, 5, 0.01).reported(traces("linear", 199..250, 5))]).unwrap_err();
    assert!(error.to_string().contains("\"prompt 199\" is among"), "{error}");
    assert!(matches!(
        assess(&[apart(), lens("logit", 200, 5, 0.1)]),
        Err(SuitabilityError::OtherPrompts { .. })
    ));
}

#[test]
fn the_table_the_json_and_the_picture_say_the_same() {
    let report = assess(&[lens("logit", 400, 11, 0.3), lens("linear", 400, 5, 0.01)]).unwrap();
    let table = report.to_string();
    assert!(table.contains("160 prompts planned with, 160 calibrated on, 80 reported on"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("    5") && line.contains("0.250")), "{table}");
    assert!(table.contains('*') && table.ends_with(&format!("{}\n", report.advice)));
    let json = report.to_json().unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["lenses"][1]["lens"], "linear");
    assert_eq!(value["lenses"][1]["measured"]["mean_layers"], report.lenses[1].measured.mean_layers);
    assert_eq!(value["advice"]["is_worth_it"], true);
    assert!(value["lenses"][1]["certificate"]["threshold"].is_number());
    let svg = report.to_svg().unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for part in [
        "What each layer would answer",
        "linear: agrees from here on",
        "logit: agrees with the last layer",
        "polyline",
        "polygon",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    assert_eq!(assess(&[lens("logit", 400, 11, 0.3), lens("linear", 400, 5, 0.01)]).unwrap(), report);
}

#[test]
fn the_advice_may_be_no() {
    // It settles at the very end.
    let report = assess(&[lens("logit", 400, 12, 0.3)]).unwrap();
    assert!(report.lenses[0].plan.is_dense() && report.best().is_none());
    assert_eq!((report.lenses[0].measured.speed_up, report.lenses[0].measured.agreement.share), (1.0, 1.0));
    assert!(report.advice.text.starts_with("No: run all layers. No schedule"), "{}", report.advice);
    assert!(!report.advice.is_worth_it && report.to_string().contains("none: dense"));
    // A look costs more than all that it could save.
    assert!(!assess(&[lens("logit", 400, 9, 9.0)]).unwrap().advice.is_worth_it);
    // Too few to certify anything.
    let few = SuitabilityParams::new(Calibration::new(0.02, 0.05).unwrap());
    let report = few.assess(&[lens("linear", 120, 5, 0.01)]).unwrap();
    assert!(!report.advice.is_worth_it, "{}", report.advice);
}

#[test]
fn the_advice_says_what_is_bounded() {
    // A third of the gold tokens is not what the model says.
    let wrong = Calibration::new(0.5, 0.05).unwrap().risk(Risk::WrongAnswer);
    let report = SuitabilityParams::new(wrong).assess(&[lens("linear", 400, 5, 0.01)]).unwrap();
    assert!(report.advice.text.contains("at most 50.0 % of the answers are wrong"), "{}", report.advice);
}

#[test]
fn what_cannot_be_reported_on_is_refused() {
    assert!(matches!(assess(&[]), Err(SuitabilityError::NoTraces)));
    assert!(matches!(
        assess(&[lens("logit", 99, 5, 0.1)]),
        Err(SuitabilityError::TooFewPrompts { found: 99, needed: 100 })
    ));
    let error = assess(&[lens("logit", 200, 5, 0.1), lens("linear", 201, 5, 0.1)]).unwrap_err();
    assert!(error.to_string().contains("linear are of other prompts than those of logit"), "{error}");
    let mut wrong = lens("logit", 200, 5, 0.1);
    wrong.costs = lens("linear", 200, 5, 0.1).costs;
    assert!(matches!(assess(&[wrong]), Err(SuitabilityError::Plan(_))));
}

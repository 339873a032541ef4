//! Plans: where to look.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use adainfer_core::testing::ScriptedModel;
use adainfer_core::{EarlyExit, Extras, RunError};
use adainfer_policies::{
    Calibration, CostModel, CostParams, Fit, FitError, GapThreshold, LogisticParams, LogisticPolicy,
    MeasureError, Plan, PlanError, Planner, Replay, Risk, RunCost, SavedPolicy, TokenTrace, TraceSet,
};
use support::{LAYERS, model, traces};

fn costs(look: f64) -> CostModel {
    let run = |positions| RunCost { positions, base: 0.5, layer: 1.0, look };
    CostModel::new("made up", "a device", vec![run(20), run(40)]).unwrap()
}

fn logistic(traces: &TraceSet) -> Result<LogisticPolicy, FitError> {
    Ok(LogisticParams::default().fit(traces)?.0)
}

fn plan(look: f64, epsilon: f64) -> Plan {
    let calibration = Calibration::new(epsilon, 0.1).unwrap();
    Planner::new(costs(look), calibration).plan(&traces(0, 300), logistic).unwrap()
}

#[test]
fn what_looks_cost_decides_how_many_there_are() {
    let (cheap, dear, too_dear) = (plan(0.001, 0.2), plan(0.4, 0.2), plan(20.0, 0.02));
    assert!(cheap.layers.len() > dear.layers.len(), "{:?} {:?}", cheap.layers, dear.layers);
    assert!(!dear.is_dense() && dear.speed_up() > 1.02 && cheap.speed_up() > dear.speed_up());
    assert!(too_dear.is_dense() && too_dear.expected == too_dear.dense && too_dear.speed_up() == 1.0);
    assert_eq!(too_dear.dense.seconds, 0.5 + 8.0 + 20.0);
}

#[test]
fn where_nothing_can_be_certified_the_plan_is_dense() {
    assert!(plan(0.001, 0.001).is_dense());
}

#[test]
fn a_plan_keeps_what_it_promises_on_other_prompts() {
    let plan = plan(0.05, 0.2);
    let looks = |traces: TraceSet| traces.at_layers(plan.layers.iter().copied());
    let policy = logistic(&looks(traces(0, 300))).unwrap();
    let certified = Calibration::new(0.2, 0.1).unwrap().calibrate(&policy, &looks(traces(300, 300))).unwrap();
    let found = Replay::new(&certified, &looks(traces(600, 600)));
    assert!(found.agreement > 0.8, "{found:?}");
    let seconds = plan.costs.seconds(found.mean_layers, found.mean_heads);
    assert!((seconds / plan.expected.seconds - 1.0).abs() < 0.15, "{seconds} {:?}", plan.expected);
}

#[test]
fn the_schedule_is_part_of_what_a_policy_is_bound_to() {
    let plan = plan(0.4, 0.2);
    let looks = |traces: TraceSet| traces.at_layers(plan.layers.iter().copied());
    let calibration = Calibration::new(0.2, 0.1).unwrap();
    let certified = calibration.calibrate(&GapThreshold::default(), &looks(traces(300, 300))).unwrap();
    let mut file = Vec::new();
    SavedPolicy::from(certified).write(&mut file).unwrap();
    let saved = SavedPolicy::read(file.as_slice()).unwrap();
    assert_eq!(saved.certificate().unwrap().layers, plan.layers);
    // A gap has no layers of its own: it is the certificate that says where it looks.
    let all = traces(0, 50);
    let (found, wanted) = (Replay::new(&saved, &all), Replay::new(&saved, &looks(all.clone())));
    assert_eq!((found.mean_layers, found.mean_heads), (wanted.mean_layers, wanted.mean_heads));
    let policy = logistic(&looks(traces(0, 300))).unwrap();
    let error = calibration.calibrate(&policy, &traces(300, 300).at_layers([1])).unwrap_err();
    assert!(error.to_string().contains("no probe of it"), "{error}");
}

#[test]
fn the_same_measurements_give_the_same_plan_and_its_file_says_all_of_it() {
    let (one, other) = (plan(0.4, 0.2), plan(0.4, 0.2));
    assert_eq!(one, other);
    let mut file = Vec::new();
    one.write(&mut file).unwrap();
    assert_eq!(Plan::read(file.as_slice()).unwrap(), one);
    let folder = std::env::temp_dir().join(format!("adainfer-plan-{}", std::process::id()));
    one.save(&folder).unwrap();
    assert_eq!(Plan::load(&folder).unwrap(), one);
    std::fs::remove_file(&folder).unwrap();
    assert!(matches!(one.save("no/such/folder"), Err(PlanError::Io(_))));
}

#[test]
fn a_file_of_version_1_is_read() {
    let text = include_str!("fixtures/plan-v1.json");
    let plan = Plan::read(text.as_bytes()).unwrap();
    assert_eq!((plan.layers.as_slice(), plan.risk, plan.prompts), (&[3, 5][..], Risk::Disagreement, 300));
    assert_eq!(plan.costs, costs(0.4));
    let mut again = Vec::new();
    plan.write(&mut again).unwrap();
    assert_eq!(String::from_utf8(again).unwrap(), text);
}

#[test]
fn files_that_are_no_plans_are_errors_that_name_the_field() {
    let text = include_str!("fixtures/plan-v1.json");
    let read = |text: &str| Plan::read(text.as_bytes()).unwrap_err().to_string();
    assert!(read(&text.replace("\"adainfer_plan\": 1", "\"adainfer_plan\": 3")).contains("version 3"));
    assert!(read(&text.replace("\"prompts\": 300", "\"prompts\": -1")).contains("plan.prompts"));
    assert!(read(&text.replace("\"look\": 0.4", "\"look\": -0.4")).contains("plan.costs"));
    assert!(read(&text.replace("\"seed\"", "\"sead\"")).contains("plan"));
    assert_eq!(read(&text.replacen("      3,", "      5,", 1)), "the plan has layer 5 after layer 5");
    assert!(read(&text[..text.len() / 2]).contains("field"));
    let long = vec![b' '; Plan::LIMIT as usize + 1];
    assert!(matches!(Plan::read(long.as_slice()), Err(PlanError::TooLong { .. })));
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let calibration = Calibration::new(0.2, 0.1).unwrap();
    let planner = Planner::new(costs(0.1), calibration.clone());
    assert!(matches!(
        planner.plan(&traces(0, 39), logistic),
        Err(PlanError::TooFewPrompts { found: 39, needed: 40 })
    ));
    let other = CostModel::new("another", "d", costs(0.1).runs().to_vec()).unwrap();
    let error = Planner::new(other, calibration).plan(&traces(0, 100), logistic).unwrap_err();
    assert!(matches!(error, PlanError::OtherModel(_)), "{error}");
    let mut mixed = traces(0, 100);
    let trace = traces(100, 1).at_layers([2]).tokens()[0].clone();
    mixed.push(trace).unwrap();
    assert!(matches!(planner.plan(&mixed, logistic), Err(PlanError::OtherLayers { .. })));
    let failing = |_: &TraceSet| Err::<GapThreshold, _>(FitError::NoRows);
    assert!(matches!(planner.plan(&traces(0, 100), failing), Err(PlanError::Fit(FitError::NoRows))));
    // With nothing to look after, dense is all there is.
    assert!(planner.plan(&traces(0, 100).at_layers([]), logistic).unwrap().is_dense());
}

/// With the first look at which the answer is always there.
fn always_right() -> TraceSet {
    let mut set = TraceSet::new(traces(0, 1).source().clone());
    for trace in traces(0, 200).tokens() {
        let mut probes = trace.probes().to_vec();
        probes[4..].iter_mut().for_each(|probe| probe.top.token = 1);
        set.push(TokenTrace::new(trace.prompt(), LAYERS, probes, Some(1)).unwrap()).unwrap();
    }
    set
}

#[test]
fn a_lens_that_is_always_right_is_used() {
    let calibration = Calibration::new(0.05, 0.05).unwrap();
    let plan =
        |traces: &TraceSet| Planner::new(costs(0.4), calibration.clone()).plan(traces, logistic).unwrap();
    assert!(plan(&always_right()).layers.contains(&5));
    // Also where there is no other look to learn from.
    let only = always_right().at_layers([5]);
    assert_eq!(plan(&only).layers, [5]);
    let (training, rest) = only.split(0.5, 0);
    let certified = calibration.calibrate(&logistic(&training).unwrap(), &rest).unwrap();
    assert_eq!(Replay::new(&certified, &rest).mean_layers, 5.0);
}

#[test]
fn costs_are_measured_through_any_lens() {
    for model in [
        ScriptedModel::with_gaps(&[0.5; 6]),
        ScriptedModel::with_gaps(&[0.5; 6]).lens_after(&[5]),
        ScriptedModel::with_gaps(&[0.5; 6]).lens_after(&[]),
        ScriptedModel::with_gaps(&[0.5]),
    ] {
        let costs = CostParams::default()
            .extras(Extras::ALL)
            .rounds(3)
            .measure(&model, "d", &[vec![1, 2, 3]])
            .unwrap();
        let run = costs.runs()[0];
        assert!(costs.device() == "d" && run.positions == 3 && run.seconds(6.0, 1.0) < 1.0, "{run:?}");
    }
    let model = ScriptedModel::with_gaps(&[0.5; 6]);
    let measure = |prompts: &[Vec<u32>]| CostParams::default().measure(&model, "d", prompts).unwrap_err();
    let after = CostParams::default().prefix([1, 2, 3]);
    assert_eq!(after.measure(&model, "d", &[vec![4, 5]]).unwrap().runs()[0].positions, 2);
    let long = CostParams::default().prefix(vec![1; 63]).measure(&model, "d", &[vec![1; 2]]);
    assert!(matches!(long, Err(MeasureError::Run(RunError::TooLong { needed: 65, max: 64 }))));
    assert!(matches!(measure(&[vec![]]), MeasureError::Run(RunError::EmptyPrompt)));
    assert!(matches!(measure(&[vec![99]]), MeasureError::Run(RunError::TokenOutOfRange { .. })));
    assert!(matches!(measure(&[]), MeasureError::Costs(PlanError::NoCosts)));
}

/// The same prompts, whose answer is right by what an oracle says and not by the last layer.
fn with_gold(traces: &TraceSet, gold: impl Fn(&TokenTrace) -> Option<u32>) -> TraceSet {
    let mut set = TraceSet::new(traces.source().clone());
    for trace in traces.tokens() {
        set.push(trace.clone().with_gold(gold(trace))).unwrap();
    }
    set
}

#[test]
fn wrong_answers_are_counted_with_and_without_an_exit() {
    // What the last layer says is wrong for every fifth prompt.
    let set = |first| {
        with_gold(&traces(first, 400), |trace| {
            let number: u32 = trace.prompt().trim_start_matches("prompt ").parse().unwrap();
            Some(if number.is_multiple_of(5) { 40 } else { 1 })
        })
    };
    let certify = |epsilon| {
        let calibration = Calibration::new(epsilon, 0.05).unwrap().risk(Risk::WrongAnswer);
        calibration.calibrate(&GapThreshold::default(), &set(0)).unwrap()
    };
    assert!(certify(0.15).policy().is_none(), "dense alone is wrong more often");
    let certified = certify(0.4);
    let found = Replay::new(&certified, &set(1000));
    assert!(found.accuracy.unwrap() > 0.6 && found.mean_layers < LAYERS as f64, "{found:?}");
    assert!(certified.certificate().k >= 80.0, "a fifth is wrong whatever exits");
    let unknown = with_gold(&traces(0, 100), |_| None);
    let error = Calibration::new(0.3, 0.05).unwrap().risk(Risk::WrongAnswer);
    let error = error.calibrate(&GapThreshold::default(), &unknown).unwrap_err();
    assert!(error.to_string().contains("without a gold token"), "{error}");
    // Judged by dense's own tokens, it is the share of changed answers.
    let dense = with_gold(&traces(0, 400), |trace| Some(trace.answer()));
    let by =
        |risk| Calibration::new(0.2, 0.05).unwrap().risk(risk).calibrate(&GapThreshold::default(), &dense);
    let (one, other) = (by(Risk::WrongAnswer).unwrap(), by(Risk::Disagreement).unwrap());
    assert_eq!(one.certificate().threshold, other.certificate().threshold);
    assert!(
        EarlyExit::new(ScriptedModel::with_gaps(&[0.5; LAYERS]), one).is_err(),
        "bound to {}",
        model().fingerprint
    );
}

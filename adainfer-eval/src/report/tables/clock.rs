use super::Table;
use super::cells::{NOT_RUN, cells, percent};
use crate::{Clock, Report};

/// The paper's table 3: dense and early exit by the clock.
pub(super) fn table(report: &Report) -> Table {
    let header = cells(&[
        "task",
        "model",
        "method",
        "lens",
        "n",
        "dense, s",
        "early exit, s",
        "speed-up",
        "possible",
        "layers",
        "agreement, %",
    ]);
    let mut rows: Vec<_> = report.clock.iter().map(|clock| row(report, clock)).collect();
    for model in report.whole_models().filter(|model| report.clock.iter().all(|c| c.model != model.name)) {
        let mut row = vec![NOT_RUN.to_owned(); header.len()];
        row[1].clone_from(&model.name);
        rows.push(row);
    }
    let shots = report.clock.first().map_or(0, |clock| clock.shots);
    let device = report.clock.first().map_or("no device", |clock| &clock.device);
    let note = format!(
        "Seconds for all n questions with {shots} demonstrations each, dense and early exit in turns on {device}; the prompt is \
         run anew for each. \"Possible\" is what the layers that were not run would save if looking cost nothing."
    );
    Table {
        name: "table-3".to_owned(),
        title: "Table 3: by the clock".to_owned(),
        header,
        labels: 4,
        rows,
        note,
    }
}

fn row(report: &Report, clock: &Clock) -> Vec<String> {
    let layers = report.models.iter().find(|model| model.name == clock.model).and_then(|model| model.layers);
    let possible = layers.map_or(f64::NAN, |layers| layers as f64 / clock.mean_layers);
    let seconds = |mean: f64| format!("{:.2}", mean * clock.n as f64);
    vec![
        clock.task.clone(),
        clock.model.clone(),
        clock.method.clone(),
        clock.lens.clone(),
        clock.n.to_string(),
        seconds(clock.dense_s),
        seconds(clock.early_s),
        format!("{:.2}", clock.speedup),
        format!("{possible:.2}"),
        format!("{:.2}", clock.mean_layers),
        percent(clock.agreement),
    ]
}

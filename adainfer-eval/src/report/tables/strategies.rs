use super::Table;
use super::cells::{NOT_RUN, Way, cells, listed};
use crate::{ModelEntry, Report};

/// The paper's table 4: the gap rule and the CRF beside the SVM.
pub(super) fn table(report: &Report) -> Table {
    let mut header = cells(&["model", "strategy"]);
    for task in &report.tasks {
        header.extend([format!("{}, %", task.name), "FLOPs, %".to_owned(), "layers (var.)".to_owned()]);
    }
    let shots = report.few_shots();
    let rows = report.rows_of(header.len(), |model| {
        ways(report, &model.name).iter().map(|way| row(report, model, way, &shots)).collect()
    });
    let note = format!(
        "Means over {} demonstrations. FLOPs beside dense's: of the layers and heads that were run, and in brackets by the \
         paper's count.",
        listed(&shots)
    );
    Table {
        name: "table-4".to_owned(),
        title: "Table 4: exit strategies".to_owned(),
        header,
        labels: 2,
        rows,
        note,
    }
}

fn ways(report: &Report, model: &str) -> Vec<Way> {
    let mut ways = vec![Way::new("dense", "dense", "logit")];
    for lens in report.lenses_of(model) {
        for method in ["gap:0.8", "crf", "svm", "certified gap", "certified logistic"] {
            ways.push(Way::new(&format!("{method}, {lens} lens"), method, &lens));
        }
    }
    ways
}

fn row(report: &Report, model: &ModelEntry, way: &Way, shots: &[usize]) -> Vec<String> {
    let mut row = vec![model.name.clone(), way.title.clone()];
    for task in &report.tasks {
        match report.mean(&model.name, way, &task.name, shots) {
            Some(mean) => row.extend([mean.accuracy(), mean.flops(), mean.layers()]),
            None => row.extend(vec![NOT_RUN.to_owned(); 3]),
        }
    }
    row
}

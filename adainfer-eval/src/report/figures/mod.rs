//! The paper's figures, of a report's numbers.

mod axis;
mod bars;
mod cells;
mod colours;
mod confused;
mod drafted;
mod generalised;
mod legend;
mod lines;
mod looks;
mod measure;
mod oracle;
mod points;
mod shape;
mod sheet;
mod stopped;
mod strategies;
mod tradeoff;
mod view;
mod words;

use view::View;

use super::{Report, ReportError};

/// A picture of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// A name for files: `figure-1-logit`.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// What must be known to read it: what its axes are, of how many questions it is.
    pub caption: String,
    /// The picture, as SVG.
    pub svg: String,
}

/// Draws a figure of a model and a lens, where there is something to draw.
type Draw = fn(&View<'_>, &str) -> Result<Option<Figure>, ReportError>;

impl Report {
    /// The paper's figures, those that there are numbers for: some for each lens, and with `-2` and so on in their names
    /// for further models.
    ///
    /// # Errors
    /// [`ReportError::Plot`].
    pub fn figures(&self) -> Result<Vec<Figure>, ReportError> {
        let mut figures = Vec::new();
        let by_lens: [(&str, Draw); 4] = [
            ("figure-1", stopped::figure),
            ("figure-3", looks::figure),
            ("figure-4", confused::figure),
            ("figure-5", oracle::figure),
        ];
        for (base, draw) in by_lens {
            figures.extend(through_lenses(self, base, draw)?);
        }
        let lens = best_lens(self);
        figures.extend(tradeoff::figure(self, "figure-6a", lens)?);
        figures.extend(through_lenses(self, "figure-6b", strategies::figure)?);
        figures.extend(of_models(self, "figure-6c", lens, generalised::figure)?);
        figures.extend(of_models(self, "figure-6d", lens, drafted::figure)?);
        Ok(figures)
    }
}

fn through_lenses(report: &Report, base: &str, draw: Draw) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for lens in lenses(report) {
        // Names become files' names.
        let lens_name = lens.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        figures.extend(of_models(report, &format!("{base}-{lens_name}"), lens, draw)?);
    }
    Ok(figures)
}

/// One figure a whole model that was run.
fn of_models(report: &Report, base: &str, lens: &str, draw: Draw) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    let is_whole_and_run =
        |model: &&crate::ModelEntry| model.fingerprint.is_some() && model.pruned_from.is_none();
    for model in report.models.iter().filter(is_whole_and_run) {
        let name = match figures.len() {
            0 => base.to_owned(),
            drawn => format!("{base}-{}", drawn + 1),
        };
        figures.extend(draw(&View { report, model, lens }, &name)?);
    }
    Ok(figures)
}

/// The lenses that something was seen through, in the order in which they come.
fn lenses(report: &Report) -> Vec<&str> {
    let scored = report.scores.iter().map(|score| &score.of.lens);
    let all = report.curves.iter().map(|curve| &curve.lens);
    let all = all.chain(report.features.iter().map(|curve| &curve.lens)).chain(scored);
    let mut found: Vec<&str> = Vec::new();
    for lens in all {
        if !found.contains(&lens.as_str()) {
            found.push(lens);
        }
    }
    found
}

/// The lens of what is shown through one alone: the linear one where there is one, else the first.
fn best_lens(report: &Report) -> &str {
    let lenses = lenses(report);
    lenses.iter().find(|lens| **lens == "linear").or(lenses.first()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;

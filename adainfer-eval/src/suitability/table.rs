use std::fmt;

use super::{LensSuitability, Share, Suitability};

impl fmt::Display for Suitability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [planned, calibrated, reported] = self.prompts;
        writeln!(f, "{planned} prompts planned with, {calibrated} calibrated on, {reported} reported on\n")?;
        self.layer_table(f)?;
        writeln!(f)?;
        self.lens_table(f)?;
        writeln!(f, "\n{}", self.advice)
    }
}

impl Suitability {
    /// One line a layer: through each lens, agreement with the last layer, and what has settled.
    fn layer_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layer")?;
        for lens in &self.lenses {
            write!(f, "  {:>14} {:>8}", lens.lens, "settled")?;
        }
        writeln!(f, "   (agreement with the last layer; * a look of the plan)")?;
        for layer in 1..=self.layers {
            write!(f, "{layer:5}")?;
            for lens in &self.lenses {
                let mark = if lens.plan.layers.contains(&layer) { '*' } else { ' ' };
                match lens.agreement.iter().find(|row| row.layer == layer) {
                    Some(row) => write!(f, "  {:>13.3}{mark} {:8.3}", row.agreement.share, row.settled)?,
                    None => write!(f, "  {:>13}{mark} {:>8}", "-", "-")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }

    /// One line a number, one column a lens.
    fn lens_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        type Cell = fn(&LensSuitability) -> String;
        let rows: [(&str, Cell); 11] = [
            ("", |lens| lens.lens.clone()),
            ("first right after layer", |lens| format!("{:.2}", lens.mean_optimal_layer)),
            ("settled after layer", |lens| format!("{:.2}", lens.mean_saturation_layer)),
            ("a look costs, in layers", |lens| format!("{:.3}", lens.plan.costs.look_in_layers())),
            ("looks of the plan", |lens| match lens.plan.layers.len() {
                0 => "none: dense".to_owned(),
                looks => looks.to_string(),
            }),
            ("certified threshold", |lens| match lens.certificate.as_ref().map(|c| c.threshold) {
                Some(Some(threshold)) => format!("{threshold:.2}"),
                Some(None) => "none".to_owned(),
                None => "-".to_owned(),
            }),
            ("agreement", |lens| share(lens.measured.agreement)),
            ("accuracy", |lens| lens.measured.accuracy.map_or_else(|| "-".to_owned(), share)),
            ("mean layers", |lens| format!("{:.2}", lens.measured.mean_layers)),
            ("pruned", |lens| format!("{:.1} %", 100.0 * lens.measured.pruning_ratio)),
            ("expected speed-up", |lens| format!("{:.2}", lens.measured.speed_up)),
        ];
        for (name, cell) in rows {
            write!(f, "{name:24}")?;
            for lens in &self.lenses {
                write!(f, " {:>23}", cell(lens))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn share(Share { share, low, high }: Share) -> String {
    format!("{share:.3} [{low:.3}, {high:.3}]")
}

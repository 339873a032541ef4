use std::fmt;

use adainfer_policies::Risk;
use serde::Serialize;

use super::LensSuitability;
use super::params::CALIBRATED;

/// Less than this, and a user will not notice.
const NOTICEABLE: f64 = 1.05;

/// What to do, in a sentence or two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// Whether early exit is expected to save time worth having.
    pub is_worth_it: bool,
    /// Why, and how.
    pub text: String,
}

impl Advice {
    /// From what each lens gives, and the prompts that planned, calibrated and reported.
    pub(super) fn on(lenses: &[LensSuitability], prompts: [usize; 3]) -> Self {
        let exits = lenses.iter().filter(|lens| lens.exits());
        match exits.min_by(|a, b| a.measured.seconds.total_cmp(&b.measured.seconds)) {
            Some(lens) if lens.measured.speed_up >= NOTICEABLE => yes(lens),
            Some(lens) => no(&format!("Early exit would hardly save time: {}.", saving(lens))),
            None => no(&reason(lenses, prompts[1])),
        }
    }
}

fn yes(lens: &LensSuitability) -> Advice {
    let Some(certificate) = &lens.certificate else { return no("") };
    let bounded = match certificate.risk {
        Risk::WrongAnswer => "of the answers are wrong",
        Risk::WhereExited => "of the answers given early are other than the whole model's",
        _ => "of the answers change",
    };
    let text = format!(
        "Yes: through the {} lens, looking after {}, {}; at most {:.1} % {bounded} (certified, but for a probability \
         of {}).",
        lens.lens,
        layers(&certificate.layers),
        saving(lens),
        100.0 * certificate.epsilon,
        certificate.delta
    );
    Advice { is_worth_it: true, text }
}

fn no(reason: &str) -> Advice {
    Advice { is_worth_it: false, text: format!("No: run all layers. {reason}") }
}

fn saving(lens: &LensSuitability) -> String {
    let measured = &lens.measured;
    let all = measured.mean_layers / (1.0 - measured.pruning_ratio);
    let time = 100.0 * (1.0 - measured.seconds / measured.dense_seconds);
    let than = if time < 0.0 { "more" } else { "less" };
    let time = time.abs();
    format!("{:.1} of {all:.0} layers are run on average, in {time:.0} % {than} time", measured.mean_layers)
}

/// Why nothing exits.
fn reason(lenses: &[LensSuitability], calibrated: usize) -> String {
    if let Some(certificate) = lenses.iter().find_map(|lens| lens.certificate.as_ref()) {
        let fewest = (certificate.delta.ln() / (1.0 - certificate.epsilon).ln()).ceil();
        return match (calibrated as f64) < fewest {
            true => format!(
                "{calibrated} prompts cannot certify anything at epsilon {} and delta {}: {fewest} without one change are \
                 the least, of {:.0} prompts in all.",
                certificate.epsilon,
                certificate.delta,
                (fewest / CALIBRATED).ceil()
            ),
            false => "No threshold could be certified on prompts that the plan had not seen.".to_owned(),
        };
    }
    let Some(lens) = lenses.iter().min_by(|a, b| a.mean_saturation_layer.total_cmp(&b.mean_saturation_layer))
    else {
        return String::new();
    };
    let layers = lens.agreement.last().map_or(0, |last| last.layer);
    format!(
        "No schedule is expected to save time: the answer settles after layer {:.1} of {layers} on average through the {} lens, \
         where that can be told in time, and a look costs {:.2} layers.",
        lens.mean_saturation_layer,
        lens.lens,
        lens.plan.costs.look_in_layers()
    )
}

/// `layer 9`, or `layers 9, 10 and 12`.
fn layers(layers: &[usize]) -> String {
    match layers {
        [] => "no layer".to_owned(),
        [layer] => format!("layer {layer}"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(usize::to_string).collect();
            format!("layers {} and {last}", first.join(", "))
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::layers;

    #[test]
    fn layers_are_listed_as_people_do() {
        assert_eq!(layers(&[9]), "layer 9");
        assert_eq!(layers(&[9, 10, 12]), "layers 9, 10 and 12");
    }
}

//! What a lens shows, in few numbers.

use adainfer_core::{Candidate, Probe, TokenId, entropy, kl_divergence};
use burn_tensor::{IndexingUpdateOp, Tensor};

use super::Ops;
use crate::ModelError;
use crate::layered::read;

/// Up to here every whole number is an f32, and an id may travel as one, in one transfer with the rest.
pub(crate) const MAX_EXACT: usize = 1 << 24;

/// An exponent whose exponential is 0 in f32.
const LEAST: f32 = -1e4;

/// Brings all logits to the host and sums in f64: where that is where they are.
pub(crate) fn on_host<B: Ops>(
    logits: &Tensor<B, 2>,
    previous: Option<&Tensor<B, 2>>,
    with_entropy: bool,
) -> Result<Probe, ModelError> {
    let values = read(logits.clone())?;
    let mut probe = Probe::from_logits(&values)
        .ok_or_else(|| ModelError::Device(format!("{} logits came back", values.len())))?;
    if let Some(previous) = previous {
        probe.kl = kl_divergence(&values, &read(previous.clone())?);
    }
    probe.entropy = with_entropy.then(|| entropy(&values));
    Ok(probe)
}

/// Reduces the logits where they are and brings four to six numbers to the host.
pub(crate) fn on_device<B: Ops>(
    logits: &Tensor<B, 2>,
    previous: Option<&Tensor<B, 2>>,
    with_entropy: bool,
) -> Result<Probe, ModelError> {
    if logits.dims()[1] > MAX_EXACT {
        return on_host(logits, previous, with_entropy);
    }
    let top = logits.clone().argmax(1);
    let max = logits.clone().gather(1, top.clone());
    // The likeliest of the others.
    let never = Tensor::full([1, 1], f32::NEG_INFINITY, &logits.device());
    let rest = logits.clone().scatter(1, top.clone(), never, IndexingUpdateOp::Add);
    let second = rest.clone().argmax(1);
    let lead = rest.gather(1, second.clone()) - max.clone();

    let shifted = logits.clone() - max;
    let exponentials = shifted.clone().exp();
    let total = exponentials.clone().sum_dim(1);
    let top_prob = total.clone().recip();
    let mut numbers = vec![top_prob.clone(), lead.exp() * top_prob, top.float(), second.float()];
    if with_entropy {
        // ln Z - sum of p (x - max). A probability of 0 counts for nothing, though its logarithm is infinite.
        let lost = shifted.clone().clamp_min(LEAST) * exponentials.clone();
        numbers.push(total.clone().log() - lost.sum_dim(1) / total.clone());
    }
    if let Some(previous) = previous {
        let log_probs = shifted - total.clone().log();
        numbers.push((exponentials * (log_probs - log_softmax(previous))).sum_dim(1) / total);
    }
    from_numbers(Tensor::cat(numbers, 1), with_entropy)
}

/// What a device found: the probabilities of the two that lead, their ids, then the entropy where it was asked
/// for and the KL divergence where there is one.
pub(crate) fn from_numbers<B: Ops>(numbers: Tensor<B, 2>, with_entropy: bool) -> Result<Probe, ModelError> {
    let numbers = read(numbers)?;
    let [top_prob, second_prob, top, second, ..] = numbers[..] else {
        return Err(ModelError::Device(format!("{} numbers came back for a look", numbers.len())));
    };
    let candidate = |token: f32, prob| Candidate { token: token as TokenId, prob };
    let mut probe = Probe::new(candidate(top, top_prob), candidate(second, second_prob));
    let mut rest = numbers.into_iter().skip(4);
    probe.entropy = if with_entropy { rest.next() } else { None };
    probe.kl = rest.next();
    Ok(probe)
}

fn log_softmax<B: Ops>(logits: &Tensor<B, 2>) -> Tensor<B, 2> {
    let shifted = logits.clone() - logits.clone().max_dim(1);
    shifted.clone() - shifted.exp().sum_dim(1).log()
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::backend::Flex;

    fn row(values: &[f32]) -> Tensor<Flex, 2> {
        Tensor::<Flex, 1>::from_floats(values, &Default::default()).unsqueeze()
    }

    #[test]
    fn a_device_shows_what_the_host_would() {
        let rows: [&[f32]; 4] = [
            &[0.1, 2.0, -1.0, 1.5, 2.0],
            &[3.0, 3.0, 3.0, 3.0, 3.0],
            &[-1e4, 1e4, 0.0, 9999.0, 1.0],
            &[f32::NEG_INFINITY, 1.0, 0.5, 0.25, f32::NEG_INFINITY],
        ];
        let before = row(&[0.3, 0.2, 0.9, -0.4, 1.0]);
        for values in rows {
            let previous = values.iter().all(|x| x.is_finite()).then_some(&before);
            let (found, wanted) = (
                on_device(&row(values), previous, true).unwrap(),
                on_host(&row(values), previous, true).unwrap(),
            );
            assert_eq!(
                (found.top.token, found.second.token),
                (wanted.top.token, wanted.second.token),
                "{values:?}"
            );
            assert!((found.top_prob() - wanted.top_prob()).abs() < 1e-6 && found.is_finite());
            assert!((found.gap() - wanted.gap()).abs() < 1e-6);
            assert!((found.entropy.unwrap() - wanted.entropy.unwrap()).abs() < 1e-5, "{values:?}");
            assert_eq!(found.kl.is_some(), wanted.kl.is_some());
            let scale = wanted.kl.map_or(1.0, |kl| kl.abs().max(1.0));
            assert!((found.kl.unwrap_or(0.0) - wanted.kl.unwrap_or(0.0)).abs() < 1e-5 * scale);
        }
    }

    #[test]
    fn logits_that_are_not_finite_give_a_probe_that_is_not() {
        for bad in [f32::NAN, f32::INFINITY] {
            for at in 0..3 {
                let mut values = [0.5, 1.0, 0.25];
                values[at] = bad;
                assert!(!on_device(&row(&values), None, false).unwrap().is_finite(), "{bad} at {at}");
            }
        }
    }
}

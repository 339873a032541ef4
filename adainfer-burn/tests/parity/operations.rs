//! Operations with kernels of their own, held to the CPU's on shapes and views that models make.

use adainfer_burn::backend::{Flex, FlexDevice};
use adainfer_burn::ops::Ops;
use burn_tensor::{Distribution, Tensor, TensorData};

type OnCpu = Tensor<Flex, 2>;

/// The same numbers on a device.
struct There<'a, B: Ops>(&'a B::Device);

impl<B: Ops> There<'_, B> {
    fn matrix(&self, x: &OnCpu) -> Tensor<B, 2> {
        Tensor::from_data(x.to_data(), self.0)
    }

    fn row(&self, values: &[f32]) -> Tensor<B, 2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len()]), self.0)
    }
}

fn random(rows: usize, columns: usize) -> OnCpu {
    Tensor::random([rows, columns], Distribution::Normal(0.0, 1.0), &FlexDevice)
}

fn close<B: Ops>(found: Tensor<B, 2>, wanted: OnCpu) {
    let (found, wanted) = (found.into_data(), wanted.into_data());
    assert_eq!(found.shape, wanted.shape);
    for (found, wanted) in found.iter::<f32>().zip(wanted.iter::<f32>()) {
        assert!((found - wanted).abs() < 1e-4 * wanted.abs().max(1.0), "{found} {wanted}");
    }
}

pub(crate) fn operations_are_those_of_the_cpu<B: Ops>(device: &B::Device) {
    let there = There::<B>(device);
    // As models do: what other tests compute meanwhile goes through the same queue.
    B::in_order(|| {
        norms(&there);
        pairs(&there);
        products(&there);
        looks(&there);
        looks_at_the_edge(&there);
    });
}

fn norms<B: Ops>(there: &There<'_, B>) {
    for (rows, width) in [(1, 576), (3, 7), (300, 64), (2, 4096)] {
        let (x, gamma) = (random(rows, width), random(1, width));
        let (x2, gamma2) = (there.matrix(&x), there.matrix(&gamma).squeeze::<1>());
        let gamma = gamma.squeeze::<1>();
        close(B::rms_norm(&x2, &gamma2, 1e-5), Flex::rms_norm(&x, &gamma, 1e-5));
        let (last, last2) = (x.narrow(0, rows - 1, 1), x2.narrow(0, rows - 1, 1));
        close(B::rms_norm(&last2, &gamma2, 1e-5), Flex::rms_norm(&last, &gamma, 1e-5));
    }
}

fn pairs<B: Ops>(there: &There<'_, B>) {
    for (rows, heads, half) in [(1, 9, 32), (5, 2, 4), (300, 3, 32)] {
        let width = heads * half * 2;
        let (x, cos, sin) = (random(rows, width + 6), random(rows + 3, half), random(rows, half));
        let (x2, cos2, sin2) = (there.matrix(&x), there.matrix(&cos), there.matrix(&sin));
        let (x, x2) = (x.narrow(1, 2, width), x2.narrow(1, 2, width));
        let (cos, cos2) = (cos.narrow(0, 2, rows), cos2.narrow(0, 2, rows));
        close(B::rotate(x2.clone(), &cos2, &sin2), Flex::rotate(x.clone(), &cos, &sin));
        close(B::swiglu(x2), Flex::swiglu(x));
    }
}

fn products<B: Ops>(there: &There<'_, B>) {
    for (rows, inputs, outputs) in [(1, 576, 100), (1, 64, 7), (7, 33, 64), (64, 64, 64), (300, 48, 5)] {
        let (a, b) = (random(rows, inputs) / (inputs as f32).sqrt(), random(outputs, inputs));
        let (a2, b2) = (there.matrix(&a), there.matrix(&b).transpose());
        close(B::product(a2, b2), a.matmul(b.transpose()));
    }
    let (a, b) = (random(6, 8), random(8, 5));
    let a2 = there.matrix(&a).reshape([2, 3, 8]);
    let b2 = there.matrix(&b).reshape([1, 8, 5]).expand([2, 8, 5]);
    close(B::product(a2, b2).reshape([6, 5]), a.matmul(b));
}

fn looks<B: Ops>(there: &There<'_, B>) {
    for vocab in [2, 3, 255, 256, 257, 1000, 49_152] {
        let (logits, previous) = (random(1, vocab) * 3.0, random(1, vocab));
        let (logits2, previous2) = (there.matrix(&logits), there.matrix(&previous));
        for (entropy, compare) in [(true, true), (false, true), (true, false), (false, false)] {
            let found = B::look(&logits2, compare.then_some(&previous2), entropy).unwrap();
            let wanted = Flex::look(&logits, compare.then_some(&previous), entropy).unwrap();
            assert_eq!((found.top.token, found.second.token), (wanted.top.token, wanted.second.token));
            assert_eq!((found.kl.is_some(), found.entropy.is_some()), (compare, entropy));
            for (found, wanted) in [
                (Some(found.top_prob()), Some(wanted.top_prob())),
                (Some(found.gap()), Some(wanted.gap())),
                (found.kl, wanted.kl),
                (found.entropy, wanted.entropy),
            ] {
                let (found, wanted) = (found.unwrap_or(0.0), wanted.unwrap_or(0.0));
                assert!((found - wanted).abs() < 2e-5 * wanted.abs().max(1.0), "{vocab}: {found} {wanted}");
            }
        }
    }
}

fn looks_at_the_edge<B: Ops>(there: &There<'_, B>) {
    let tokens = |values: &[f32]| {
        let probe = B::look(&there.row(values), None, false).unwrap();
        (probe.top.token, probe.second.token)
    };
    let mut flat = vec![1.0; 700];
    assert_eq!(tokens(&flat), (0, 1), "of equals the lower id leads");
    (flat[300], flat[651], flat[44]) = (2.0, 2.0, 2.0);
    assert_eq!(tokens(&flat), (44, 300));
    let least = f32::NEG_INFINITY;
    assert_eq!(tokens(&[least, 1.0, least]), (1, 0), "what is impossible does not count");
    assert_eq!(tokens(&[1.0, least, least]), (0, 1));
    for bad in [f32::NAN, f32::INFINITY] {
        for at in [0, 1, 299] {
            let mut values = vec![0.5; 300];
            values[at] = bad;
            let probe = B::look(&there.row(&values), None, false).unwrap();
            assert!(!probe.is_finite(), "{bad} at {at}");
        }
    }
}

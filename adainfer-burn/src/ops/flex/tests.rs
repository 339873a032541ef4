//! The operations held to their plain forms, on shapes and views that models make.

use adainfer_kernels::{self as kernels, BlockMatrix};
use burn_flex::Flex;
use burn_tensor::{Distribution, Tensor, Tolerance};

use super::super::{Heads, Ops, Past, reference};

type Matrix = Tensor<Flex, 2>;

fn random(rows: usize, columns: usize) -> Matrix {
    Tensor::random([rows, columns], Distribution::Normal(0.0, 1.0), &Default::default())
}

fn assert_close(found: Matrix, wanted: Matrix) {
    found
        .into_data()
        .assert_approx_eq::<f32>(&wanted.into_data(), Tolerance::absolute(2e-5).set_relative(1e-5));
}

#[test]
fn projections_are_products_for_any_number_of_rows() {
    // Around the group, the panel, the task, and the inputs summed at once.
    for (rows, inputs, outputs) in [
        (1, 64, 7),
        (2, 37, 48),
        (3, 8, 49),
        (4, 576, 100),
        (5, 16, 3),
        (6, 1300, 32),
        (13, 641, 50),
        (127, 24, 16),
    ] {
        // Scaled, so that sums of any length are about 1.
        let (x, weight) = (random(rows, inputs) / (inputs as f32).sqrt(), random(outputs, inputs));
        let wanted = x.clone().matmul(weight.clone().transpose());
        assert_close(Flex::project(x.clone(), &Flex::pack(weight.clone())), wanted.clone());
        assert_close(reference::project(x.clone(), &Flex::pack(weight.clone())), wanted.clone());
        assert_close(Flex::score(x, &weight), wanted);
    }
}

#[test]
fn a_weight_that_is_a_view_is_packed_too() {
    let (x, weight) = (random(4, 24), random(24, 40).transpose());
    let wanted = x.clone().matmul(weight.clone().transpose());
    assert_close(Flex::project(x, &Flex::pack(weight)), wanted);
}

#[test]
fn views_of_wider_matrices_are_read_where_they_lie() {
    let wide = random(6, 40);
    let view = wide.clone().narrow(1, 8, 16).narrow(0, 2, 3);
    let copy = Tensor::from_data(view.to_data(), &Default::default());
    let weight = Flex::pack(random(5, 16));
    assert_close(Flex::project(view.clone(), &weight), Flex::project(copy, &weight));
    assert_close(Flex::swiglu(view.clone()), reference::swiglu(view.clone()));
    // A transposed view has no contiguous rows: the plain form takes over.
    let across = wide.transpose();
    let weight = Flex::pack(random(5, 6));
    assert_close(Flex::project(across.clone(), &weight), reference::project(across.clone(), &weight));
    assert_close(Flex::swiglu(across.clone()), reference::swiglu(across));
}

#[test]
fn norm_gate_and_rotation_are_their_plain_forms() {
    for rows in [1, 7, 300] {
        let (x, gamma) = (random(rows, 48), random(1, 48).squeeze_dim::<1>(0));
        assert_close(Flex::rms_norm(&x, &gamma, 1e-5), reference::rms_norm(&x, &gamma, 1e-5));
        let (shift, offset) = (random(1, 48).squeeze_dim::<1>(0), x.clone() + 3.0);
        let wanted = reference::layer_norm(&offset, &gamma, &shift, 1e-5);
        assert_close(<Flex as Ops>::layer_norm(&offset, &gamma, &shift, 1e-5), wanted);
        assert_close(Flex::gelu_tanh(x.clone()), reference::gelu(x));
        let wide = random(rows, 96);
        assert_close(Flex::swiglu(wide.clone()), reference::swiglu(wide.clone()));
        let (cos, sin) = (random(rows, 8), random(rows, 8));
        let part = wide.narrow(1, 16, 48);
        assert_close(Flex::rotate(part.clone(), &cos, &sin), reference::rotate(part, &cos, &sin));
    }
}

#[test]
fn attention_sees_every_block_of_the_cache_and_nothing_later() {
    let heads = Heads { query: 6, key_value: 2, width: 16 };
    for lengths in [vec![1], vec![5], vec![70], vec![200], vec![40, 30], vec![3, 1, 130], vec![100, 1]] {
        let total: usize = lengths.iter().sum();
        let stores: Vec<_> = lengths.iter().map(|n| (random(n + 9, 32), random(n + 9, 32), *n)).collect();
        let past: Vec<_> =
            stores.iter().map(|(keys, values, length)| Past { keys, values, length: *length }).collect();
        for positions in [1, 2, 64, 65, total] {
            if positions <= total {
                let query = random(positions, 96);
                let wanted = reference::attention(query.clone(), &past, heads);
                assert_close(Flex::attend(query, &past, heads), wanted);
            }
        }
    }
}

#[test]
fn rows_are_written_in_place_unless_the_store_is_shared() {
    let store = random(8, 4);
    let before = store.clone();
    let rows = random(2, 4);
    let after = Flex::write_rows(store, 3, rows.clone());
    assert_close(after.clone().narrow(0, 3, 2), rows);
    assert_close(after.clone().narrow(0, 5, 3), before.clone().narrow(0, 5, 3));
    assert_ne!(after.to_data(), before.to_data(), "the other owner keeps what it had");
    let address = |t: &Matrix| t.clone().into_primitive().tensor().bytes().as_ptr();
    let place = address(&after);
    assert_eq!(address(&Flex::write_rows(after, 0, random(8, 4))), place, "one owner: no copy");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let (x, weight) = (random(150, 96), Flex::pack(random(200, 96)));
    let heads = Heads { query: 6, key_value: 2, width: 16 };
    let (keys, values) = (random(150, 32), random(150, 32));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let past = [Past { keys: &keys, values: &values, length: 150 }];
            [Flex::project(x.clone(), &weight), Flex::attend(x.clone(), &past, heads)].map(Tensor::into_data)
        })
    };
    let alone = run(1);
    for threads in [2, 3, 8] {
        assert_eq!(run(threads), alone, "{threads} threads");
    }
}

#[test]
fn blocks_are_multiplied_as_floats_of_the_same_weights_are_but_for_rounding() {
    let (x, weight) = (random(5, 96), random(70, 96));
    let values = weight.to_data().to_vec::<f32>().unwrap();
    let blocks = BlockMatrix::rounded(kernels::Matrix::new(&values, [70, 96])).unwrap();
    let wanted = reference::project_blocks(x.clone(), &blocks);
    let off = (Flex::project_blocks(x.clone(), &blocks) - wanted.clone()).abs().max().into_scalar();
    // x is off by a 254th of the largest of its 32 at most, so sums of 96 products by 0.05 or so; ten times that is a
    // mistake.
    assert!(off > 0.0 && off < 0.5, "{off}");
    let exact = (wanted - Flex::score(x, &weight)).abs().max().into_scalar();
    assert!(exact < 0.5, "{exact}");
}

#[test]
fn what_a_screen_lets_through_is_exact() {
    let (x, weight) = (random(2, 64), random(300, 64));
    let values = weight.to_data().to_vec::<f32>().unwrap();
    let screen = BlockMatrix::rounded(kernels::Matrix::new(&values, [300, 64])).unwrap();
    let exact = Flex::score(x.clone(), &weight);
    let screened = Flex::score_screened(x, &weight, &screen);
    let [exact, screened] = [exact, screened].map(|scores| scores.into_data().to_vec::<f32>().unwrap());
    for (exact, screened) in exact.chunks(300).zip(screened.chunks(300)) {
        let top = |scores: &[f32]| scores.iter().copied().fold(f32::MIN, f32::max);
        assert_eq!(top(exact), top(screened));
        assert!(exact.iter().zip(screened).filter(|(a, b)| a == b).count() >= 64);
    }
}

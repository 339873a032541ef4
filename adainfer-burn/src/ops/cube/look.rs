//! A look at a row of logits: one cube goes over it twice, and again for each number more that is asked for.

use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use burn_tensor::DType;
use cubecl::prelude::*;

use super::launch::{LEVELS, UNITS, cube_a_row, room};
use super::norm::sum_of_units;

/// Whether a logit comes before another: the larger, of equals the one with the lower id.
#[cube]
fn leads(value: f32, id: u32, other: f32, other_id: u32) -> bool {
    value > other || (value == other && id < other_id)
}

/// The largest of what each unit has; it is the first number.
#[cube]
fn max_of_units(numbers: &mut SharedMemory<f32>, unit: usize) {
    sync_cube();
    #[unroll]
    for level in 0..LEVELS {
        let reach = comptime![(UNITS >> (level + 1)) as usize];
        // Not one condition: `&&` computes both sides, and for most units there is nothing at the second.
        if unit < reach {
            let other = numbers[unit + reach];
            if other > numbers[unit] {
                numbers[unit] = other;
            }
        }
        sync_cube();
    }
}

/// Sum over the row of exp(x - max), for every unit.
#[cube]
fn total(row: &Tensor<f32>, max: f32, numbers: &mut SharedMemory<f32>, unit: usize) -> f32 {
    let mut sum = 0.0f32;
    let mut i = unit;
    while i < row.shape(1) {
        sum += (row[i * row.stride(1)] - max).exp();
        i += UNITS as usize;
    }
    // What was here is read by all before it is written over.
    sync_cube();
    numbers[unit] = sum;
    sum_of_units(numbers, unit);
    numbers[0]
}

/// The largest of a row, for every unit.
#[cube]
fn largest(row: &Tensor<f32>, numbers: &mut SharedMemory<f32>, unit: usize) -> f32 {
    let mut largest = f32::min_value();
    let mut i = unit;
    while i < row.shape(1) {
        let value = row[i * row.stride(1)];
        if value > largest {
            largest = value;
        }
        i += UNITS as usize;
    }
    sync_cube();
    numbers[unit] = largest;
    max_of_units(numbers, unit);
    numbers[0]
}

/// The two that lead, of each unit's share of the row.
#[cube]
fn lead_of_shares(
    row: &Tensor<f32>,
    tops: &mut SharedMemory<f32>,
    top_ids: &mut SharedMemory<u32>,
    seconds: &mut SharedMemory<f32>,
    second_ids: &mut SharedMemory<u32>,
    unit: usize,
) {
    let nobody = row.shape(1) as u32;
    let mut top = f32::min_value();
    let mut top_id = nobody;
    let mut second = f32::min_value();
    let mut second_id = nobody;
    let mut i = unit;
    while i < row.shape(1) {
        let value = row[i * row.stride(1)];
        let id = i as u32;
        if leads(value, id, top, top_id) {
            second = top;
            second_id = top_id;
            top = value;
            top_id = id;
        } else if leads(value, id, second, second_id) {
            second = value;
            second_id = id;
        }
        i += UNITS as usize;
    }
    tops[unit] = top;
    top_ids[unit] = top_id;
    seconds[unit] = second;
    second_ids[unit] = second_id;
}

/// The two that lead of all, pair of shares by pair; they end in the first places.
#[cube]
fn lead_of_all(
    tops: &mut SharedMemory<f32>,
    top_ids: &mut SharedMemory<u32>,
    seconds: &mut SharedMemory<f32>,
    second_ids: &mut SharedMemory<u32>,
    unit: usize,
) {
    sync_cube();
    #[unroll]
    for level in 0..LEVELS {
        let reach = comptime![(UNITS >> (level + 1)) as usize];
        if unit < reach {
            let other = unit + reach;
            if leads(tops[other], top_ids[other], tops[unit], top_ids[unit]) {
                if leads(tops[unit], top_ids[unit], seconds[other], second_ids[other]) {
                    seconds[unit] = tops[unit];
                    second_ids[unit] = top_ids[unit];
                } else {
                    seconds[unit] = seconds[other];
                    second_ids[unit] = second_ids[other];
                }
                tops[unit] = tops[other];
                top_ids[unit] = top_ids[other];
            } else if leads(tops[other], top_ids[other], seconds[unit], second_ids[unit]) {
                seconds[unit] = tops[other];
                second_ids[unit] = top_ids[other];
            }
        }
        sync_cube();
    }
}

/// Each unit's share of -sum of p ln p. ln p is x - max - log_sum, in two steps: their sum would round both.
#[cube]
fn share_of_entropy(row: &Tensor<f32>, max: f32, log_sum: f32, unit: usize) -> f32 {
    let mut sum = 0.0f32;
    let mut i = unit;
    while i < row.shape(1) {
        let log_prob = row[i * row.stride(1)] - max - log_sum;
        let prob = log_prob.exp();
        // What has no probability counts for nothing, though its logarithm may be infinite.
        if prob > 0.0 {
            sum -= prob * log_prob;
        }
        i += UNITS as usize;
    }
    sum
}

/// Each unit's share of the sum of p (ln p - ln q).
#[cube]
fn share_of_divergence(
    p: &Tensor<f32>,
    p_max: f32,
    p_log_sum: f32,
    q: &Tensor<f32>,
    q_max: f32,
    q_log_sum: f32,
    unit: usize,
) -> f32 {
    let mut sum = 0.0f32;
    let mut i = unit;
    while i < p.shape(1) {
        let log_prob = p[i * p.stride(1)] - p_max - p_log_sum;
        let prob = log_prob.exp();
        if prob > 0.0 {
            sum += prob * (log_prob - (q[i * q.stride(1)] - q_max - q_log_sum));
        }
        i += UNITS as usize;
    }
    sum
}

#[cube(launch)]
fn look_kernel(
    logits: &Tensor<f32>,
    previous: &Tensor<f32>,
    out: &mut Tensor<f32>,
    #[comptime] entropy: bool,
    #[comptime] compare: bool,
) {
    let unit = UNIT_POS as usize;
    let mut tops = SharedMemory::<f32>::new(UNITS as usize);
    let mut top_ids = SharedMemory::<u32>::new(UNITS as usize);
    let mut seconds = SharedMemory::<f32>::new(UNITS as usize);
    let mut second_ids = SharedMemory::<u32>::new(UNITS as usize);
    lead_of_shares(logits, &mut tops, &mut top_ids, &mut seconds, &mut second_ids, unit);
    lead_of_all(&mut tops, &mut top_ids, &mut seconds, &mut second_ids, unit);

    let max = tops[0];
    let mut numbers = SharedMemory::<f32>::new(UNITS as usize);
    let sum = total(logits, max, &mut numbers, unit);
    if unit == 0 {
        out[0] = 1.0 / sum;
        out[1] = (seconds[0] - max).exp() / sum;
        let mut follower = second_ids[0];
        if follower == logits.shape(1) as u32 {
            // All others are minus infinity, and the first of them has the lowest id.
            follower = u32::cast_from(top_ids[0] == 0u32);
        }
        out[2] = f32::cast_from(top_ids[0]);
        out[3] = f32::cast_from(follower);
    }
    if comptime![entropy] {
        let share = share_of_entropy(logits, max, sum.ln(), unit);
        sync_cube();
        numbers[unit] = share;
        sum_of_units(&mut numbers, unit);
        if unit == 0 {
            out[4] = numbers[0];
        }
    }
    if comptime![compare] {
        let previous_max = largest(previous, &mut numbers, unit);
        let previous_sum = total(previous, previous_max, &mut numbers, unit);
        let share =
            share_of_divergence(logits, max, sum.ln(), previous, previous_max, previous_sum.ln(), unit);
        sync_cube();
        numbers[unit] = share;
        sum_of_units(&mut numbers, unit);
        if unit == 0 {
            out[comptime![if entropy { 5 } else { 4 }]] = numbers[0];
        }
    }
}

/// The numbers that [`from_numbers`](crate::ops::look::from_numbers) reads.
pub(super) fn look<R: CubeRuntime>(
    logits: CubeTensor<R>,
    previous: Option<CubeTensor<R>>,
    entropy: bool,
) -> CubeTensor<R> {
    let compare = previous.is_some();
    let out = room(&logits, [1, 4 + usize::from(entropy) + usize::from(compare)], DType::F32);
    look_kernel::launch::<R>(
        &out.client,
        cube_a_row(1),
        CubeDim::new_1d(UNITS),
        logits.clone().into_tensor_arg(),
        previous.unwrap_or(logits).into_tensor_arg(),
        out.clone().into_tensor_arg(),
        entropy,
        compare,
    );
    out
}

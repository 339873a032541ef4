//! The exponential function for many numbers, written so that the compiler takes several at a time.

/// 1.5 * 2^52: added to a small number, it leaves that number's nearest integer in the lowest bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts; multiples of the first, below 2^11, are exact.
const LN2: [f64; 2] = [f64::from_bits(0x3fe6_2e42_fee0_0000), f64::from_bits(0x3dea_39ef_3579_3c76)];
/// 1 / k! from the 12th down: within half of ln 2, what they leave out is below 2e-16.
const SERIES: [f64; 13] = [
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// exp(x) for x from minus infinity to 0, to within a few units in the last place; below -708, where floats end,
/// the value at -708.
#[inline(always)]
pub(super) fn exp_of_negative(x: f64) -> f64 {
    let x = x.max(-708.0);
    // x = n ln 2 + r, and exp(x) = 2^n exp(r).
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2[0]) - n * LN2[1];
    let series = SERIES.iter().skip(1).fold(SERIES[0], |sum, term| sum * r + term);
    f64::from_bits(series.to_bits().wrapping_add(shifted.to_bits() << 52))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential() {
        for i in 0..=70_000 {
            let x = -f64::from(i) / 100.0;
            let (found, wanted) = (exp_of_negative(x), x.exp());
            assert!((found / wanted - 1.0).abs() < 4.0 * f64::EPSILON, "{x}: {found} {wanted}");
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert!(exp_of_negative(f64::NEG_INFINITY) < 1e-300 && exp_of_negative(-1e9) >= 0.0);
    }
}

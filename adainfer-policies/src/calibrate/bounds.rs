//! p-values of "the risk is above epsilon".

/// P(Bin(n, epsilon) <= k), exactly but for rounding. O(k).
pub(crate) fn binomial(n: usize, k: usize, epsilon: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    let odds = epsilon.ln() - (-epsilon).ln_1p();
    let mut term = n as f64 * (-epsilon).ln_1p();
    let mut terms = Vec::with_capacity(k + 1);
    for i in 0..=k {
        terms.push(term);
        term += ((n - i) as f64 / (i + 1) as f64).ln() + odds;
    }
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms.iter().map(|term| (term - largest).exp()).sum();
    (largest + sum.ln()).exp().min(1.0)
}

/// The Hoeffding-Bentkus p-value for the mean of n losses between 0 and 1 (Bates et al. 2021, proposition 4,
/// as used by Angelopoulos et al., Learn then Test).
pub(crate) fn hoeffding_bentkus(n: usize, mean: f64, epsilon: f64) -> f64 {
    let divergence = |a: f64, b: f64| {
        let part = |a: f64, b: f64| if a > 0.0 { a * (a / b).ln() } else { 0.0 };
        part(a, b) + part(1.0 - a, 1.0 - b)
    };
    let hoeffding = (-(n as f64) * divergence(mean.min(epsilon), epsilon)).exp();
    // A sum of many equal losses must not be rounded up past a whole number.
    let losses = (n as f64 * mean - 1e-9).ceil().max(0.0) as usize;
    hoeffding.min(std::f64::consts::E * binomial(n, losses, epsilon)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomial_tails_are_sums_of_their_terms() {
        // 0.95^20, and 20 * 0.05 * 0.95^19 more.
        let none = 0.95f64.powi(20);
        assert!((binomial(20, 0, 0.05) - none).abs() < 1e-12);
        assert!((binomial(20, 1, 0.05) - (none + 0.95f64.powi(19))).abs() < 1e-12);
        assert!((binomial(10, 4, 0.5) - 386.0 / 1024.0).abs() < 1e-12);
        assert_eq!((binomial(5, 5, 0.1), binomial(0, 0, 0.1)), (1.0, 1.0));
        // Where single terms are too small for an f64.
        let tiny = binomial(1_000_000, 10, 0.05);
        assert!((0.0..1e-300).contains(&tiny));
        assert!((binomial(1_000_000, 50_000, 0.05) - 0.5).abs() < 0.01);
    }

    #[test]
    fn the_bound_for_means_is_valid_and_no_tighter_than_the_exact_one() {
        for (n, k) in [(100, 0), (100, 3), (1000, 30), (1000, 60)] {
            let bound = hoeffding_bentkus(n, k as f64 / n as f64, 0.05);
            assert!(bound >= binomial(n, k, 0.05), "{n} {k}: {bound}");
            assert!(bound <= 1.0);
        }
        assert!(hoeffding_bentkus(1000, 0.01, 0.05) < 1e-6);
        assert_eq!(hoeffding_bentkus(1000, 0.05, 0.05), 1.0);
    }
}

/// Standard deviations on either side that hold 95 % of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's score interval of 95 % for a share of which `successes` of `count` draws were seen; 0 to 1 of no draws.
///
/// ```
/// let (low, high) = adainfer_eval::wilson(475, 500);
/// assert!((low - 0.9272).abs() < 1e-4 && (high - 0.9659).abs() < 1e-4);
/// ```
pub fn wilson(successes: usize, count: usize) -> (f64, f64) {
    if count == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (count as f64, successes as f64 / count as f64);
    let scale = 1.0 / (1.0 + Z * Z / n);
    let middle = scale * (share + Z * Z / (2.0 * n));
    let half = scale * Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::wilson;

    #[test]
    fn nothing_seen_says_nothing_and_all_seen_is_not_certain() {
        assert_eq!(wilson(0, 0), (0.0, 1.0));
        // statsmodels' proportion_confint(20, 20, method="wilson") and (0, 20).
        let (low, high) = wilson(20, 20);
        assert!((low - 0.838_875).abs() < 1e-6 && high == 1.0);
        let (low, high) = wilson(0, 20);
        assert!(low == 0.0 && (high - 0.161_125).abs() < 1e-6);
    }
}

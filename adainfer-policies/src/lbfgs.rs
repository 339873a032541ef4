//! Limited-memory BFGS for smooth convex functions (Nocedal and Wright, Numerical Optimization, algorithms
//! 7.4 and 7.5), with a line search that asks for both Wolfe conditions.

use std::collections::VecDeque;

/// Pairs of steps and changes of slope that stand for the curvature: as many as most models here have
/// weights, since then steps are a tenth of what they are with 8, and the memory is nothing.
const MEMORY: usize = 20;
/// Halvings and doublings of a step before the search gives up.
const TRIALS: usize = 60;
/// Share of the slope's promise that a step must keep.
const ARMIJO: f64 = 1e-4;
/// Share of a value that is lost to rounding: near the minimum, what a step gains is less.
const ROUNDING: f64 = 1e-14;
/// Share of the slope that may be left after a step.
const CURVATURE: f64 = 0.9;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Steps at most.
    pub(crate) iterations: usize,
    /// Slope beside the size of x, both as Euclidean norms, at which x is good enough.
    pub(crate) tolerance: f64,
}

/// Where the search ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Minimum {
    pub(crate) x: Vec<f64>,
    pub(crate) value: f64,
    pub(crate) iterations: usize,
    /// Whether the slope is within the tolerance.
    pub(crate) converged: bool,
}

/// Minimises a function that returns its value at x and writes its gradient; begins at `x`.
pub(crate) fn minimise(
    function: impl FnMut(&[f64], &mut [f64]) -> f64,
    x: Vec<f64>,
    limits: Limits,
) -> Minimum {
    let mut search = Search::begin(function, x);
    let mut iterations = 0;
    while !search.flat(limits.tolerance) && iterations < limits.iterations && search.step() {
        iterations += 1;
    }
    let converged = search.flat(limits.tolerance);
    Minimum { x: search.x, value: search.value, iterations, converged }
}

/// A step and how it changed the slope.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Of the two; positive.
    product: f64,
}

struct Search<F> {
    function: F,
    x: Vec<f64>,
    value: f64,
    slope: Vec<f64>,
    memory: VecDeque<Pair>,
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Search<F> {
    fn begin(mut function: F, x: Vec<f64>) -> Self {
        let mut slope = vec![0.0; x.len()];
        let value = function(&x, &mut slope);
        Self { function, x, value, slope, memory: VecDeque::with_capacity(MEMORY) }
    }

    fn flat(&self, tolerance: f64) -> bool {
        dot(&self.slope, &self.slope).sqrt() <= tolerance * dot(&self.x, &self.x).sqrt().max(1.0)
    }

    /// Goes on by one step; `false` where none makes the value smaller.
    fn step(&mut self) -> bool {
        let direction = self.direction();
        let Some((x, value, slope)) = self.along(&direction) else { return false };
        let step = difference(&x, &self.x);
        let change = difference(&slope, &self.slope);
        let product = dot(&step, &change);
        if product > 0.0 {
            if self.memory.len() == MEMORY {
                self.memory.pop_front();
            }
            self.memory.push_back(Pair { step, change, product });
        }
        (self.x, self.value, self.slope) = (x, value, slope);
        true
    }

    /// Minus the slope times what is known of the inverse curvature: the two loops of algorithm 7.4.
    fn direction(&self) -> Vec<f64> {
        let mut direction: Vec<f64> = self.slope.iter().map(|g| -g).collect();
        let mut shares = Vec::with_capacity(self.memory.len());
        for pair in self.memory.iter().rev() {
            let share = dot(&pair.step, &direction) / pair.product;
            add(&mut direction, -share, &pair.change);
            shares.push(share);
        }
        let scale = match self.memory.back() {
            Some(pair) => pair.product / dot(&pair.change, &pair.change),
            None => 1.0 / dot(&self.slope, &self.slope).sqrt().max(1.0),
        };
        direction.iter_mut().for_each(|d| *d *= scale);
        for (pair, share) in self.memory.iter().zip(shares.into_iter().rev()) {
            let done = dot(&pair.change, &direction) / pair.product;
            add(&mut direction, share - done, &pair.step);
        }
        direction
    }

    /// A point along `direction` with both Wolfe conditions, or the best that bisection found.
    fn along(&mut self, direction: &[f64]) -> Option<(Vec<f64>, f64, Vec<f64>)> {
        let promise = dot(&self.slope, direction);
        let downhill = promise < 0.0;
        if !downhill {
            return None;
        }
        let (mut low, mut high, mut length) = (0.0, f64::INFINITY, 1.0);
        let mut best = None;
        for _ in 0..TRIALS {
            let mut x = self.x.clone();
            add(&mut x, length, direction);
            let mut slope = vec![0.0; x.len()];
            let value = (self.function)(&x, &mut slope);
            let after = dot(&slope, direction);
            // A value of NaN keeps nothing.
            let kept = value <= self.value + ARMIJO * length * promise + ROUNDING * self.value.abs();
            if !kept {
                high = length;
            } else if after < CURVATURE * promise {
                low = length;
                best = Some((x, value, slope));
            } else {
                return Some((x, value, slope));
            }
            length = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * low };
        }
        best
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(x: &mut [f64], share: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += share * y);
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { iterations: 500, tolerance: 1e-9 };

    #[test]
    fn a_stretched_bowl_is_found_exactly() {
        let weights: Vec<f64> = (0..12).map(|i| 3f64.powi(i - 6)).collect();
        let bowl = |x: &[f64], slope: &mut [f64]| {
            for i in 0..x.len() {
                slope[i] = 2.0 * weights[i] * (x[i] - 1.0);
            }
            x.iter().zip(&weights).map(|(x, w)| w * (x - 1.0).powi(2)).sum()
        };
        let found = minimise(bowl, vec![0.0; 12], LIMITS);
        assert!(found.converged && found.value < 1e-12, "{found:?}");
    }

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let rosenbrock = |x: &[f64], slope: &mut [f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            slope[0] = -2.0 * a - 400.0 * x[0] * b;
            slope[1] = 200.0 * b;
            a * a + 100.0 * b * b
        };
        let found = minimise(rosenbrock, vec![-1.2, 1.0], LIMITS);
        assert!(found.converged && found.x.iter().all(|x| (x - 1.0).abs() < 1e-7), "{found:?}");
    }

    #[test]
    fn what_does_not_end_is_said_not_to_have_converged() {
        let plane = |_: &[f64], slope: &mut [f64]| {
            slope[0] = -1.0;
            f64::NAN
        };
        assert!(!minimise(plane, vec![0.0], LIMITS).converged);
        let few = Limits { iterations: 3, ..LIMITS };
        let steep = |x: &[f64], slope: &mut [f64]| {
            slope[0] = -(-x[0]).exp();
            (-x[0]).exp()
        };
        let found = minimise(steep, vec![0.0], few);
        assert_eq!((found.converged, found.iterations), (false, 3));
    }
}

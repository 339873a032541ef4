use super::SvmPolicy;
use super::train::{self, Solution};
use crate::fit::{Table, rows_of_both};
use crate::{FeatureSet, Fit, FitError, FitReport, Label, TraceSet, Training};

/// How a [`SvmPolicy`] is trained. The defaults are the paper's: gap and top prob, and scikit-learn's `SVC()`
/// with C = 1, the RBF kernel, gamma "scale" and a tolerance of 1e-3.
///
/// Training keeps a dense kernel matrix, 8 bytes for each pair of rows (800 MB for the 10,000 rows that it takes
/// unless told otherwise); of more rows it takes a sample, and the [`FitReport`] says of how many.
#[derive(Debug, Clone, PartialEq)]
pub struct SvmParams {
    features: FeatureSet,
    label: Label,
    kernel: SvmKernel,
    c: f64,
    max_rows: usize,
    seed: u64,
}

/// What two rows have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum SvmKernel {
    /// Their inner product.
    Linear,
    /// exp(-gamma times their squared distance).
    Rbf(Gamma),
}

/// How fast the RBF kernel falls.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Gamma {
    /// 1 / (features times the variance of all their values): scikit-learn's "scale".
    Scale,
    /// This.
    Value(f64),
}

impl Default for SvmParams {
    fn default() -> Self {
        Self {
            features: FeatureSet::base(),
            label: Label::Dense,
            kernel: SvmKernel::Rbf(Gamma::Scale),
            c: 1.0,
            max_rows: 10_000,
            seed: 0,
        }
    }
}

impl SvmParams {
    /// Rows at most that can be asked for: their kernel matrix takes 12.8 GB.
    pub const ROWS_LIMIT: usize = 40_000;

    /// What it looks at.
    pub fn features(mut self, features: FeatureSet) -> Self {
        self.features = features;
        self
    }

    /// Where an exit is held to be right.
    pub fn label(mut self, label: Label) -> Self {
        self.label = label;
        self
    }

    /// The kernel.
    pub fn kernel(mut self, kernel: SvmKernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// What a row on the wrong side costs; above 0.
    pub fn c(mut self, c: f64) -> Self {
        self.c = c;
        self
    }

    /// Rows that are trained on at most; of more a sample is taken that keeps the labels' shares. At most
    /// [`ROWS_LIMIT`](Self::ROWS_LIMIT).
    pub fn max_rows(mut self, rows: usize) -> Self {
        self.max_rows = rows;
        self
    }

    /// Which sample.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn checked(&self) -> Result<(), FitError> {
        // Written so that NaN is refused.
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let wrong = |name, found| Err(FitError::Parameter { name, must: "finite and above 0", found });
        if !positive(self.c) {
            return wrong("c", self.c);
        }
        if let SvmKernel::Rbf(Gamma::Value(gamma)) = self.kernel
            && !positive(gamma)
        {
            return wrong("gamma", gamma);
        }
        match self.max_rows {
            0 | 1 => {
                Err(FitError::Parameter { name: "max_rows", must: "at least 2", found: self.max_rows as f64 })
            }
            rows if rows > Self::ROWS_LIMIT => Err(FitError::TooManyRows { rows, limit: Self::ROWS_LIMIT }),
            _ => Ok(()),
        }
    }
}

impl Fit for SvmParams {
    type Policy = SvmPolicy;

    fn fit(&self, traces: &TraceSet) -> Result<(SvmPolicy, FitReport), FitError> {
        self.checked()?;
        let all = Table::of(&rows_of_both(traces, &self.features, self.label)?, self.features.len());
        let sample = all.sample(self.max_rows, self.seed);
        let Solution { machine, support_vectors, iterations, converged, objective } =
            train::train(&sample, self.kernel, self.c)?;
        if !converged {
            return Err(FitError::NotConverged { iterations, objective });
        }
        let report = FitReport {
            rows: sample.labels.len(),
            sampled_from: all.labels.len(),
            right: sample.labels.iter().filter(|right| **right).count(),
            converged,
            iterations,
            objective,
            support_vectors: Some(support_vectors),
        };
        let training = Training::new(traces, &self.features)?;
        Ok((SvmPolicy { training, machine, threshold: 0.0 }, report))
    }
}

//! A support vector machine over a probe's features (paper, section 4.2): scikit-learn's `SVC()`.

mod exp;
mod machine;
#[cfg(feature = "svm")]
mod params;
#[cfg(feature = "svm")]
mod train;

#[cfg(feature = "svm")]
pub use params::{Gamma, SvmKernel, SvmParams};

use adainfer_core::{ModelSpec, Trace};
use serde::{Deserialize, Serialize};

use crate::scoring::{finite, steps};
use crate::training::exits_above_its_threshold;
use crate::{ScoringPolicy, Training, Transfer, TransferError};
use machine::Machine;

/// Exits where a support vector machine's decision value is above a threshold: 0, where the machine itself
/// changes its mind, unless another is chosen.
///
/// A decision takes time linear in the support vectors; with the linear kernel, in the features alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct SvmPolicy {
    training: Training,
    machine: Machine,
    threshold: f64,
}

impl SvmPolicy {
    /// Support vectors that a decision compares with; none with the linear kernel.
    pub fn support_vectors(&self) -> usize {
        self.machine.vectors()
    }
}

impl ScoringPolicy for SvmPolicy {
    /// The decision value: positive where the machine holds an exit to be right.
    fn score(&self, trace: Trace<'_>) -> f64 {
        let features = &self.training.features;
        match &self.machine {
            Machine::Linear { weights, bias } => features.weighted(weights, trace) + bias,
            Machine::Rbf(rbf) => rbf.decision_after(trace, features),
        }
    }

    fn threshold(&self) -> f64 {
        self.threshold
    }

    fn with_threshold(&self, threshold: f64) -> Self {
        Self { threshold: finite(threshold), ..self.clone() }
    }

    /// From 3 to -2 in steps of 0.025; at 1 and -1 are the margins.
    fn grid(&self) -> Vec<f64> {
        steps(3.0, -2.0, 200)
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }
}

exits_above_its_threshold!(SvmPolicy);

impl Transfer for SvmPolicy {
    fn transfer_to(&self, model: &ModelSpec) -> Result<Self, TransferError> {
        Ok(Self { training: self.training.transferred_to(model), ..self.clone() })
    }
}

/// As a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    training: Training,
    machine: Machine,
    threshold: f64,
}

impl TryFrom<Unchecked> for SvmPolicy {
    type Error = String;

    fn try_from(Unchecked { training, machine, threshold }: Unchecked) -> Result<Self, String> {
        training.has_width(machine.width(), "the machine")?;
        Ok(Self { training, machine, threshold })
    }
}

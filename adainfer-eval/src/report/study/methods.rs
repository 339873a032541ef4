use adainfer_policies::{
    AnyPolicy, Calibration, CrfParams, EntropyThreshold, FeatureSet, Fit, FitError, GapThreshold,
    LogisticParams, Patience, SavedPolicy, SvmParams, TopProbThreshold, TraceSet,
};

use super::{SVM_ROWS, Study};
use crate::ReportError;

/// A policy for a model seen through a lens.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// The model.
    pub model: String,
    /// The lens.
    pub lens: String,
    /// What the policy is called: `gap:0.8`, `svm`, `certified logistic`.
    pub name: String,
    /// It.
    pub policy: SavedPolicy,
}

impl Study<'_> {
    /// The policies that reports compare, for each model and lens with recordings to train on: the paper's gap rule, SVM and
    /// CRF with their defaults (section 4.2), this library's rules and logistic regression, and the gap rule and the logistic
    /// regression with certified thresholds: trained on half of the prompts, where there is something to train, and
    /// certified on the other half.
    ///
    /// Where all exits would be right, or wrong, there is nothing to learn, and the policy never exits.
    ///
    /// # Errors
    /// [`ReportError::Fit`] and [`ReportError::Calibration`].
    pub fn train(&self) -> Result<Vec<Method>, ReportError> {
        let mut methods = Vec::new();
        for model in &self.models {
            for lens in self.lenses(&model.name) {
                let Some(traces) = self.training(&model.name, lens, |_| true) else { continue };
                let method = |(name, policy): (&str, SavedPolicy)| Method {
                    model: model.name.clone(),
                    lens: lens.to_owned(),
                    name: name.to_owned(),
                    policy,
                };
                methods.extend(self.policies(traces, lens)?.into_iter().map(method));
            }
        }
        Ok(methods)
    }

    fn policies(
        &self,
        traces: TraceSet,
        lens: &str,
    ) -> Result<Vec<(&'static str, SavedPolicy)>, ReportError> {
        let fitted = |name: &str, policy: Result<AnyPolicy, FitError>| learnt(name, lens, policy);
        let fixed = |policy: AnyPolicy| SavedPolicy::new(policy);
        let mut policies = vec![
            ("gap:0.8", fixed(GapThreshold::new(0.8)?.into())),
            ("top_prob:0.9", fixed(TopProbThreshold::new(0.9)?.into())),
            ("entropy:0.5", fixed(EntropyThreshold::new(0.5)?.into())),
            ("patience:3", fixed(Patience::new(3).into())),
            ("svm", fixed(fitted("svm", self.svm(FeatureSet::base(), &traces))?)),
            ("crf", fixed(fitted("crf", fit(&CrfParams::default(), &traces))?)),
            ("logistic", fixed(fitted("logistic", fit(&LogisticParams::default(), &traces))?)),
        ];
        let (half, other) = traces.split(0.5, self.seed);
        let calibration = Calibration::new(self.epsilon, self.delta)?;
        if !other.tokens().is_empty() {
            let gap = GapThreshold::default();
            policies.push(("certified gap", calibration.calibrate(&gap, &other)?.into()));
        }
        let certified = match LogisticParams::default().fit(&half) {
            Ok((policy, _)) if !other.tokens().is_empty() => calibration.calibrate(&policy, &other)?.into(),
            Ok(_) => SavedPolicy::new(AnyPolicy::Never),
            Err(error) => fixed(learnt("certified logistic", lens, Err(error))?),
        };
        policies.push(("certified logistic", certified));
        Ok(policies)
    }

    /// The paper's support vector machine on these features.
    pub(super) fn svm(&self, features: FeatureSet, traces: &TraceSet) -> Result<AnyPolicy, FitError> {
        fit(&SvmParams::default().features(features).max_rows(SVM_ROWS).seed(self.seed), traces)
    }
}

/// A trained policy of any kind.
pub(super) fn fit<F: Fit<Policy: Into<AnyPolicy>>>(
    params: &F,
    traces: &TraceSet,
) -> Result<AnyPolicy, FitError> {
    params.fit(traces).map(|(policy, _)| policy.into())
}

/// A policy; one that never exits where there was nothing to learn.
pub(super) fn learnt(
    method: &str,
    lens: &str,
    policy: Result<AnyPolicy, FitError>,
) -> Result<AnyPolicy, ReportError> {
    match policy {
        Err(FitError::OneClass { .. } | FitError::Constant { .. }) => Ok(AnyPolicy::Never),
        Err(source) => Err(ReportError::Fit { method: method.to_owned(), lens: lens.to_owned(), source }),
        Ok(policy) => Ok(policy),
    }
}

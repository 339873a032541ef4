use adainfer_policies::{Feature, FeatureError, FeatureSet, FitError};

use super::Study;
use super::methods::learnt;
use super::replayed::replay;
use crate::{Ablation, ReportError};

/// What is added to gap and top prob, one at a time (paper, table "features").
const ADDED: [(&str, Feature); 4] = [
    ("base + attn", Feature::CosAttn),
    ("base + hidden", Feature::CosHidden),
    ("base + mlp", Feature::CosMlp),
    ("base + kl", Feature::Kl),
];

impl Study<'_> {
    /// The support vector machine with more features and fewer, trained on all tasks.
    pub(super) fn ablation(&self, shots: usize) -> Result<Vec<Ablation>, ReportError> {
        let mut found = Vec::new();
        for model in self.models.iter().filter(|model| model.pruned_from.is_none()) {
            for lens in self.lenses(&model.name) {
                let Some(traces) = self.training(&model.name, lens, |_| true) else { continue };
                for (name, features) in sets().unwrap_or_default() {
                    let policy = match self.svm(features, &traces) {
                        // Recorded without what it looks at.
                        Err(FitError::NotRecorded { .. }) => continue,
                        policy => learnt("svm", lens, policy)?,
                    };
                    let is_own =
                        |r: &&crate::Recording| r.model == model.name && r.lens == lens && r.shots == shots;
                    let scores =
                        self.eval.iter().filter(is_own).filter_map(|r| replay(model, r, "svm", &policy));
                    found.extend(scores.map(|score| Ablation { features: name.to_owned(), score }));
                }
            }
        }
        Ok(found)
    }
}

fn sets() -> Result<Vec<(&'static str, FeatureSet)>, FeatureError> {
    let mut sets =
        vec![("base", FeatureSet::base()), ("six", FeatureSet::six()), ("eight", FeatureSet::eight())];
    for (name, feature) in ADDED {
        sets.push((name, FeatureSet::new(FeatureSet::base().iter().chain([feature]))?));
    }
    Ok(sets)
}

//! The dense passes: what every model shows of every question, in files.

use std::path::Path;

use adainfer::burn::{AnyModel, LensPrompt, LinearLens, LinearLensParams, ModelError};
use adainfer::core::{Extras, LayeredModel, Lenses, TokenId, WithoutLayers};
use adainfer::eval::{Baseline, Question, TraceLog};
use adainfer::policies::{TraceSet, TraceSource};
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use rayon::prelude::*;

use super::asked::Asked;

/// A model, itself, through a fitted lens, and without its least influential layers.
pub(crate) struct Models {
    pub(crate) plain: AnyModel,
    pub(crate) linear: AnyModel,
    pub(crate) pruned: Option<WithoutLayers<AnyModel>>,
}

impl Models {
    /// Fits the lens, unless the file has it already, and finds the layers of least influence.
    pub(crate) fn new(
        plain: AnyModel,
        stem: &Path,
        prompts: &[Question],
        pruned: usize,
        judges: &[Question],
        bar: &ProgressBar,
    ) -> Result<Self> {
        let file = stem.with_added_extension("lens.safetensors");
        let lens = match file.exists() {
            true => LinearLens::load(&file)?,
            false => {
                let prompts: Vec<_> = prompts
                    .iter()
                    .map(|question| LensPrompt::last(question.id.as_str(), question.tokens.clone()))
                    .collect();
                bar.set_message("fitting a lens");
                let (lens, _) = LinearLensParams::default().fit(&plain, &prompts, |progress| {
                    bar.set_length(progress.total);
                    bar.set_position(progress.done);
                })?;
                lens.save(&file)?;
                lens
            }
        };
        let linear = plain.with_lens(&lens)?;
        let pruned = match pruned {
            0 => None,
            count => {
                let influence = influence(&plain, judges, &stem.with_added_extension("influence.json"))?;
                let left_out = Baseline::ShortGpt(count).left_out(&influence)?;
                Some(WithoutLayers::new(plain.clone(), &left_out)?)
            }
        };
        Ok(Self { plain, linear, pruned })
    }
}

/// Mean block influence of every layer, unless the file has it already.
fn influence(model: &AnyModel, judges: &[Question], file: &Path) -> Result<Vec<f64>> {
    let key = model.spec().fingerprint.clone();
    if let Ok(text) = std::fs::read_to_string(file) {
        let (of, influence): (String, Vec<f64>) =
            serde_json::from_str(&text).with_context(|| format!("{} holds no influence", file.display()))?;
        if of == key {
            return Ok(influence);
        }
    }
    let mut sums = vec![0.0; model.spec().layers];
    for question in judges {
        let influence = model.block_influence(&question.tokens)?;
        sums.iter_mut().zip(influence).for_each(|(sum, one)| *sum += f64::from(one));
    }
    let influence: Vec<f64> = sums.into_iter().map(|sum| sum / judges.len().max(1) as f64).collect();
    let text = serde_json::to_string(&(key, &influence))?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(influence)
}

/// Questions that are asked at once; what an interruption loses at most.
const TOGETHER: usize = 8;

/// What each lens shows of all questions, in their order. Questions that the files have already are not asked again.
///
/// `file` is the path of a lens's file.
pub(crate) fn record<M>(
    lenses: &[(&str, &M)],
    extras: Extras,
    asked: &[Asked],
    file: impl Fn(&str) -> std::path::PathBuf,
    bar: &ProgressBar,
) -> Result<Vec<TraceSet>>
where
    M: LayeredModel<Error = ModelError, State: Send + Sync, Hidden: Send + Sync> + Sync,
{
    let open = |(name, model): &(&str, &M)| {
        TraceLog::open(file(name), &TraceSource::new(model.spec(), *name)).map_err(anyhow::Error::from)
    };
    let mut logs = lenses.iter().map(open).collect::<Result<Vec<_>>>()?;
    let models: Vec<&M> = lenses.iter().map(|(_, model)| *model).collect();
    let Some((first, others)) = models.split_first() else { return Ok(Vec::new()) };
    for Asked { questions, shared, .. } in asked {
        let is_new = |question: &&Question| logs.iter().any(|log| !log.has(question));
        let (new, old): (Vec<_>, Vec<_>) = questions.iter().partition(is_new);
        let tokens = |question: &Question| (question.tokens.len() - shared.len()) as u64;
        bar.inc(old.into_iter().map(tokens).sum());
        if new.is_empty() {
            continue;
        }
        let start = opened(*first, others, extras, shared)?;
        for some in new.chunks(TOGETHER) {
            // Two prompts on a core each take less time than one after the other on both.
            let look = |question: &&Question| {
                let seen = start.look(&question.tokens[shared.len()..]);
                seen.with_context(|| format!("prompt {:?}", question.id))
            };
            let seen: Vec<_> = some.par_iter().map(look).collect();
            for (question, seen) in some.iter().zip(seen) {
                for (log, probes) in logs.iter_mut().zip(seen?) {
                    if !log.has(question) {
                        log.push(question, probes)?;
                    }
                }
                bar.inc(tokens(question));
            }
        }
    }
    let questions: Vec<_> = asked.iter().flat_map(|asked| asked.questions.iter().cloned()).collect();
    Ok(logs.iter().map(|log| log.of(&questions)).collect())
}

fn opened<'m, M>(first: &'m M, others: &[&'m M], extras: Extras, shared: &[TokenId]) -> Result<Lenses<'m, M>>
where
    M: LayeredModel<Error = ModelError>,
{
    let mut start = Lenses::new(first, others, extras)?;
    if !shared.is_empty() {
        start.prefill(shared)?;
    }
    Ok(start)
}

//! What is run, as a TOML file says it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// The plan that comes with the example.
const PAPER: &str = include_str!("../assets/paper.toml");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// What draws demonstrations, and which prompts train.
    pub(crate) seed: u64,
    pub(crate) shots: Vec<Shots>,
    /// Prompts of each task that the lens is fitted on.
    pub(crate) lens: usize,
    /// Questions that the pruned model is asked.
    pub(crate) pruned: usize,
    /// Questions that are timed.
    pub(crate) clock: usize,
    #[serde(rename = "model")]
    pub(crate) models: Vec<PlannedModel>,
    #[serde(rename = "task")]
    pub(crate) tasks: Vec<PlannedTask>,
}

/// A number of demonstrations.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shots {
    pub(crate) k: usize,
    pub(crate) limit: usize,
    #[serde(default)]
    pub(crate) train: usize,
    #[serde(default)]
    pub(crate) share: bool,
    /// Whether the pruned model is asked too.
    #[serde(default)]
    pub(crate) pruned: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedModel {
    pub(crate) name: String,
    /// As `--model` takes it, or `default`; without it, it is not run.
    pub(crate) path: Option<String>,
    /// For a model that is not at hand.
    pub(crate) layers: Option<usize>,
    /// Layers that the pruned model lacks.
    #[serde(default)]
    pub(crate) pruned: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedTask {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// No demonstration is longer, in characters.
    pub(crate) longest: Option<usize>,
    /// Questions that are answered in words.
    #[serde(default)]
    texts: usize,
    /// Tasks that are one together: rule sets that come with the library.
    #[serde(default)]
    pub(crate) sets: Vec<String>,
    /// The folder of the task, or of tasks.
    pub(crate) data: Option<PathBuf>,
}

impl Plan {
    /// Reads a plan; without a file, the one that comes with the example.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Self::parse(PAPER, Path::new("")) };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).with_context(|| format!("{} is no plan", path.display()))
    }

    fn parse(text: &str, folder: &Path) -> Result<Self> {
        let mut plan: Self = toml::from_str(text)?;
        let same =
            |names: Vec<&String>| (1..names.len()).find(|i| names[..*i].contains(&names[*i])).is_some();
        ensure!(!same(plan.models.iter().map(|model| &model.name).collect()), "two models have one name");
        ensure!(!same(plan.tasks.iter().map(|task| &task.name).collect()), "two tasks have one name");
        ensure!(!plan.models.is_empty() && !plan.tasks.is_empty(), "it has no model, or no task");
        ensure!(plan.shots.iter().any(|shots| shots.train > 0), "no shots have `train` prompts");
        for task in &mut plan.tasks {
            task.data = task.data.take().map(|data| folder.join(data));
        }
        Ok(plan)
    }

    /// With no more of anything than `limit`.
    pub(crate) fn limited(mut self, limit: usize) -> Self {
        for shots in &mut self.shots {
            shots.limit = shots.limit.min(limit);
            shots.train = shots.train.min(limit);
        }
        // Less of what is run apart, and of timed questions least: each is run four times.
        self.lens = self.lens.min(limit.div_ceil(2));
        self.pruned = self.pruned.min(limit.div_ceil(2));
        self.clock = self.clock.min(limit.div_ceil(10));
        self.tasks.iter_mut().for_each(|task| task.texts = task.texts.min(limit.div_ceil(4)));
        self
    }

    /// The number of demonstrations that policies are trained with and timed at: of those with `train`, the first.
    pub(crate) fn main(&self) -> Shots {
        let none = Shots { k: 0, limit: 0, train: 0, share: false, pruned: false };
        self.shots.iter().find(|shots| shots.train > 0).copied().unwrap_or(none)
    }

    /// Questions of a task that are answered in words.
    pub(crate) fn texts(&self, task: &PlannedTask) -> usize {
        task.texts.min(self.main().limit)
    }

    /// With these numbers of demonstrations alone.
    pub(crate) fn with_shots(mut self, wanted: &[usize]) -> Result<Self> {
        let known = |k: &usize| self.shots.iter().any(|shots| shots.k == *k);
        if let Some(k) = wanted.iter().find(|k| !known(k)) {
            bail!("the plan has no shots with k = {k}");
        }
        self.shots.retain(|shots| wanted.contains(&shots.k));
        ensure!(
            self.shots.iter().any(|shots| shots.train > 0),
            "none of these shots has `train` prompts in the plan"
        );
        Ok(self)
    }
}

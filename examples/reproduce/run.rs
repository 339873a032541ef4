//! A model of the plan: what it is asked, and what is recorded of it.

use std::path::{Path, PathBuf};

use adainfer::burn::{AnyModel, Device, LensModel};
use adainfer::core::{Extras, LayeredModel, ModelSpec};
use adainfer::eval::{Method, ModelEntry, Question, Recording, Report, ScoreOf};
use adainfer::policies::TraceSet;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use super::asked::{Asked, Split, Tasks};
use super::plan::{Plan, PlannedModel, PlannedTask, Shots};
use super::record::{Models, record};
use super::slug;
use super::timed::Race;

/// Prompts that layers are judged by, of each task.
const JUDGES: usize = 4;
/// The methods that are timed: the paper's, and ours.
const TIMED: [(&str, &str); 2] = [("logit", "svm"), ("linear", "certified logistic")];
/// Tokens of an answer in words, at most.
const WORDS: usize = 16;

/// All that is recorded.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) train: Vec<Recording>,
    pub(crate) eval: Vec<Recording>,
}

/// A model that is at hand.
pub(crate) struct Running<'p> {
    plan: &'p Plan,
    planned: &'p PlannedModel,
    tasks: &'p [(PlannedTask, Tasks)],
    out: &'p Path,
    models: Models,
    bar: ProgressBar,
}

/// Questions of a task with the same number of demonstrations, for one purpose.
struct Work<'p> {
    task: &'p str,
    shots: Shots,
    split: Split,
    asked: Vec<Asked>,
}

impl<'p> Running<'p> {
    /// Fits its lens, and finds its layers of least influence.
    pub(crate) fn new(
        plan: &'p Plan,
        planned: &'p PlannedModel,
        model: AnyModel,
        tasks: &'p [(PlannedTask, Tasks)],
        out: &'p Path,
    ) -> Result<Self> {
        let style = ProgressStyle::with_template("{bar:40} {percent}% {msg}, {eta} left")?;
        let bar = ProgressBar::new(0).with_style(style);
        let main = plan.main();
        let ask = |split, skip, limit| -> Result<Vec<Question>> {
            let mut questions = Vec::new();
            for (task, items) in tasks {
                let asked = items.ask(&model, main, split, skip, limit, plan.seed);
                let asked = asked.with_context(|| format!("task {:?}", task.name))?;
                questions.extend(asked.into_iter().flat_map(|asked| asked.questions));
            }
            Ok(questions)
        };
        let most = plan.shots.iter().map(|shots| shots.train).max().unwrap_or(0);
        let (fitted, judges) = (ask(Split::Lens, most, plan.lens)?, ask(Split::Train, 0, JUDGES)?);
        let stem = out.join(slug(&planned.name));
        let models = Models::new(model.clone(), &stem, &fitted, planned.pruned, &judges, &bar)?;
        Ok(Self { plan, planned, tasks, out, models, bar })
    }

    /// What reports call it, and the same without its layers of least influence.
    pub(crate) fn entries(&self) -> Vec<ModelEntry> {
        let plain = &self.models.plain;
        let entry = |name: String, spec: &ModelSpec, pruned_from| ModelEntry {
            name,
            layers: Some(spec.layers),
            fingerprint: Some(spec.fingerprint.clone()),
            hidden: plain.hidden_size(),
            vocab: spec.vocab,
            pruned_from,
        };
        let name = &self.planned.name;
        let mut entries = vec![entry(name.clone(), plain.spec(), None)];
        if let Some(pruned) = &self.models.pruned {
            entries.push(entry(self.pruned_name(), pruned.spec(), Some(name.clone())));
        }
        entries
    }

    /// Runs every question once, unless the files have it already.
    pub(crate) fn record(&self, recorded: &mut Recorded) -> Result<()> {
        let mut work = Vec::new();
        for &shots in &self.plan.shots {
            work.extend(self.work(shots, Split::Train, shots.train)?);
            work.extend(self.work(shots, Split::Eval, shots.limit)?);
        }
        let mut less = Vec::new();
        if self.models.pruned.is_some() {
            for &shots in self.plan.shots.iter().filter(|shots| shots.pruned) {
                less.extend(self.work(shots, Split::Eval, self.plan.pruned.min(shots.limit))?);
            }
        }
        self.bar.reset();
        self.bar.set_length(work.iter().chain(&less).flat_map(|work| &work.asked).map(Asked::tokens).sum());
        let name = &self.planned.name;
        let lenses = [("logit", &self.models.plain), ("linear", &self.models.linear)];
        for work in &work {
            self.say(name, work);
            let file = |lens: &str| self.file(name, lens, work);
            let seen = record(&lenses, Extras::ALL, &work.asked, file, &self.bar)?;
            for ((lens, _), traces) in lenses.iter().zip(seen) {
                recorded.keep(name, lens, work, traces);
            }
        }
        let name = &self.pruned_name();
        for (work, model) in less.iter().flat_map(|work| Some((work, self.models.pruned.as_ref()?))) {
            self.say(name, work);
            let file = |lens: &str| self.file(name, lens, work);
            for traces in record(&[("logit", model)], Extras::NONE, &work.asked, file, &self.bar)? {
                recorded.keep(name, "logit", work, traces);
            }
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    /// Dense and early exit in turns: by the clock, and in words where a task has them.
    pub(crate) fn time(&self, methods: &[Method], device: &Device, report: &mut Report) -> Result<()> {
        let shots = self.plan.main();
        let folder = self.out.join("answers");
        let races = self.races(methods, device, &folder);
        let words: usize = self.tasks.iter().map(|(task, _)| self.plan.texts(task)).sum();
        self.bar.reset();
        self.bar.set_length((races.len() * self.tasks.len() * self.plan.clock + words) as u64);
        for work in self.work(shots, Split::Eval, shots.limit)? {
            self.clock(&races, &work, report)?;
            if let Some(race) = races.last() {
                self.words(race, &work, report)?;
            }
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    /// Those of its methods that are timed.
    fn races<'r>(&'r self, methods: &'r [Method], device: &'r Device, folder: &'r Path) -> Vec<Race<'r>> {
        let race = |(lens, name): &(&str, &str)| {
            let is = |m: &&Method| {
                m.model == self.planned.name && (m.lens.as_str(), m.name.as_str()) == (*lens, *name)
            };
            let early = if *lens == "logit" { &self.models.plain } else { &self.models.linear };
            let (dense, bar) = (&self.models.plain, &self.bar);
            Some(Race { dense, early, method: methods.iter().find(is)?, device, bar, folder })
        };
        TIMED.iter().filter_map(race).collect()
    }

    /// All of them by the clock, on the first questions.
    fn clock(&self, races: &[Race<'_>], work: &Work<'_>, report: &mut Report) -> Result<()> {
        self.bar.set_message(format!("{}: {} by the clock", self.planned.name, work.task));
        let questions = work.asked.iter().flat_map(|asked| &asked.questions);
        let some: Vec<_> = questions.take(self.plan.clock).cloned().collect();
        for race in races {
            report.clock.extend(race.clock(self.of(race, work), &some)?);
        }
        Ok(())
    }

    /// One of them in words, on as many questions as the plan wants of the task.
    fn words(&self, race: &Race<'_>, work: &Work<'_>, report: &mut Report) -> Result<()> {
        let task = self.tasks.iter().find(|(task, _)| task.name == work.task);
        let texts = task.map_or(0, |(task, _)| self.plan.texts(task));
        if texts == 0 {
            return Ok(());
        }
        self.bar.set_message(format!("{}: {} in words", self.planned.name, work.task));
        let asked = work.asked.iter().flat_map(|asked| asked.questions.iter().zip(&asked.answers));
        let some: Vec<_> =
            asked.take(texts).map(|(question, right)| (question.clone(), right.clone())).collect();
        report.texts.extend(race.words(self.of(race, work), &some, WORDS)?);
        Ok(())
    }

    fn of(&self, race: &Race<'_>, work: &Work<'_>) -> ScoreOf {
        ScoreOf {
            model: self.planned.name.clone(),
            lens: race.method.lens.clone(),
            task: work.task.to_owned(),
            shots: work.shots.k,
            method: race.method.name.clone(),
        }
    }

    fn work(&self, shots: Shots, split: Split, limit: usize) -> Result<Vec<Work<'p>>> {
        let work = |(task, items): &'p (PlannedTask, Tasks)| {
            let asked = items.ask(&self.models.plain, shots, split, 0, limit, self.plan.seed);
            let asked = asked.with_context(|| format!("task {:?}, {} demonstrations", task.name, shots.k))?;
            Ok(Work { task: &task.name, shots, split, asked })
        };
        self.tasks.iter().map(work).collect()
    }

    fn pruned_name(&self) -> String {
        format!("{} without {}", self.planned.name, self.planned.pruned)
    }

    fn file(&self, model: &str, lens: &str, work: &Work<'_>) -> PathBuf {
        let (task, k, split) = (work.task, work.shots.k, work.split.name());
        self.out.join("traces").join(format!("{}.{lens}.{task}.{k}.{split}.jsonl", slug(model)))
    }

    fn say(&self, model: &str, work: &Work<'_>) {
        self.bar.set_message(format!(
            "{model}: {}, {} demonstrations, {}",
            work.task,
            work.shots.k,
            work.split.name()
        ));
    }
}

impl Recorded {
    fn keep(&mut self, model: &str, lens: &str, work: &Work<'_>, traces: TraceSet) {
        let recording = Recording {
            model: model.to_owned(),
            lens: lens.to_owned(),
            task: work.task.to_owned(),
            shots: work.shots.k,
            shared: work.asked.iter().any(|asked| !asked.shared.is_empty()),
            skipped: work.asked.iter().map(|asked| asked.skipped).sum(),
            questions: work.asked.iter().flat_map(|asked| asked.questions.iter().cloned()).collect(),
            traces,
        };
        if work.split == Split::Train { self.train.push(recording) } else { self.eval.push(recording) }
    }
}

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Item, RULES, TaskError, TaskFormat, function_vectors};

/// A task: questions to demonstrate with and to train on, and others to evaluate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// What it is called.
    pub name: String,
    /// For demonstrations and training.
    pub pool: Vec<Item>,
    /// For evaluation.
    pub eval: Vec<Item>,
}

impl Task {
    /// Looks for a task in a folder of tasks, or in its own.
    ///
    /// There, or below in a folder with the task's name, are `train.jsonl` and `eval.jsonl`
    /// ([`TaskFormat::Jsonl`]), or the files of the benchmark with that name as they are published: `train.tsv` and `dev.tsv` of
    /// sst2, `train.csv` and `test.csv` of ag_news, the folders `dev` and `test` of mmlu, `train_rand_split.jsonl` and
    /// `dev_rand_split.jsonl` of commonsense_qa, `train-v1.1.json` and `dev-v1.1.json` (or v2.0) of squad; or one file of pairs that is
    /// called after the task and ends in `.json`, of which every second is for evaluation.
    ///
    /// # Errors
    /// [`TaskError`].
    pub fn open(name: &str, folder: &Path) -> Result<Self, TaskError> {
        let splits = splits(name);
        for place in [folder.join(name), folder.to_owned()] {
            for (format, pool, eval) in &splits {
                let [pool, eval] = [pool, eval].map(|file| place.join(file));
                if pool.exists() && eval.exists() {
                    let task = Self {
                        name: name.to_owned(),
                        pool: format.read_all(&pool)?,
                        eval: format.read_all(&eval)?,
                    };
                    return task.checked(&eval);
                }
            }
            let pairs = place.join(format!("{name}.json"));
            if pairs.exists() {
                return Self::halves(name, TaskFormat::FunctionVectors.read_all(&pairs)?).checked(&pairs);
            }
        }
        let both = splits.iter().map(|(_, pool, eval)| format!("{pool} with {eval}"));
        let wanted = both.chain([format!("{name}.json")]).collect();
        Err(TaskError::NoFile { path: folder.to_owned(), wanted })
    }

    /// One of the [`RULES`] that come with the library, by name; every second pair is for evaluation.
    pub fn rule(name: &str) -> Option<Self> {
        let (name, pairs) = RULES.into_iter().find(|(known, _)| *known == name)?;
        let path = PathBuf::from(name);
        let items =
            function_vectors::items(name, &path, pairs.as_bytes()).ok()?.collect::<Result<_, _>>().ok()?;
        Some(Self::halves(name, items))
    }

    fn halves(name: &str, items: Vec<Item>) -> Self {
        let (mut pool, mut eval) = (Vec::new(), Vec::new());
        for (i, item) in items.into_iter().enumerate() {
            if i % 2 == 0 { pool.push(item) } else { eval.push(item) }
        }
        Self { name: name.to_owned(), pool, eval }
    }

    /// Refuses questions that cannot be told apart.
    fn checked(self, eval: &Path) -> Result<Self, TaskError> {
        let mut seen = BTreeSet::new();
        match self.eval.iter().find(|item| !seen.insert(item.id.as_str())) {
            Some(item) => Err(TaskError::Repeated { path: eval.to_owned(), id: item.id.clone() }),
            None => Ok(self),
        }
    }
}

/// The files of both parts, in the order in which they are looked for.
fn splits(name: &str) -> Vec<(TaskFormat, &'static str, &'static str)> {
    let mut found = vec![(TaskFormat::Jsonl, "train.jsonl", "eval.jsonl")];
    match name {
        "sst2" => found.push((TaskFormat::Sst2, "train.tsv", "dev.tsv")),
        "ag_news" => found.push((TaskFormat::AgNews, "train.csv", "test.csv")),
        "mmlu" => found.push((TaskFormat::Mmlu, "dev", "test")),
        "commonsense_qa" => {
            found.push((TaskFormat::CommonsenseQa, "train_rand_split.jsonl", "dev_rand_split.jsonl"));
        }
        "squad" => found.extend([
            (TaskFormat::Squad, "train-v1.1.json", "dev-v1.1.json"),
            (TaskFormat::Squad, "train-v2.0.json", "dev-v2.0.json"),
        ]),
        _ => {}
    }
    found
}

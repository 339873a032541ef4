//! Questions with their answers, read from files.

mod ag_news;
mod commonsense_qa;
mod error;
mod function_vectors;
mod item;
mod jsonl;
mod lines;
mod mmlu;
mod rules;
mod squad;
mod sst2;
mod table;
mod task;

pub use error::TaskError;
pub use item::{Item, NotAChoice};
pub use rules::RULES;
pub use task::Task;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The items of a file, one after the other.
pub type Items = Box<dyn Iterator<Item = Result<Item, TaskError>> + Send>;

/// What a file of questions looks like: one format for tasks of your own, and those that benchmarks are published in.
///
/// ```
/// use adainfer_eval::TaskFormat;
///
/// let folder = std::env::temp_dir().join("adainfer-task-formats");
/// std::fs::create_dir_all(&folder)?;
/// let file = folder.join("mine.jsonl");
/// std::fs::write(&file, r#"{"id": "1", "input": "2 + 2", "label": "4"}"#)?;
/// let items = TaskFormat::Jsonl.read(&file)?.collect::<Result<Vec<_>, _>>()?;
/// assert_eq!((items[0].input.as_str(), items[0].answers.as_slice()), ("2 + 2", &["4".to_owned()][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskFormat {
    /// One JSON object a line: `id`, `input`, `label` (a text, or a list of which any will do), and where there are some
    /// `choices`, `subject`, `title`. Without an `id` the line's number is taken. Other fields are passed over.
    Jsonl,
    /// GLUE's SST-2: tab-separated columns `sentence` and `label`, 0 for negative and 1 for positive.
    Sst2,
    /// AG News: comma-separated class (1 to 4: World, Sports, Business, Science), title and description, without a header.
    AgNews,
    /// MMLU: comma-separated question, four options and the letter of the right one, without a header; a file a
    /// subject, or a folder of them.
    Mmlu,
    /// CommonsenseQA: JSON Lines with `question.stem`, `question.choices` and `answerKey`.
    CommonsenseQa,
    /// SQuAD 1.1 and 2.0: one JSON document. Questions of 2.0 that have no answer are left out.
    Squad,
    /// The sets of the function-vectors collection: a JSON list of `input` and `output`.
    FunctionVectors,
}

impl TaskFormat {
    /// All formats.
    pub const ALL: [Self; 7] = [
        Self::Jsonl,
        Self::Sst2,
        Self::AgNews,
        Self::Mmlu,
        Self::CommonsenseQa,
        Self::Squad,
        Self::FunctionVectors,
    ];

    /// Its name: `jsonl`, `sst2`, `ag_news`, `mmlu`, `commonsense_qa`, `squad`, `function_vectors`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Sst2 => "sst2",
            Self::AgNews => "ag_news",
            Self::Mmlu => "mmlu",
            Self::CommonsenseQa => "commonsense_qa",
            Self::Squad => "squad",
            Self::FunctionVectors => "function_vectors",
        }
    }

    /// The items of a file, read as they are asked for; a JSON document is read whole.
    ///
    /// # Errors
    /// [`TaskError`], for the file at once and for a line when it is reached.
    pub fn read(self, path: &Path) -> Result<Items, TaskError> {
        match self {
            Self::Jsonl => jsonl::read(path),
            Self::Sst2 => sst2::read(path),
            Self::AgNews => ag_news::read(path),
            Self::Mmlu => mmlu::read(path),
            Self::CommonsenseQa => commonsense_qa::read(path),
            Self::Squad => squad::read(path),
            Self::FunctionVectors => function_vectors::read(path),
        }
    }

    /// All items of a file.
    ///
    /// # Errors
    /// The first error of [`read`](Self::read); [`TaskError::Empty`].
    pub fn read_all(self, path: &Path) -> Result<Vec<Item>, TaskError> {
        let items = self.read(path)?.collect::<Result<Vec<_>, _>>()?;
        if items.is_empty() { Err(TaskError::Empty { path: path.to_owned() }) } else { Ok(items) }
    }
}

impl fmt::Display for TaskFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TaskFormat {
    type Err = TaskError;

    fn from_str(name: &str) -> Result<Self, TaskError> {
        let known = || Self::ALL.map(Self::name).to_vec();
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| TaskError::NoFormat { name: name.to_owned(), known: known() })
    }
}

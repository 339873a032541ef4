//! A model with an early exit beside the same model without: the same questions, in one run.

mod answer;
mod contest;
mod error;
mod log;
mod results;
mod spec;
mod table;
mod words;

pub use answer::{Answer, Question};
pub use contest::Contest;
pub use error::EvaluationError;
pub use log::{AnswerLog, Logged};
pub use results::{Evaluation, EvaluationParams};
pub use spec::PolicySpec;
pub use words::{Words, WordsAnswer};

//! A model with an early exit beside the same model without: the same questions, in one run.

mod answer;
mod contest;
mod error;
mod log;
mod results;
mod spec;
mod table;

pub use answer::{Answer, Question};
pub use contest::Contest;
pub use error::EvaluationError;
pub use log::AnswerLog;
pub use results::{Evaluation, EvaluationParams};
pub use spec::PolicySpec;

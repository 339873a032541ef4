#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod baseline;
mod evaluation;
mod interval;
mod prompts;
mod suitability;
mod tasks;
mod text_match;

pub use baseline::{Baseline, BaselineError};
pub use evaluation::{
    Answer, AnswerLog, Contest, Evaluation, EvaluationError, EvaluationParams, PolicySpec, Question,
};
pub use interval::wilson;
pub use prompts::{ChatTemplate, Draw, Message, PromptError, PromptParams, RenderedPrompt, Template};
pub use suitability::{
    Advice, LayerAgreement, LensSuitability, LensTraces, Measured, Share, Suitability, SuitabilityError,
    SuitabilityParams,
};
pub use tasks::{Item, Items, NotAChoice, RULES, Task, TaskError, TaskFormat};
pub use text_match::{exact_match, f1};

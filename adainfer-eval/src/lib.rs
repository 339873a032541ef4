#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod baseline;
mod evaluation;
mod interval;
mod means;
mod prompts;
mod recording;
mod replace;
mod report;
mod suitability;
mod tasks;
mod text_match;
mod whole_lines;

pub use baseline::{Baseline, BaselineError};
pub use evaluation::{
    Answer, AnswerLog, Contest, Evaluation, EvaluationError, EvaluationParams, Logged, PolicySpec, Question,
    Words, WordsAnswer,
};
pub use interval::wilson;
pub use prompts::{ChatTemplate, Draw, Message, PromptError, PromptParams, RenderedPrompt, Template};
pub use recording::{Recording, TraceLog, TraceLogError};
pub use report::{
    Ablation, Clock, Curve, Drafts, FeatureCurve, Figure, Generalisation, Kind, Method, ModelEntry, Outcome,
    Report, ReportError, RunEntry, Score, ScoreOf, Study, Table, TaskEntry, TextScore,
};
pub use suitability::{
    Advice, LayerAgreement, LensSuitability, LensTraces, Measured, Share, Suitability, SuitabilityError,
    SuitabilityParams,
};
pub use tasks::{Item, Items, NotAChoice, RULES, Task, TaskError, TaskFormat};
pub use text_match::{exact_match, f1};

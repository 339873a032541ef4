//! Early exit beside the whole model, on a task of a benchmark or of your own.
//!
//! ```text
//! cargo run --release --example evaluate --features eval -- --task plurals --policy gap:0.8@25 --out results
//! ```

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adainfer::burn::{AnyModel, Candidates, LensModel, LinearLens, ModelError, first_tokens};
use adainfer::eval::{
    Answer, AnswerLog, ChatTemplate, Contest, Draw, Evaluation, EvaluationParams, PolicySpec, PromptParams,
    Question, RenderedPrompt, Task, Template,
};
use adainfer::prelude::*;
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};

/// Compare early exit with the whole model on a task: accuracy, agreement, layers, operations and the clock.
///
/// A task is sst2, ag_news, mmlu, commonsense_qa or squad with its files in --data, one of your own there
/// (train.jsonl and eval.jsonl), or one of the small rule sets that come with the library: antonyms, capital_letter, colours,
/// country_capitals, next_letter, next_number, past_tense, plurals. Instead of a task, --prompts takes prompts that are
/// rendered already, as {"id": "7", "prompt": "Q: 2 + 2\nA:", "answer": " 4"}; the answer may be a list.
///
/// The folder gets answers.jsonl while it runs, from which an interrupted run goes on, and at the end results.json.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    /// The task's name
    #[arg(long, required_unless_present = "prompts", conflicts_with = "prompts")]
    task: Option<String>,
    /// The folder of the task, or of tasks
    #[arg(long, value_name = "DIR", requires = "task")]
    data: Option<PathBuf>,
    /// Prompts that are rendered already, one JSON object a line
    #[arg(long, value_name = "FILE")]
    prompts: Option<PathBuf>,
    #[command(flatten)]
    render: RenderArgs,
    /// never; gap:0.8 (look after every layer); gap:0.8@25 (after layer 25 and later ones); static:27; or a policy's file
    #[arg(long, value_name = "SPEC_OR_FILE")]
    policy: PolicySpec,
    /// Ask for these tokens alone: "labels" are the first tokens of the task's choices
    #[arg(long, value_parser = ["labels"])]
    candidates: Option<String>,
    /// At most so many questions
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to do with prompts that are longer than the model's positions
    #[arg(long, value_name = "WHAT", default_value = "refuse", value_parser = ["refuse", "skip"])]
    too_long: String,
    /// What draws the demonstrations
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// How questions become prompts.
#[derive(clap::Args)]
struct RenderArgs {
    /// Demonstrations
    #[arg(long, value_name = "K", default_value_t = 5)]
    shots: usize,
    /// As many demonstrations of each label
    #[arg(long)]
    balanced: bool,
    /// Draw demonstrations once for all prompts, and run them once
    #[arg(long)]
    share: bool,
    /// No demonstration whose question has more characters
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    longest: usize,
    /// A Jinja template for a question; the paper's is "Q: {{ input }}\nA:"
    #[arg(long, value_name = "TEMPLATE", requires = "answer")]
    query: Option<String>,
    /// One for its answer; the paper's is " {{ label }}"
    #[arg(long, value_name = "TEMPLATE", requires = "query")]
    answer: Option<String>,
    /// Speak as the chat template of the model's folder says
    #[arg(long)]
    chat: bool,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    let dense = support::ModelArgs { lens: None, ..args.model.clone() }.open()?;
    let model = match args.model.lens() {
        Some(path) => dense.with_lens(&LinearLens::load(path)?)?,
        None => dense.clone(),
    };
    let asked = Asked::new(args, &model)?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let policy = args.policy.policy(model.spec().layers)?;
    let early = match &args.candidates {
        None => return evaluate(args, &dense, &EarlyExit::new(&model, policy)?, asked),
        Some(_) => Candidates::new(&model, &asked.labels(&model)?)?,
    };
    evaluate(args, &dense, &EarlyExit::new(&early, policy)?, asked)
}

/// What is asked.
struct Asked {
    questions: Vec<Question>,
    /// All that the questions could be answered with, where they have choices.
    choices: Vec<String>,
    /// What all begin with and is run once.
    shared: Vec<TokenId>,
    skipped: usize,
}

impl Asked {
    fn new(args: &Args, model: &AnyModel) -> Result<Self> {
        let mut choices = Vec::new();
        let mut questions = match (&args.prompts, &args.task) {
            (Some(path), _) => read(path, args.limit, model)?,
            (None, Some(task)) => {
                let prompts = args.render.prompts(args, task)?;
                let all = prompts.iter().flat_map(|prompt| &prompt.choices);
                all.for_each(|choice| {
                    if !choices.contains(choice) {
                        choices.push(choice.clone())
                    }
                });
                prompts.iter().map(|prompt| question(prompt, model)).collect::<Result<Vec<_>>>()?
            }
            (None, None) => bail!("neither --task nor --prompts is given"),
        };
        let (all, max) = (questions.len(), model.spec().max_positions);
        if let Some(long) = questions.iter().find(|question| question.tokens.len() > max) {
            let (id, length) = (&long.id, long.tokens.len());
            ensure!(
                args.too_long == "skip",
                "prompt {id:?} has {length} tokens, and the model {max} positions"
            );
            questions.retain(|question| question.tokens.len() <= max);
        }
        let shared = match args.render.share || args.prompts.is_some() {
            true => support::shared_prefix(questions.iter().map(|question| question.tokens.as_slice())),
            false => Vec::new(),
        };
        let skipped = all - questions.len();
        Ok(Self { questions, choices, shared, skipped })
    }

    /// The first tokens of the choices; of answers, where prompts came without choices.
    fn labels(&self, model: &AnyModel) -> Result<Vec<TokenId>> {
        if !self.choices.is_empty() {
            return Ok(first_tokens(model.tokenizer()?, &self.choices)?);
        }
        let mut found: Vec<_> =
            self.questions.iter().flat_map(|question| question.gold.iter().copied()).collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// SHA-256 of all questions.
    fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for question in &self.questions {
            hash.update((question.id.len() as u64).to_le_bytes());
            hash.update(&question.id);
            hash.update(question.hash());
        }
        hex(&hash.finalize())
    }
}

impl RenderArgs {
    /// The task's prompts, up to the limit.
    fn prompts(&self, args: &Args, task: &str) -> Result<Vec<RenderedPrompt>> {
        let task = match &args.data {
            Some(folder) => Task::open(task, folder)?,
            None => Task::rule(task).with_context(|| {
                format!("{task:?} does not come with the library: say with --data where it is")
            })?,
        };
        let mut params = PromptParams::default()
            .shots(self.shots)
            .balanced(self.balanced)
            .draw(if self.share { Draw::Once } else { Draw::EachPrompt })
            .longest(self.longest)
            .seed(args.seed);
        if let (Some(query), Some(answer)) = (&self.query, &self.answer) {
            params = params.template(Template::new(query, answer, "\n\n")?);
        }
        if self.chat {
            params = params.chat(ChatTemplate::open(&args.model.find()?)?);
        }
        let limit = args.limit.unwrap_or(usize::MAX).min(task.eval.len());
        Ok(params.prompts(&task.eval[..limit], &task.pool)?)
    }
}

fn question(prompt: &RenderedPrompt, model: &AnyModel) -> Result<Question> {
    let tokenizer = model.tokenizer()?;
    let tokens = tokenizer.encode(&prompt.text, prompt.special)?;
    let gold = support::first_of_each(tokenizer, &prompt.answers)?;
    Ok(Question { id: prompt.id.clone(), tokens, gold })
}

/// Prompts that are rendered already.
fn read(path: &Path, limit: Option<usize>, model: &AnyModel) -> Result<Vec<Question>> {
    let mut prompts = support::Prompt::read(path)?;
    prompts.truncate(limit.unwrap_or(usize::MAX));
    let question = |prompt: &support::Prompt| {
        let (tokens, gold) = prompt.question(model)?;
        Ok(Question { id: prompt.id.clone(), tokens, gold })
    };
    prompts.iter().map(question).collect()
}

/// Asks what was not asked before, and sums up.
fn evaluate<M, P>(args: &Args, plain: &AnyModel, early: &EarlyExit<M, P>, asked: Asked) -> Result<()>
where
    M: LayeredModel<Error = ModelError>,
    P: ExitPolicy,
{
    let spec = early.model().spec();
    let params = EvaluationParams {
        model: spec.fingerprint.clone(),
        layers: spec.layers,
        hidden: plain.hidden_size(),
        vocab: plain.spec().vocab,
        device: args.model.device.to_string(),
        policy: args.policy.to_string(),
        lens: args.model.lens_name().to_owned(),
        data: asked.hash(),
        seed: args.seed,
        skipped: asked.skipped,
    };
    let mut log = AnswerLog::open(args.out.join("answers.jsonl"), &run_name(args, &params)?)?;
    let dense = EarlyExit::new(plain, Never)?;
    let contest = Contest::new(&dense, early, &asked.shared)?;
    if let Some(first) = asked.questions.first() {
        contest.answer(first, true)?; // warms up
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} questions, {eta} left")?;
    let bar = ProgressBar::new(asked.questions.len() as u64).with_style(style);
    for (i, question) in bar.wrap_iter(asked.questions.iter().enumerate()) {
        if log.get(question)?.is_none() {
            let answer = contest.answer(question, i % 2 == 0);
            log.push(answer.with_context(|| format!("prompt {:?}", question.id))?)?;
        }
    }
    let answers = asked
        .questions
        .iter()
        .filter_map(|question| log.get(question).map(Option::<&Answer>::cloned).transpose());
    let answers = answers.collect::<Result<Vec<_>, _>>()?;
    let evaluation = Evaluation::new(params, answers)?;
    evaluation.save(args.out.join("results.json"))?;
    Ok(writeln!(std::io::stdout().lock(), "{evaluation}")?)
}

/// All that an answer depends on but its question: so a run may go on with more questions.
fn run_name(args: &Args, params: &EvaluationParams) -> Result<String> {
    let policy = match &args.policy {
        PolicySpec::File(path) => {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        spec => spec.to_string().into_bytes(),
    };
    let mut hash = Sha256::new();
    hash.update(&params.model);
    hash.update(&params.device);
    hash.update(args.model.dtype.to_string());
    hash.update(args.candidates.as_deref().unwrap_or("whole head"));
    hash.update(policy);
    Ok(hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

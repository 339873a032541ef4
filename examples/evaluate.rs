//! Early exit beside the whole model, on a task of a benchmark or of your own.
//!
//! ```text
//! cargo run --release --example evaluate --features eval -- --task plurals --policy gap:0.8@25 --out results
//! ```

#[path = "support/question.rs"]
mod question;
#[path = "support/render.rs"]
mod render;
#[path = "support/spoken.rs"]
mod spoken;
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adainfer::burn::{AnyModel, Candidates, LensModel, LinearLens, ModelError, first_tokens};
use adainfer::core::WithoutLayers;
use adainfer::eval::{
    Answer, AnswerLog, Baseline, ChatTemplate, Contest, Evaluation, EvaluationParams, PolicySpec, Question,
    Words, WordsAnswer,
};
use adainfer::prelude::*;
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use question::question;
use render::RenderArgs;
use sha2::{Digest, Sha256};
use spoken::say;

/// Compare early exit with the whole model on a task: accuracy, agreement, layers, operations and the clock.
///
/// A task is sst2, ag_news, mmlu, commonsense_qa or squad with its files in --data, one of your own there
/// (train.jsonl and eval.jsonl), or one of the small rule sets that come with the library: antonyms, capital_letter, colours,
/// country_capitals, next_letter, next_number, past_tense, plurals. Instead of a task, --prompts takes prompts that are
/// rendered already, as {"id": "7", "prompt": "Q: 2 + 2\nA:", "answer": " 4"}; the answer may be a list.
///
/// The folder gets answers.jsonl (and words.jsonl) while it runs, from which an interrupted run goes on, and at the end results.json.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    model: support::ModelArgs,
    /// The task's name
    #[arg(long, required_unless_present = "prompts", conflicts_with = "prompts")]
    task: Option<String>,
    /// Prompts that are rendered already, one JSON object a line
    #[arg(long, value_name = "FILE")]
    prompts: Option<PathBuf>,
    #[command(flatten)]
    render: RenderArgs,
    /// Speak as the chat template of the model's folder says
    #[arg(long, conflicts_with = "prompts")]
    chat: bool,
    /// never; gap:0.8 (look after every layer); gap:0.8@25 (after layer 25 and later ones); static:27; or a policy's file
    #[arg(long, value_name = "SPEC_OR_FILE")]
    policy: PolicySpec,
    /// Ask for these tokens alone: "labels" are the first tokens of the task's choices
    #[arg(long, value_parser = ["labels"])]
    candidates: Option<String>,
    /// Leave layers out of the model, whatever is asked: skip-last:3, or shortgpt:8 (those of least influence on 20 prompts
    /// of the pool); the policy decides on the others
    #[arg(long, value_name = "BASELINE", conflicts_with = "candidates")]
    without: Option<Baseline>,
    /// Answer in words too, in a line of at most so many tokens: exact match and F1, as SQuAD counts them
    #[arg(long, value_name = "TOKENS", conflicts_with = "prompts")]
    words: Option<usize>,
    /// What to do with prompts that are longer than the model's positions
    #[arg(long, value_name = "WHAT", default_value = "refuse", value_parser = ["refuse", "skip"])]
    too_long: String,
    /// The folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn main() -> ExitCode {
    support::run(run)
}

fn run(args: &Args) -> Result<()> {
    if let (Some(name), true) = (args.render.of_tasks(), args.prompts.is_some()) {
        bail!("{name} is of no use with --prompts, which are rendered already");
    }
    let dense = support::ModelArgs { lens: None, ..args.model.clone() }.open()?;
    if args.without.is_none() {
        args.policy.policy(dense.spec().layers)?;
    }
    let model = match args.model.lens() {
        Some(path) => dense.with_lens(&LinearLens::load(path)?)?,
        None => dense.clone(),
    };
    let asked = Asked::new(args, &model)?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    match (&args.candidates, args.without) {
        (Some(_), _) => {
            let candidates = Candidates::new(&model, &asked.labels(&model)?)?;
            evaluate(args, &dense, &candidates, &asked)
        }
        (None, Some(baseline)) => {
            let left_out = baseline.left_out(&asked.influence(&dense)?)?;
            eprintln!("layers {left_out:?} are left out");
            evaluate(args, &dense, &WithoutLayers::new(&model, &left_out)?, &asked)
        }
        (None, None) => evaluate(args, &dense, &model, &asked),
    }
}

/// Prompts that layers are judged by.
const JUDGES: usize = 20;

/// What is asked.
struct Asked {
    questions: Vec<Question>,
    /// The answers to each in words, where the prompts are a task's.
    answers: Vec<Vec<String>>,
    /// All that the questions could be answered with, where they have choices.
    choices: Vec<String>,
    /// What all begin with and is run once.
    shared: Vec<TokenId>,
    /// Prompts of the pool, to judge layers by; none unless they are to be judged.
    judges: Vec<Vec<TokenId>>,
    skipped: usize,
}

impl Asked {
    fn new(args: &Args, model: &AnyModel) -> Result<Self> {
        let (mut choices, mut judges) = (Vec::new(), Vec::new());
        let judged = matches!(args.without, Some(Baseline::ShortGpt(_)));
        ensure!(
            !judged || args.task.is_some(),
            "shortgpt judges layers by a task's pool: name the task with --task"
        );
        let mut answers = Vec::new();
        let mut questions = match (&args.prompts, &args.task) {
            (Some(path), _) => read(path, args.render.limit, model)?,
            (None, Some(task)) => {
                let chat = if args.chat { Some(ChatTemplate::open(&args.model.find()?)?) } else { None };
                let task = args.render.task(task)?;
                if judged {
                    let pool = &task.pool[..JUDGES.min(task.pool.len())];
                    let prompts = args.render.prompts(pool, &task.pool, chat.clone())?;
                    let tokens = |prompt| Ok(question(prompt, model)?.tokens);
                    judges = prompts.iter().map(tokens).collect::<Result<_>>()?;
                }
                let prompts = args.render.prompts(&task.eval, &task.pool, chat)?;
                let all = prompts.iter().flat_map(|prompt| &prompt.choices);
                all.for_each(|choice| {
                    if !choices.contains(choice) {
                        choices.push(choice.clone())
                    }
                });
                answers = prompts.iter().map(|prompt| prompt.answers.clone()).collect();
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
            let mut fits = questions.iter().map(|question| question.tokens.len() <= max);
            answers.retain(|_| fits.next().unwrap_or(true));
            questions.retain(|question| question.tokens.len() <= max);
        }
        // Of one prompt all would be shared.
        let shared = match args.render.share && questions.len() > 1 {
            true => support::shared_prefix(questions.iter().map(|question| question.tokens.as_slice())),
            false => Vec::new(),
        };
        let skipped = all - questions.len();
        Ok(Self { questions, answers, choices, shared, judges, skipped })
    }

    /// Mean block influence of every layer; 0 where nothing judges them.
    fn influence(&self, model: &AnyModel) -> Result<Vec<f64>> {
        let mut sums = vec![0.0; model.spec().layers];
        for tokens in &self.judges {
            let influence = model.block_influence(tokens)?;
            sums.iter_mut().zip(influence).for_each(|(sum, one)| *sum += f64::from(one));
        }
        Ok(sums.into_iter().map(|sum| sum / self.judges.len().max(1) as f64).collect())
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
fn evaluate<M>(args: &Args, plain: &AnyModel, model: &M, asked: &Asked) -> Result<()>
where
    M: LayeredModel<Error = ModelError>,
{
    let spec = model.spec();
    let early = EarlyExit::new(model, args.policy.policy(spec.layers)?)?;
    let params = EvaluationParams {
        model: spec.fingerprint.clone(),
        layers: plain.spec().layers,
        hidden: plain.hidden_size(),
        vocab: plain.spec().vocab,
        device: args.model.device.to_string(),
        policy: match args.without {
            Some(baseline) => format!("{} without {baseline}", args.policy),
            None => args.policy.to_string(),
        },
        lens: args.model.lens_name().to_owned(),
        data: Question::hash_all(&asked.questions),
        seed: args.render.seed(),
        skipped: asked.skipped,
    };
    let run = run_name(args, &params)?;
    let mut log = AnswerLog::<Answer>::open(args.out.join("answers.jsonl"), &run)?;
    let dense = EarlyExit::new(plain, Never)?;
    let contest = Contest::new(&dense, &early, &asked.shared)?;
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
    let mut evaluation = Evaluation::new(params, answers)?;
    if let Some(max_tokens) = args.words {
        let file = args.out.join("words.jsonl");
        let mut log = AnswerLog::open(file, &format!("{run} {max_tokens}"))?;
        evaluation.words = words(plain, &dense, &early, asked, max_tokens, &mut log)?;
    }
    evaluation.save(args.out.join("results.json"))?;
    Ok(writeln!(std::io::stdout().lock(), "{evaluation}")?)
}

/// Answers in words, those that were not given before.
fn words<M>(
    plain: &AnyModel,
    dense: &EarlyExit<&AnyModel, Never>,
    early: &EarlyExit<&M, Box<dyn ExitPolicy>>,
    asked: &Asked,
    max_tokens: usize,
    log: &mut AnswerLog<WordsAnswer>,
) -> Result<Option<Words>>
where
    M: LayeredModel<Error = ModelError>,
{
    let (tokenizer, end) = (plain.tokenizer()?, plain.end_tokens());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} in words, {eta} left")?;
    let bar = ProgressBar::new(asked.questions.len() as u64).with_style(style);
    let mut answers = Vec::new();
    for (question, right) in bar.wrap_iter(asked.questions.iter().zip(&asked.answers)) {
        if log.get(question)?.is_none() {
            let whole = say(dense, tokenizer, end, &question.tokens, max_tokens)?;
            let left = say(early, tokenizer, end, &question.tokens, max_tokens)?;
            log.push(WordsAnswer::new(question, right, &whole.text, &left.text, &left.layers_run))?;
        }
        answers.extend(log.get(question)?.cloned());
    }
    Ok(Words::new(&answers))
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
    hash.update(args.model.weights.to_string());
    hash.update(args.candidates.as_deref().unwrap_or("whole head"));
    hash.update(policy);
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

//! Answers in words.

use adainfer::burn::text::Tokenizer;
use adainfer::core::{EarlyExit, ExitPolicy, LayeredModel, TokenId};
use anyhow::Result;

/// A line that a model said.
pub(crate) struct Spoken {
    pub(crate) text: String,
    /// Layers run for each token.
    pub(crate) layers_run: Vec<usize>,
}

/// What a model goes on with, up to the end of the line, the end of the text or so many tokens.
///
/// # Errors
///
/// If the model fails, or the tokenizer cannot read what it says.
pub(crate) fn say<M: LayeredModel, P: ExitPolicy>(
    engine: &EarlyExit<M, P>,
    tokenizer: &Tokenizer,
    end: &[TokenId],
    prompt: &[TokenId],
    max_tokens: usize,
) -> Result<Spoken> {
    let mut session = engine.session()?;
    let (mut tokens, mut layers_run, mut text) = (Vec::new(), Vec::new(), String::new());
    for step in session.generate(prompt).max_tokens(max_tokens).stop_at(end) {
        let step = step?;
        layers_run.push(step.layers_run);
        if end.contains(&step.token) {
            break;
        }
        tokens.push(step.token);
        text = tokenizer.decode(&tokens)?;
        // A line may begin with its end.
        if text.trim_start().contains('\n') {
            break;
        }
    }
    let line = text.trim().lines().next().unwrap_or_default().to_owned();
    Ok(Spoken { text: line, layers_run })
}

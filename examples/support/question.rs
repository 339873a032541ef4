//! Rendered prompts as a model takes them.

use adainfer::burn::AnyModel;
use adainfer::eval::{Question, RenderedPrompt};
use anyhow::Result;

/// A prompt's tokens, and the first tokens of its answers.
///
/// # Errors
///
/// If the model has no tokenizer, or an answer no token.
pub(crate) fn question(prompt: &RenderedPrompt, model: &AnyModel) -> Result<Question> {
    let tokenizer = model.tokenizer()?;
    let tokens = tokenizer.encode(&prompt.text, prompt.special)?;
    let gold = super::support::first_of_each(tokenizer, &prompt.answers)?;
    Ok(Question { id: prompt.id.clone(), tokens, gold })
}

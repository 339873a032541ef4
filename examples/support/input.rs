//! What a model is asked: a text, or tokens.

use adainfer::prelude::*;
use anyhow::Result;

use adainfer::burn::AnyModel;

/// The arguments that give the input, one of the two.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Input {
    /// The text to go on from; the model needs a tokenizer
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// The same as token numbers, separated by commas: 1,2,3
    #[arg(long, value_name = "TOKENS", value_delimiter = ',')]
    tokens: Option<Vec<TokenId>>,
}

impl Input {
    /// The tokens to feed; before a text's come those that this model's texts begin with.
    ///
    /// # Errors
    ///
    /// If there is a text and the model has no usable tokenizer.
    pub(crate) fn tokens(&self, model: &AnyModel) -> Result<Vec<TokenId>> {
        let text = self.prompt.as_deref().map(|text| Ok(model.tokenizer()?.encode(text, true)?));
        text.unwrap_or_else(|| Ok(self.tokens.clone().unwrap_or_default()))
    }
}

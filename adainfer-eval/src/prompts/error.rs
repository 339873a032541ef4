/// Why there is no prompt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// Too few items to demonstrate with.
    #[error("{found} demonstrations for {asker}, and {needed} are needed")]
    TooFew {
        /// Whom they are for.
        asker: String,
        /// Those that there are.
        found: usize,
        /// Those that were asked for.
        needed: usize,
    },
    /// Demonstrations cannot be balanced without choices.
    #[error("item {id:?} has no choices that demonstrations could be balanced over")]
    NoChoices {
        /// The item's name.
        id: String,
    },
    /// A template is wrong, or something in it fails.
    #[error("the template fails")]
    Template(#[from] minijinja::Error),
    /// A chat template's file is not as expected.
    #[error("{path} has no chat template: {reason}")]
    NoChat {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

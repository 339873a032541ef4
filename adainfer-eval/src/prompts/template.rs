use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};

use super::PromptError;
use crate::Item;

/// The parts of a few-shot prompt: demonstrations are query, answer, separator; the prompt ends with a query.
///
/// Query and answer are Jinja templates over `input`, `label` (in the answer), `choices` and `subject`.
///
/// ```
/// let template = adainfer_eval::Template::new("Review: {{ input }}\nSentiment:", " {{ label }}", "\n\n")?;
/// // A name that is not known is an error, and not an empty text.
/// assert!(adainfer_eval::Template::new("{{ imput }}", " {{ label }}", "\n").is_err());
/// # Ok::<(), adainfer_eval::PromptError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Template {
    templates: Environment<'static>,
    separator: String,
}

const QUERY: &str = "query";
const ANSWER: &str = "answer";

impl Default for Template {
    /// The paper's (section 5.1): `Q: {input}\nA: {label}\n\n`, and `Q: {input}\nA:` at the end.
    fn default() -> Self {
        Self::compiled("Q: {{ input }}\nA:", " {{ label }}", "\n\n")
            .unwrap_or_else(|_| Self { templates: Environment::new(), separator: String::new() })
    }
}

impl Template {
    /// From a query, an answer and what stands between demonstrations.
    ///
    /// # Errors
    /// A template that is wrong, or has a name that is not known.
    pub fn new(query: &str, answer: &str, separator: &str) -> Result<Self, PromptError> {
        let template = Self::compiled(query, answer, separator)?;
        let item = Item::new("", "a question", vec!["an answer".to_owned()]);
        template.query(&item)?;
        template.answer(&item, item.answer())?;
        Ok(template)
    }

    fn compiled(query: &str, answer: &str, separator: &str) -> Result<Self, PromptError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build()?);
        templates.add_template_owned(QUERY, query.to_owned())?;
        templates.add_template_owned(ANSWER, answer.to_owned())?;
        Ok(Self { templates, separator: separator.to_owned() })
    }

    /// What is asked.
    ///
    /// # Errors
    /// A template that fails.
    pub fn query(&self, item: &Item) -> Result<String, PromptError> {
        let Item { input, choices, subject, .. } = item;
        Ok(self.templates.get_template(QUERY)?.render(context! { input, choices, subject })?)
    }

    /// What the query goes on with, for one of the labels.
    ///
    /// # Errors
    /// A template that fails.
    pub fn answer(&self, item: &Item, label: &str) -> Result<String, PromptError> {
        let Item { input, choices, subject, .. } = item;
        Ok(self.templates.get_template(ANSWER)?.render(context! { input, label, choices, subject })?)
    }

    /// The demonstrations, and the query.
    pub(super) fn parts(&self, item: &Item, shown: &[&Item]) -> Result<(String, String), PromptError> {
        let mut before = String::new();
        for other in shown {
            before += &self.query(other)?;
            before += &self.answer(other, other.answer())?;
            before += &self.separator;
        }
        Ok((before, self.query(item)?))
    }
}

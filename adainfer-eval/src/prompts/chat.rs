use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde::Deserialize;

use super::{PromptError, Template};
use crate::Item;

/// A turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// So much said by that role.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// How a model was taught to be talked to: the Jinja template of a Hugging Face folder.
///
/// ```
/// use adainfer_eval::{ChatTemplate, Message};
///
/// let source = "{% for m in messages %}<|{{ m.role }}|>{{ m.content.strip() }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
/// let chat = ChatTemplate::new(source, "<s>", "</s>")?;
/// assert_eq!(chat.render(&[Message::new("user", " hello ")])?, "<|user|>hello\n<|assistant|>");
/// # Ok::<(), adainfer_eval::PromptError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    templates: Environment<'static>,
    bos: String,
    eos: String,
}

const NAME: &str = "chat";
/// No template is longer: 1 MiB.
const LONGEST: u64 = 1 << 20;

/// What is read of a `tokenizer_config.json`.
#[derive(Deserialize)]
struct Config {
    chat_template: Option<Chat>,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Chat {
    One(String),
    Several(Vec<Named>),
}

#[derive(Deserialize)]
struct Named {
    name: String,
    template: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Added { content: String },
}

impl Token {
    fn into_text(token: Option<Self>) -> String {
        match token {
            None => String::new(),
            Some(Self::Text(text) | Self::Added { content: text }) => text,
        }
    }
}

impl ChatTemplate {
    /// From a template's source, and the tokens that it may name.
    ///
    /// # Errors
    /// A source that is no template.
    pub fn new(source: &str, bos: impl Into<String>, eos: impl Into<String>) -> Result<Self, PromptError> {
        let mut templates = Environment::new();
        // As transformers sets its Jinja up.
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        templates.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        templates.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        templates.add_template_owned(NAME, source.to_owned())?;
        Ok(Self { templates, bos: bos.into(), eos: eos.into() })
    }

    /// Of a Hugging Face folder: `chat_template.jinja`, or else what `tokenizer_config.json` has; of several the one that is
    /// called `default`.
    ///
    /// # Errors
    /// [`PromptError::NoChat`] for a file that cannot be read or has none, and as [`new`](Self::new).
    pub fn open(folder: &Path) -> Result<Self, PromptError> {
        let path = folder.join("tokenizer_config.json");
        let no_chat = |reason: String| PromptError::NoChat { path: path.display().to_string(), reason };
        let text = read(&path).map_err(|error| no_chat(error.to_string()))?;
        let config: Config = serde_json::from_str(&text).map_err(|error| no_chat(error.to_string()))?;
        let source = match (read(&folder.join("chat_template.jinja")), config.chat_template) {
            (Ok(source), _) | (Err(_), Some(Chat::One(source))) => source,
            (Err(_), Some(Chat::Several(several))) => {
                let found = several.into_iter().find(|template| template.name == "default");
                found.ok_or_else(|| no_chat("none of its templates is called default".to_owned()))?.template
            }
            (Err(_), None) => return Err(no_chat("it has no field `chat_template`".to_owned())),
        };
        Self::new(&source, Token::into_text(config.bos_token), Token::into_text(config.eos_token))
    }

    /// A conversation as the model expects it, up to where the assistant begins to speak.
    ///
    /// # Errors
    /// What the template says, for roles in an order that it does not know for example.
    pub fn render(&self, messages: &[Message]) -> Result<String, PromptError> {
        let template = self.templates.get_template(NAME)?;
        let message =
            |message: &Message| Value::from_pairs([("role", &message.role), ("content", &message.content)]);
        let messages: Value = messages.iter().map(message).collect();
        let (bos_token, eos_token) = (&self.bos, &self.eos);
        Ok(template.render(context! { messages, bos_token, eos_token, add_generation_prompt => true })?)
    }

    /// What is the same for all queries after these demonstrations, and the rest.
    pub(super) fn parts(
        &self,
        template: &Template,
        item: &Item,
        shown: &[&Item],
    ) -> Result<(String, String), PromptError> {
        let mut messages = Vec::new();
        for other in shown {
            messages.push(Message::new("user", template.query(other)?.trim()));
            messages.push(Message::new("assistant", template.answer(other, other.answer())?.trim()));
        }
        let mut before = String::new();
        if !shown.is_empty() {
            // Up to where two different queries part.
            let with = |query: &str| {
                let mut messages = messages.clone();
                messages.push(Message::new("user", query));
                self.render(&messages)
            };
            let (one, other) = (with("a")?, with("b")?);
            let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
            before = same.map(|(a, _)| a).collect();
        }
        messages.push(Message::new("user", template.query(item)?.trim()));
        let whole = self.render(&messages)?;
        Ok(match whole.strip_prefix(before.as_str()) {
            Some(query) => (before, query.to_owned()),
            None => (String::new(), whole),
        })
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(std::fs::File::open(path)?, LONGEST), &mut text)?;
    Ok(text)
}

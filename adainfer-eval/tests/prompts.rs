//! Prompts as models see them.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use adainfer_eval::{ChatTemplate, Draw, Message, PromptError, PromptParams, Task, Template};

const CHAT: &str = "{% for message in messages %}\n{{ bos_token }}[{{ message['role'] }}] {{ message['content'].strip() }}{{ eos_token }}\n{% endfor %}\n\
                    {%- if add_generation_prompt %}[assistant] {% endif %}";

fn task() -> Task {
    Task::rule("plurals").unwrap()
}

#[test]
fn the_papers_template_is_the_default() {
    let task = task();
    let prompts = PromptParams::default().shots(0).prompts(&task.eval, &task.pool).unwrap();
    assert_eq!(prompts[0].text, "Q: child\nA:");
    assert_eq!((prompts[0].answers.as_slice(), prompts[0].shared), (&[" children".to_owned()][..], 0));
    let prompts = PromptParams::default().shots(20).prompts(&task.eval, &task.pool).unwrap();
    let blocks: Vec<_> = prompts[3].text.split("\n\n").collect();
    assert_eq!(blocks.len(), 21);
    for block in &blocks[..20] {
        let (question, answer) = block.split_once("\nA: ").unwrap();
        let shown = task.pool.iter().find(|item| format!("Q: {}", item.input) == question).unwrap();
        assert_eq!(shown.answer(), answer);
    }
    assert!(prompts.iter().any(|prompt| !prompt.text.starts_with(blocks[0])), "drawn anew for every prompt");
}

#[test]
fn demonstrations_may_be_shared() {
    let task = task();
    let params = PromptParams::default().draw(Draw::Once).shots(3);
    let prompts = params.prompts(&task.eval, &task.pool).unwrap();
    let shared = prompts[0].shared;
    assert!(shared > 0 && prompts.iter().all(|prompt| prompt.text[..shared] == prompts[0].text[..shared]));
    assert_eq!(prompts[5].text[shared..].matches("Q:").count(), 1);
    // Who is demonstrated to all is not asked.
    assert_eq!(params.prompts(&task.pool, &task.pool).unwrap().len(), task.pool.len() - 3);
}

#[test]
fn templates_are_of_ones_own() {
    let task = task();
    let template = Template::new("{{ input | upper }} ->", "{{ label }}", "; ").unwrap();
    let prompts =
        PromptParams::default().template(template).shots(1).prompts(&task.eval, &task.pool).unwrap();
    assert!(prompts[0].text.ends_with("; CHILD ->") && prompts[0].answers == ["children"]);
    assert!(matches!(Template::new("{{ input", "", ""), Err(PromptError::Template(_))));
    assert!(matches!(Template::new("{{ input }}", "{{ lable }}", ""), Err(PromptError::Template(_))));
}

#[test]
fn chat_templates_make_turns() {
    let task = task();
    let chat = || ChatTemplate::new(CHAT, "<s>", "</s>").unwrap();
    let prompts = PromptParams::default().chat(chat()).shots(1).draw(Draw::Once);
    let prompts = prompts.prompts(&task.eval, &task.pool).unwrap();
    let text = &prompts[0].text;
    assert!(
        text.starts_with("<s>[user] Q: ") && text.ends_with("<s>[user] Q: child\nA:</s>\n[assistant] "),
        "{text}"
    );
    assert_eq!(text.matches("<s>[assistant] ").count(), 1, "{text}");
    assert!(!prompts[0].special && prompts[0].answers == ["children"]);
    assert!(text[..prompts[0].shared].ends_with("<s>[user] "), "{}", &text[..prompts[0].shared]);
    let said = ChatTemplate::new("{{ raise_exception('no system turn') }}", "", "").unwrap();
    let error = said.render(&[Message::new("system", "")]).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("no system turn"));
}

#[test]
fn chat_templates_are_read_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let open = || ChatTemplate::open(folder.path());
    let hello = || open().unwrap().render(&[Message::new("user", "hello")]).unwrap();
    assert!(matches!(open(), Err(PromptError::NoChat { .. })));
    write("tokenizer_config.json", r#"{"bos_token": {"content": "<b>"}, "eos_token": null}"#);
    assert!(open().unwrap_err().to_string().contains("it has no field `chat_template`"));
    write(
        "tokenizer_config.json",
        r#"{"bos_token": {"content": "<b>"}, "chat_template": "{{ bos_token }}{{ messages[0].content }}"}"#,
    );
    assert_eq!(hello(), "<b>hello");
    write(
        "tokenizer_config.json",
        r#"{"chat_template": [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}]}"#,
    );
    assert_eq!(hello(), "d");
    write("chat_template.jinja", "j");
    assert_eq!(hello(), "j");
}

#[test]
fn too_few_demonstrations_are_refused() {
    let task = task();
    let error = PromptParams::default().shots(31).prompts(&task.eval, &task.pool).unwrap_err();
    assert_eq!(error.to_string(), "30 demonstrations for prompt \"plurals 2\", and 31 are needed");
    let error = PromptParams::default().balanced(true).prompts(&task.eval, &task.pool).unwrap_err();
    assert!(matches!(error, PromptError::NoChoices { .. }));
}

//! Tokenizers that are not there, are damaged, or belong to another model.

use std::fs;

use adainfer_burn::LoadError as E;

use crate::broken::Broken;

const FILE: &str = "tokenizer.json";

fn fixture() -> Vec<u8> {
    let folder = env!("CARGO_MANIFEST_DIR");
    fs::read(format!("{folder}/tests/fixtures/text/byte_level_tokenizer.json")).unwrap()
}

/// Asserts that the model opens, and that asking it for its tokenizer fails.
macro_rules! refused_for_its_tokenizer {
    ($broken:expr, $($word:expr),+) => {{
        let broken = $broken;
        let model = broken.open().unwrap();
        // The second call fails as the first does.
        for _ in 0..2 {
            refused!(model.tokenizer(), E::Tokenizer { .. }, broken.file(FILE).display(), $($word),+);
        }
    }};
}

#[test]
fn a_model_without_a_tokenizer_opens() {
    refused_for_its_tokenizer!(Broken::single(), "there is no tokenizer");
}

#[test]
fn a_damaged_tokenizer_is_refused_when_it_is_needed() {
    for text in ["", "{", "{}", "[]", r#"{"version": "1.0", "model": {"type": "Unknown"}}"#] {
        refused_for_its_tokenizer!(Broken::single().write(FILE, text), "cannot be used");
    }
}

#[test]
fn a_tokenizer_cut_short_is_refused() {
    let whole = fixture();
    for length in [1, whole.len() / 2, whole.len() - 2] {
        refused_for_its_tokenizer!(Broken::single().write(FILE, &whole[..length]), "cannot be used");
    }
}

#[test]
fn a_tokenizer_with_more_tokens_than_the_model_is_refused() {
    let words = "the tokenizer has 702 tokens and the model 257";
    refused_for_its_tokenizer!(Broken::single().write(FILE, fixture()), words);
}

#[test]
fn a_tokenizer_that_was_mended_is_read_at_the_next_call() {
    let broken = Broken::single();
    let model = broken.open().unwrap();
    assert!(model.tokenizer().is_err());
    let small = r#"{"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
        "post_processor": null, "decoder": {"type": "ByteLevel", "add_prefix_space": false,
        "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}"#;
    let _broken = broken.write(FILE, small);
    assert_eq!(model.tokenizer().unwrap().encode("ab", false).unwrap(), [0, 1]);
}

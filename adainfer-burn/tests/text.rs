//! Tokenizers against what the libraries of the models' makers say (`fixtures/text/make_fixtures.py`), and bad input.
#![allow(clippy::unwrap_used)]

#[path = "fixtures/text/mod.rs"]
mod fixtures;

use std::path::Path;

use adainfer_burn::text::{GgufVocab, Tokenizer, TokenizerError};
use fixtures::{byte_level, fixture, json, list, number, sentence_piece, string, words};
use proptest::prelude::*;
use serde_json::Value;

/// Pushes the tokens one by one. No piece is empty.
fn streamed(tokenizer: &Tokenizer, tokens: &[u32]) -> String {
    let (mut stream, mut text) = (tokenizer.stream(), String::new());
    for token in tokens {
        let piece = stream.push(*token).unwrap();
        assert_ne!(piece.as_deref(), Some(""));
        text.extend(piece);
    }
    text + &stream.finish().unwrap()
}

/// Checks the tokens and the text of each case. The text is null where the library shows special tokens.
fn check(tokenizer: &Tokenizer, cases: &Value) {
    assert!(list(cases, |_| ()).len() >= 30);
    for case in cases.as_array().unwrap() {
        let (text, ids) = (string(&case["text"]), list(&case["ids"], number));
        assert_eq!(tokenizer.encode(&text, false).unwrap(), ids, "{text:?}");
        let decoded = tokenizer.decode(&ids).unwrap();
        assert_eq!(streamed(tokenizer, &ids), decoded);
        if let Some(expected) = case["decoded"].as_str() {
            assert_eq!(decoded, expected);
        }
    }
}

#[test]
fn a_tokenizer_file_encodes_and_decodes_as_its_library_does() {
    let tokenizer = Tokenizer::from_file(&fixture("byte_level_tokenizer.json")).unwrap();
    check(&tokenizer, &json("byte_level.json")["cases"]["smollm"]);
    assert_eq!(tokenizer.vocab_size(), byte_level("smollm").tokens.len());
}

#[test]
fn a_byte_level_vocabulary_encodes_as_its_library_does_for_each_way_to_split() {
    let cases = &json("byte_level.json")["cases"];
    for pre in ["smollm", "gpt-2", "llama-bpe", "qwen2", "default"] {
        check(&Tokenizer::from_gguf(byte_level(pre)).unwrap(), &cases[pre]);
    }
}

#[test]
fn the_ways_to_split_differ() {
    let encode = |pre| {
        Tokenizer::from_gguf(byte_level(pre)).unwrap().encode("the kettle 1987 (only 99), WE'LL\n\nit", false)
    };
    let mut ids: Vec<_> =
        ["smollm", "gpt-2", "llama-bpe", "qwen2", "default"].map(|pre| encode(pre).unwrap()).into();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_sentence_piece_vocabulary_encodes_and_decodes_as_its_library_does() {
    let value = json("sentence_piece.json");
    for name in ["usual", "no_prefix", "no_bytes"] {
        check(&Tokenizer::from_gguf(sentence_piece(name)).unwrap(), &value[name]["cases"]);
    }
}

#[test]
fn a_file_with_the_spelling_of_sentence_piece_is_read_and_its_cutting_of_texts_is_not() {
    let space = r#"{"type":"Replace","pattern":{"String":"▁"},"content":" "}"#;
    let strip = r#"{"type":"Strip","content":" ","start":1,"stop":0}"#;
    let steps = format!(r#"[{space},{{"type":"ByteFallback"}},{{"type":"Fuse"}},{strip}]"#);
    let metaspace = r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}"#;
    for decoder in [&format!(r#"{{"type":"Sequence","decoders":{steps}}}"#), metaspace] {
        let model = r#"{"type":"BPE","vocab":{"▁a":0,"a":1,"▁":2,"<0xC3>":3,"<0xA9>":4},"merges":["▁ a"]}"#;
        let cut = r#"{"direction":"Right","max_length":1,"strategy":"LongestFirst","stride":0}"#;
        let file = format!(
            r#"{{"version":"1.0","truncation":{cut},"added_tokens":[],"model":{model},"decoder":{decoder}}}"#
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spelling.json");
        std::fs::write(&path, file).unwrap();
        let tokenizer = Tokenizer::from_file(&path).unwrap();
        assert_eq!(tokenizer.encode("▁a▁aa", false).unwrap(), [0, 0, 1]);
        let bytes = if decoder == metaspace { "<0xC3><0xA9>" } else { "é" };
        assert_eq!(tokenizer.decode(&[0, 0, 1, 3, 4]).unwrap(), format!("a aa{bytes}"));
    }
}

#[test]
fn the_tokens_around_a_text_are_added_if_asked_for() {
    let llama = Tokenizer::from_gguf(sentence_piece("usual")).unwrap();
    assert_eq!(llama.encode("the", true).unwrap()[..1], [1]);
    assert_ne!(llama.encode("the", false).unwrap()[..1], [1]);
    let both = GgufVocab { add_bos: Some(true), add_eos: Some(true), ..byte_level("smollm") };
    assert_eq!(Tokenizer::from_gguf(both).unwrap().encode("", true).unwrap(), [0, 2]);
    let default = Tokenizer::from_gguf(byte_level("smollm")).unwrap();
    assert!(default.encode("", true).unwrap().is_empty());
    let llama3 = Tokenizer::from_gguf(byte_level("llama-bpe")).unwrap();
    assert_eq!(llama3.encode("", true).unwrap(), [0]);
}

#[test]
fn a_token_reads_as_it_does_inside_a_text() {
    let tokenizer = Tokenizer::from_gguf(byte_level("smollm")).unwrap();
    let text = |text| tokenizer.token_text(tokenizer.encode(text, false).unwrap()[0]);
    assert_eq!(text(" the").as_deref(), Some(" the"));
    assert_eq!(text("<|im_start|>").as_deref(), Some("<|im_start|>"));
    assert_eq!(text("🙂").as_deref(), Some("\u{fffd}"));
    assert_eq!(tokenizer.token_text(u32::MAX), None);
    let llama = Tokenizer::from_gguf(sentence_piece("usual")).unwrap();
    assert_eq!(llama.token_text(llama.encode("the", false).unwrap()[0]).as_deref(), Some(" the"));
}

#[test]
fn a_character_of_several_tokens_comes_with_the_last_and_special_tokens_add_nothing() {
    let tokenizer = Tokenizer::from_gguf(byte_level("smollm")).unwrap();
    let tokens = tokenizer.encode("🙂<|im_end|>a", false).unwrap();
    let mut stream = tokenizer.stream();
    let pieces: Vec<_> = tokens.iter().map(|token| stream.push(*token).unwrap()).collect();
    let (last, before) = pieces.split_last().unwrap();
    assert!(before.len() > 2);
    assert_eq!(before.iter().flatten().collect::<Vec<_>>(), ["🙂"]);
    assert_eq!(before[before.len() - 2].as_deref(), Some("🙂"));
    assert_eq!(last.as_deref(), Some("a"));
    assert_eq!(stream.finish().unwrap(), "");
}

#[test]
fn a_character_that_is_never_whole_is_given_at_the_end() {
    let tokenizer = Tokenizer::from_gguf(byte_level("smollm")).unwrap();
    let tokens = tokenizer.encode("🙂", false).unwrap();
    let mut stream = tokenizer.stream();
    assert_eq!(stream.push(tokens[0]).unwrap(), None);
    assert_eq!(stream.finish().unwrap(), "\u{fffd}");
    let broken = tokenizer.encode("a", false).unwrap()[0];
    assert_eq!(tokenizer.decode(&[tokens[0], broken]).unwrap(), "\u{fffd}a");
}

#[test]
fn a_token_beyond_the_vocabulary_is_refused_and_the_stream_goes_on() {
    let tokenizer = Tokenizer::from_gguf(byte_level("smollm")).unwrap();
    let size = tokenizer.vocab_size();
    let beyond = u32::try_from(size).unwrap();
    let refused = tokenizer.decode(&[beyond]).unwrap_err();
    assert_eq!(refused.to_string(), format!("token {size} is not in the vocabulary of {size}"));
    let the = tokenizer.encode("the", false).unwrap()[0];
    let mut stream = tokenizer.stream();
    assert!(matches!(stream.push(beyond), Err(TokenizerError::UnknownToken { .. })));
    assert_eq!(stream.push(the).unwrap().as_deref(), Some("the"));
}

#[test]
fn tokenizers_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Tokenizer>();
    shared::<TokenizerError>();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streaming_any_tokens_gives_what_decoding_gives(picks in prop::collection::vec(any::<prop::sample::Index>(), 0..60)) {
        for vocab in [byte_level("smollm"), sentence_piece("usual"), sentence_piece("no_bytes")] {
            let tokenizer = Tokenizer::from_gguf(vocab).unwrap();
            let pick = |pick: &prop::sample::Index| pick.index(tokenizer.vocab_size()) as u32;
            let tokens: Vec<u32> = picks.iter().map(pick).collect();
            prop_assert_eq!(streamed(&tokenizer, &tokens), tokenizer.decode(&tokens).unwrap());
        }
    }

    #[test]
    fn any_text_comes_back_from_vocabularies_with_all_bytes(text in "\\PC{0,40}") {
        for vocab in [byte_level("gpt-2"), sentence_piece("usual")] {
            let tokenizer = Tokenizer::from_gguf(vocab).unwrap();
            let tokens = tokenizer.encode(&text, false).unwrap();
            prop_assert_eq!(tokenizer.decode(&tokens).unwrap(), text.replace('▁', " "));
        }
    }
}

mod bad_input {
    use super::*;

    fn refusal(vocab: GgufVocab) -> String {
        Tokenizer::from_gguf(vocab).unwrap_err().to_string()
    }

    fn gpt2(tokens: &[&str], merges: &[&str]) -> GgufVocab {
        let (pre, merges) = (Some("gpt-2".into()), Some(words(merges)));
        GgufVocab { model: "gpt2".into(), pre, tokens: words(tokens), merges, ..GgufVocab::default() }
    }

    fn llama(tokens: &[&str], score: f32) -> GgufVocab {
        let scores = Some(vec![score; tokens.len()]);
        GgufVocab {
            model: "llama".into(),
            tokens: words(tokens),
            scores,
            unknown: Some(0),
            ..GgufVocab::default()
        }
    }

    /// Why this `tokenizer.json` is refused, and what the cause was.
    fn file_refusal(name: &str, content: &str) -> String {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, content).unwrap();
        Tokenizer::from_file(&path).unwrap_err().to_string()
    }

    fn bpe(vocab: &str, merges: &str, decoder: &str) -> String {
        let model = format!(r#"{{"type":"BPE","vocab":{vocab},"merges":{merges}}}"#);
        let decoder =
            format!(r#"{{"type":"{decoder}","add_prefix_space":false,"trim_offsets":true,"suffix":""}}"#);
        format!(r#"{{"version":"1.0","added_tokens":[],"model":{model},"decoder":{decoder}}}"#)
    }

    #[test]
    fn a_file_that_is_not_there_or_too_large_is_refused() {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large.json");
        std::fs::File::create(&path).unwrap().set_len(257 << 20).unwrap();
        assert!(matches!(
            Tokenizer::from_file(&path),
            Err(TokenizerError::FileTooLarge { bytes: 269_484_032, .. })
        ));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(Tokenizer::from_file(&path), Err(TokenizerError::Read { .. })));
    }

    macro_rules! refused {
        ($($name:ident: $refusal:expr => $message:expr;)*) => {
            $(#[test] fn $name() { assert_eq!($refusal, $message); })*
        };
    }

    const A: &[&str] = &["a", "b", "ab"];

    refused! {
        a_kind_of_vocabulary_that_is_not_known: refusal(GgufVocab { model: "t5".into(), ..gpt2(A, &[]) })
            => "tokenizer.ggml.model is \"t5\", and only \"gpt2\" and \"llama\" are supported";
        a_way_to_split_that_is_not_known: refusal(GgufVocab { pre: Some("tekken".into()), ..gpt2(A, &[]) })
            => "tokenizer.ggml.pre is \"tekken\", which is not supported";
        no_tokens: refusal(gpt2(&[], &[])) => "the vocabulary is empty";
        the_same_token_twice: refusal(gpt2(&["a", "b", "a"], &[])) => "tokens 0 and 2 are both \"a\"";
        too_few_scores: refusal(GgufVocab { scores: Some(vec![0.0; 2]), ..gpt2(A, &[]) })
            => "there are 3 tokens and 2 scores";
        too_many_types: refusal(GgufVocab { token_types: Some(vec![1; 4]), ..gpt2(A, &[]) })
            => "there are 3 tokens and 4 token types";
        a_type_that_is_not_known: refusal(GgufVocab { token_types: Some(vec![1, -7, 1]), ..gpt2(A, &[]) })
            => "token 1 has the type -7, and the types are 0 to 6";
        a_bos_beyond_the_tokens: refusal(GgufVocab { bos: Some(3), ..gpt2(A, &[]) })
            => "the bos token is 3, and there are 3 tokens";
        a_bos_to_add_that_is_not_named: refusal(GgufVocab { add_bos: Some(true), ..gpt2(A, &[]) })
            => "the file says that the bos token is added and not which token that is";
        an_eos_to_add_that_is_not_named: refusal(GgufVocab { add_eos: Some(true), ..gpt2(A, &[]) })
            => "the file says that the eos token is added and not which token that is";
        no_merges: refusal(GgufVocab { merges: None, ..gpt2(A, &[]) })
            => "a \"gpt2\" vocabulary needs merges, and the file has none";
        a_merge_of_one_token: refusal(gpt2(A, &["a b", "ab"]))
            => "merge 2 is \"ab\", not two tokens with a space between";
        a_merge_of_three_tokens: refusal(gpt2(A, &["a b ab"]))
            => "merge 1 is \"a b ab\", not two tokens with a space between";
        a_merge_that_makes_no_token: refusal(gpt2(A, &["a b", "ab ab"]))
            => "merge 2 is \"ab ab\", and the vocabulary has no \"abab\"";
        no_scores: refusal(GgufVocab { scores: None, ..llama(A, 0.0) })
            => "a \"llama\" vocabulary needs scores, and the file has none";
        a_score_that_is_not_a_number: refusal(llama(A, f32::NAN)) => "the score of token 0 is not a number";
        a_token_that_is_too_long: refusal(llama(&["a", &"b".repeat(1025)], 0.0))
            => "token 1 has 1025 bytes, more than the 1024 that are allowed";
        a_byte_token_with_another_name: refusal(GgufVocab { token_types: Some(vec![1, 6, 1]), ..llama(A, 0.0) })
            => "token 1 has the type of a byte and is called \"b\", not <0x00> to <0xFF>";
        some_byte_tokens: refusal(GgufVocab { token_types: Some(vec![2, 6]), ..llama(&["?", "<0x0A>"], 0.0) })
            => "the vocabulary has 1 of the 256 byte tokens, and needs all, or none and an unknown token";
        no_byte_tokens_and_no_unknown_token: refusal(GgufVocab { unknown: None, ..llama(A, 0.0) })
            => "the vocabulary has 0 of the 256 byte tokens, and needs all, or none and an unknown token";
        a_file_that_is_not_json: file_refusal("not.json", "{") => "the tokenizer file is not valid json";
        a_file_that_is_no_tokenizer: file_refusal("none.json", "{}") => "cannot make a tokenizer of the file";
        a_file_with_a_merge_that_makes_no_token:
            file_refusal("merge.json", &bpe(r#"{"a":0,"b":1}"#, r#"[["a","b"]]"#, "ByteLevel"))
            => "merge 1 is \"[\\\"a\\\",\\\"b\\\"]\", and the vocabulary has no \"ab\"";
        a_file_with_a_merge_of_one_token: file_refusal("one.json", &bpe(r#"{"a":0}"#, r#"["a"]"#, "ByteLevel"))
            => "merge 1 is \"\\\"a\\\"\", not two tokens with a space between";
        a_file_with_two_names_for_a_token: file_refusal("two.json", &bpe(r#"{"a":0,"b":0}"#, "[]", "ByteLevel"))
            => "\"a\" and \"b\" are both token 0";
        a_file_with_a_token_beyond_reason: file_refusal("far.json", &bpe(r#"{"a":4294967295}"#, "[]", "ByteLevel"))
            => "the vocabulary has 4294967296 tokens, more than the 4194304 that are allowed";
        a_file_without_tokens: file_refusal("empty.json", &bpe("{}", "[]", "ByteLevel")) => "the vocabulary is empty";
        a_file_with_a_decoder_that_is_not_known: file_refusal("decoder.json", &bpe(r#"{"a":0}"#, "[]", "BPEDecoder"))
            => "the decoder BPEDecoder of the tokenizer file is not supported";
    }
}

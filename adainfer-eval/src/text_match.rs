//! Answers as texts: SQuAD's two measures.

use std::collections::HashMap;

/// Whether a text is one of the answers, as SQuAD compares them (Rajpurkar et al. 2016, section 6.1): without regard to case,
/// ASCII punctuation, the articles a, an and the, and the amount of space.
///
/// ```
/// assert!(adainfer_eval::exact_match("The  Eiffel Tower.", &["eiffel tower"]));
/// assert!(!adainfer_eval::exact_match("the tower", &["eiffel tower"]));
/// ```
pub fn exact_match(text: &str, answers: &[impl AsRef<str>]) -> bool {
    let text = words(text);
    answers.iter().any(|answer| words(answer.as_ref()) == text)
}

/// The best F1 of a text's words and those of an answer, between 0 and 1, as SQuAD counts it: the harmonic mean of the share of the
/// text's words that are in the answer and the share of the answer's that are in the text, each as often as it stands there.
/// Words are compared as in [`exact_match`]; where one side has none, both must have none.
///
/// ```
/// let f1 = adainfer_eval::f1("a tower in Paris", &["the Eiffel Tower", "Rome"]);
/// assert_eq!(f1, 2.0 * (1.0 / 3.0) * (1.0 / 2.0) / (1.0 / 3.0 + 1.0 / 2.0));
/// ```
pub fn f1(text: &str, answers: &[impl AsRef<str>]) -> f64 {
    let text = words(text);
    answers.iter().map(|answer| f1_of(&text, &words(answer.as_ref()))).fold(0.0, f64::max)
}

fn f1_of(text: &[String], answer: &[String]) -> f64 {
    if text.is_empty() || answer.is_empty() {
        return f64::from(text.is_empty() && answer.is_empty());
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    answer.iter().for_each(|word| *left.entry(word.as_str()).or_default() += 1);
    let is_common = |word: &&String| match left.get_mut(word.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let common = text.iter().filter(is_common).count() as f64;
    // 2 p r / (p + r), with p = common / text and r = common / answer.
    2.0 * common / (text.len() + answer.len()) as f64
}

fn words(text: &str) -> Vec<String> {
    let text: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let is_word = |word: &&str| !["a", "an", "the"].contains(word);
    text.split_whitespace().filter(is_word).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_as_often_as_they_stand_there() {
        // Two of three words, and two of two.
        assert!((f1("red red car", &["red car"]) - 0.8).abs() < 1e-12);
        assert_eq!(f1("car", &["bus", "car"]), 1.0);
        assert_eq!(f1("car", &["bus"]), 0.0);
    }

    #[test]
    fn nothing_matches_only_nothing() {
        assert_eq!((f1("the", &["a."]), f1("", &["x"]), f1("x", &["!"])), (1.0, 0.0, 0.0));
        assert!(exact_match("...", &[""]) && !exact_match("", &["x"]));
        assert!(!exact_match("x", &[] as &[&str]) && f1("x", &[] as &[&str]) == 0.0);
    }

    #[test]
    fn punctuation_goes_before_articles() {
        // "a." is an article once the stop is gone; "co-op" becomes one word.
        assert!(exact_match("a. co-op", &["COOP"]));
        assert!(!exact_match("co op", &["co-op"]));
    }
}

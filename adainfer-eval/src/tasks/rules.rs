//! Small sets of rules to be understood from examples, which come with the library.

/// A set: its name, and its pairs in the format of the function-vectors collection.
macro_rules! rules {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../data/rules/", $name, ".json")))),+]
    };
}

/// The names of the rule sets that come with the library, and their pairs as JSON. Made by hand for it.
pub const RULES: [(&str, &str); 8] = rules![
    "antonyms",
    "capital_letter",
    "colours",
    "country_capitals",
    "next_letter",
    "next_number",
    "past_tense",
    "plurals",
];

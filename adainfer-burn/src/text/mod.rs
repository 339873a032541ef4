//! Text in and out: the tokens of a text, and the text of tokens.
//!
//! A [`Tokenizer`] comes from a Hugging Face `tokenizer.json` or from what a GGUF file says about its vocabulary
//! ([`GgufVocab`]). The splitting of a text into tokens is done by the crate `tokenizers`; the way back is our own, since
//! there each token is looked up once and its bytes are joined ([`TextStream`]).
//!
//! ```
//! use adainfer_burn::text::{GgufVocab, Tokenizer};
//!
//! # fn main() -> Result<(), adainfer_burn::text::TokenizerError> {
//! let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect::<Vec<_>>();
//! let tokenizer = Tokenizer::from_gguf(GgufVocab {
//!     model: "gpt2".into(),
//!     pre: Some("smollm".into()),
//!     tokens: words(&["Ġ", "t", "o", "to", "Ġto"]),
//!     merges: Some(words(&["t o", "Ġ to"])),
//!     ..GgufVocab::default()
//! })?;
//! let tokens = tokenizer.encode("to to", false)?;
//! assert_eq!(tokens, [3, 4]);
//! assert_eq!(tokenizer.decode(&tokens)?, "to to");
//! # Ok(())
//! # }
//! ```

mod byte_level;
mod error;
mod gguf;
mod hugging_face;
mod pieces;
mod sentence_piece;
mod spelling;
mod split;
mod stream;
mod tokenizer;

pub use error::TokenizerError;
pub use gguf::GgufVocab;
pub use stream::TextStream;
pub use tokenizer::Tokenizer;

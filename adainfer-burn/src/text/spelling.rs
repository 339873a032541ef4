//! How a vocabulary writes the bytes of a text in the names of its tokens.

use tokenizers::DecoderWrapper;
use tokenizers::decoders::metaspace::PrependScheme;
use tokenizers::normalizers::Replace;

use super::TokenizerError;

/// What SentencePiece writes for a space.
pub(super) const SPACE: char = '▁';

/// How to read a token's bytes from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Each byte is one character (GPT-2).
    ByteLevel,
    /// A space is another character, and `<0x0A>` may be a byte (SentencePiece).
    SentencePiece {
        /// What is written for a space.
        space: Option<char>,
        /// Whether `<0x0A>` is a byte.
        bytes: bool,
        /// Whether a text's first space was put there by the tokenizer.
        strips: bool,
    },
}

impl Spelling {
    /// What a `tokenizer.json` says of it.
    pub(super) fn from_decoder(decoder: Option<&DecoderWrapper>) -> Result<Self, TokenizerError> {
        let mut spelling = Self::SentencePiece { space: None, bytes: false, strips: false };
        match decoder {
            Some(decoder) => spelling.read(decoder)?,
            None => return Err(TokenizerError::UnsupportedDecoder { name: "null".into() }),
        }
        Ok(spelling)
    }

    fn read(&mut self, decoder: &DecoderWrapper) -> Result<(), TokenizerError> {
        match (decoder, &mut *self) {
            (DecoderWrapper::Sequence(steps), _) => {
                steps.get_decoders().iter().try_for_each(|step| self.read(step))?
            }
            (DecoderWrapper::ByteLevel(_), _) => *self = Self::ByteLevel,
            (DecoderWrapper::Fuse(_), _) => {}
            (DecoderWrapper::ByteFallback(_), Self::SentencePiece { bytes, .. }) => *bytes = true,
            (DecoderWrapper::Replace(step), Self::SentencePiece { space, .. }) if is_space(step) => {
                *space = Some(SPACE)
            }
            (DecoderWrapper::Strip(step), Self::SentencePiece { strips, .. })
                if step.content == ' ' && step.start <= 1 && step.stop == 0 =>
            {
                *strips = step.start == 1;
            }
            (DecoderWrapper::Metaspace(step), Self::SentencePiece { space, strips, .. }) => {
                *space = Some(step.get_replacement());
                *strips = step.get_prepend_scheme() != PrependScheme::Never;
            }
            (other, _) => return Err(TokenizerError::UnsupportedDecoder { name: name(other).into() }),
        }
        Ok(())
    }

    /// Whether a text's first space was put there by the tokenizer.
    pub(super) fn strips_first_space(self) -> bool {
        matches!(self, Self::SentencePiece { strips: true, .. })
    }

    /// Adds the bytes of the token called `name` to `bytes`. A token that was added to the vocabulary later is called what
    /// it is in the text, where bytes are characters.
    pub(super) fn read_token(self, name: &str, added: bool, bytes: &mut Vec<u8>) {
        match self {
            Self::ByteLevel if added => bytes.extend_from_slice(name.as_bytes()),
            Self::ByteLevel => match name.chars().map(byte_of_char).collect::<Option<Vec<u8>>>() {
                Some(read) => bytes.extend(read),
                None => bytes.extend_from_slice(name.as_bytes()),
            },
            Self::SentencePiece { space, bytes: has_bytes, .. } => {
                match byte_of_name(name).filter(|_| has_bytes) {
                    Some(byte) => bytes.push(byte),
                    None => match space {
                        Some(space) => bytes.extend_from_slice(name.replace(space, " ").as_bytes()),
                        None => bytes.extend_from_slice(name.as_bytes()),
                    },
                }
            }
        }
    }
}

fn is_space(step: &Replace) -> bool {
    Replace::new(SPACE.to_string(), " ").is_ok_and(|space| *step == space)
}

fn name(decoder: &DecoderWrapper) -> &'static str {
    match decoder {
        DecoderWrapper::BPE(_) => "BPEDecoder",
        DecoderWrapper::ByteLevel(_) => "ByteLevel",
        DecoderWrapper::WordPiece(_) => "WordPiece",
        DecoderWrapper::Metaspace(_) => "Metaspace",
        DecoderWrapper::CTC(_) => "CTC",
        DecoderWrapper::Sequence(_) => "Sequence",
        DecoderWrapper::Replace(_) => "Replace",
        DecoderWrapper::Fuse(_) => "Fuse",
        DecoderWrapper::Strip(_) => "Strip",
        DecoderWrapper::ByteFallback(_) => "ByteFallback",
    }
}

/// The byte that GPT-2 writes as this character: printable ones as themselves, the other 68 as U+0100 and on, in order.
fn byte_of_char(character: char) -> Option<u8> {
    let code = u32::from(character);
    let byte = match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => code,
        0x100..=0x120 => code - 0x100,
        0x121..=0x142 => code - 0x121 + 0x7F,
        0x143 => 0xAD,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

/// The byte that a token such as `<0x0A>` stands for.
pub(super) fn byte_of_name(name: &str) -> Option<u8> {
    let digits = name.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    use super::*;

    #[test]
    fn the_256_characters_of_gpt2_are_the_256_bytes() {
        let mut bytes: Vec<u8> = ByteLevel::alphabet().into_iter().filter_map(byte_of_char).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(byte_of_char('Ġ'), Some(b' '));
        assert_eq!(byte_of_char('Ċ'), Some(b'\n'));
        assert_eq!(byte_of_char('日'), None);
    }

    #[test]
    fn only_two_hexadecimal_digits_name_a_byte() {
        assert_eq!(byte_of_name("<0x0A>"), Some(10));
        for name in ["<0x0>", "<0x+1>", "<0x0AA>", "0x0A", "<0xé>"] {
            assert_eq!(byte_of_name(name), None, "{name}");
        }
    }
}

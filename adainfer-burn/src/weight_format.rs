//! How matrices are held in memory, by name.

use std::fmt;
use std::str::FromStr;

/// How the matrices of a model are held: its projections, its embedding and its output head.
///
/// In blocks they take a quarter to an eighth of the memory of f32, and a decoded token, which waits for memory,
/// takes less time in proportion. Where a block meets activations these are rounded to 8 bits too, so answers can
/// differ from those of [`Float`](Self::Float), and the fingerprint does: a policy made with one format is refused
/// with another.
///
/// Blocks are multiplied as they are on the CPU backends. On other devices any format is [`Float`](Self::Float), fingerprint
/// and all; so is, in any format, a matrix whose number of inputs is not a multiple of 32.
///
/// ```
/// use adainfer_burn::WeightFormat;
///
/// assert_eq!("int8".parse::<WeightFormat>()?, WeightFormat::Int8);
/// assert_eq!(WeightFormat::default().to_string(), "float");
/// # Ok::<(), adainfer_burn::UnknownWeightFormat>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WeightFormat {
    /// Numbers of [`LoadOptions::dtype`](crate::LoadOptions::dtype), whatever the files hold.
    #[default]
    Float,
    /// 8 bits a weight, and a scale for 32.
    Int8,
    /// The blocks of a GGUF file as they are: 4 bits (Q4_0, Q4_1), 5 (Q5_0, Q5_1, held in 8) or 8 (Q8_0). Others,
    /// and those of a Hugging Face folder, as [`Int8`](Self::Int8).
    Stored,
}

/// There is no weight format of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown weight format {name:?}; there are: float, int8, stored")]
pub struct UnknownWeightFormat {
    /// What was given.
    pub name: String,
}

impl WeightFormat {
    const ALL: [Self; 3] = [Self::Float, Self::Int8, Self::Stored];

    fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Int8 => "int8",
            Self::Stored => "stored",
        }
    }
}

impl FromStr for WeightFormat {
    type Err = UnknownWeightFormat;

    fn from_str(name: &str) -> Result<Self, UnknownWeightFormat> {
        let unknown = || UnknownWeightFormat { name: name.to_owned() };
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(unknown)
    }
}

impl fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_from_its_name_alone() {
        for format in WeightFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "Int8".parse::<WeightFormat>().unwrap_err();
        let all = WeightFormat::ALL.map(WeightFormat::name).join(", ");
        assert_eq!(error.to_string(), format!("unknown weight format \"Int8\"; there are: {all}"));
    }
}

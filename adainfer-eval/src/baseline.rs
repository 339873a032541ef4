use std::fmt;
use std::str::FromStr;

/// Layers that are left out whatever is asked: what early exit is compared with (section 5.1 of the paper).
///
/// ```
/// use adainfer_eval::Baseline;
///
/// let skip: Baseline = "skip-last:2".parse()?;
/// assert_eq!(skip.left_out(&[0.3, 0.01, 0.2, 0.02, 0.9])?, [4, 5]);
/// let short: Baseline = "shortgpt:2".parse()?;
/// assert_eq!(short.left_out(&[0.3, 0.01, 0.2, 0.02, 0.9])?, [2, 4]);
/// # Ok::<(), adainfer_eval::BaselineError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Baseline {
    /// `skip-last:3`: the last layers.
    SkipLast(usize),
    /// `shortgpt:8`: those that change their input least, by block influence (ShortGPT, arXiv 2403.03853). The paper leaves
    /// out 9 of 32 layers and 10 of 40.
    ShortGpt(usize),
}

/// Why layers cannot be left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// A text that names no baseline.
    #[error("{text:?} is no baseline: it is skip-last:3 or shortgpt:8, with a number of layers")]
    Unknown {
        /// The text.
        text: String,
    },
    /// No layer would be left.
    #[error("{count} layers cannot be left out of {layers}")]
    TooMany {
        /// Layers to leave out.
        count: usize,
        /// The model's layers.
        layers: usize,
    },
}

impl Baseline {
    /// The layers to leave out, in order and counted from 1, given the block influence of each.
    ///
    /// # Errors
    /// [`BaselineError::TooMany`].
    pub fn left_out(self, influence: &[f64]) -> Result<Vec<usize>, BaselineError> {
        let layers = influence.len();
        let (Self::SkipLast(count) | Self::ShortGpt(count)) = self;
        if count >= layers {
            return Err(BaselineError::TooMany { count, layers });
        }
        let mut order: Vec<usize> = (1..=layers).collect();
        match self {
            Self::SkipLast(_) => order.reverse(),
            Self::ShortGpt(_) => order.sort_by(|a, b| influence[a - 1].total_cmp(&influence[b - 1])),
        }
        order.truncate(count);
        order.sort_unstable();
        Ok(order)
    }
}

impl FromStr for Baseline {
    type Err = BaselineError;

    fn from_str(text: &str) -> Result<Self, BaselineError> {
        let parts = text.split_once(':').and_then(|(name, count)| Some((name, count.parse().ok()?)));
        match parts {
            Some(("skip-last", count)) => Ok(Self::SkipLast(count)),
            Some(("shortgpt", count)) => Ok(Self::ShortGpt(count)),
            _ => Err(BaselineError::Unknown { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SkipLast(count) => write!(f, "skip-last:{count}"),
            Self::ShortGpt(count) => write!(f, "shortgpt:{count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_influence_leaves_the_earlier_layer_out() {
        assert_eq!(Baseline::ShortGpt(2).left_out(&[0.5, 0.1, 0.1, 0.1]).unwrap(), [2, 3]);
        assert!(Baseline::SkipLast(0).left_out(&[0.5]).unwrap().is_empty());
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["skip-last", "skip-last:x", "skip:3", "", "shortgpt:-1"] {
            assert!(matches!(text.parse::<Baseline>(), Err(BaselineError::Unknown { .. })), "{text}");
        }
        assert_eq!("shortgpt:8".parse::<Baseline>().unwrap().to_string(), "shortgpt:8");
        let error = Baseline::SkipLast(3).left_out(&[0.5; 3]).unwrap_err();
        assert_eq!(error.to_string(), "3 layers cannot be left out of 3");
    }
}

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use adainfer_core::{ExitPolicy, Never};
use adainfer_policies::{GapThreshold, SavedPolicy, StaticLayer};

use super::EvaluationError;

/// A policy as a command line names it.
///
/// ```
/// use adainfer_eval::PolicySpec;
///
/// assert_eq!("gap:0.8@25".parse::<PolicySpec>()?, PolicySpec::Gap { threshold: 0.8, from: 25 });
/// assert!("gap:1.5".parse::<PolicySpec>()?.policy(30).is_err());
/// # Ok::<(), adainfer_eval::EvaluationError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PolicySpec {
    /// `never`: all layers, always.
    Never,
    /// `gap:0.8` looks after every layer and exits where the gap is larger; `gap:0.8@25` looks after layer 25 and later ones.
    Gap {
        /// The paper's is 0.8.
        threshold: f32,
        /// The first layer that is looked after, counted from 1.
        from: usize,
    },
    /// `static:27`: the answer after layer 27, through the lens.
    Static {
        /// The layer, counted from 1.
        layer: usize,
    },
    /// A policy's file.
    File(PathBuf),
}

impl FromStr for PolicySpec {
    type Err = EvaluationError;

    fn from_str(text: &str) -> Result<Self, EvaluationError> {
        let wrong = |reason: String| EvaluationError::NoPolicy { text: text.to_owned(), reason };
        let layer = |part: &str| {
            part.parse::<usize>().map_err(|error| wrong(format!("{part:?} is no layer: {error}")))
        };
        match text.split_once(':') {
            Some(("gap", rest)) => {
                let (threshold, from) = rest.split_once('@').map_or((rest, "1"), |parts| parts);
                let threshold = threshold
                    .parse::<f32>()
                    .map_err(|error| wrong(format!("{threshold:?} is no threshold: {error}")))?;
                Ok(Self::Gap { threshold, from: layer(from)? })
            }
            Some(("static", rest)) => Ok(Self::Static { layer: layer(rest)? }),
            None if text == "never" => Ok(Self::Never),
            _ if text.is_empty() => Err(wrong("it is empty".to_owned())),
            _ => Ok(Self::File(text.into())),
        }
    }
}

impl fmt::Display for PolicySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Gap { threshold, from: 1 } => write!(f, "gap:{threshold}"),
            Self::Gap { threshold, from } => write!(f, "gap:{threshold}@{from}"),
            Self::Static { layer } => write!(f, "static:{layer}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl PolicySpec {
    /// The policy, for a model of so many layers.
    ///
    /// # Errors
    /// A threshold that is none, a layer that the model has not, a file that is no policy.
    pub fn policy(&self, layers: usize) -> Result<Box<dyn ExitPolicy>, EvaluationError> {
        let known = |layer: usize| match (1..=layers).contains(&layer) {
            true => Ok(layer),
            false => Err(EvaluationError::NoSuchLayer { layer, layers }),
        };
        Ok(match self {
            Self::Never => Box::new(Never),
            Self::Gap { threshold, from } => {
                Box::new(GapThreshold::new(*threshold)?.at_layers(known(*from)?..=layers))
            }
            Self::Static { layer } => Box::new(StaticLayer::new(known(*layer)?)),
            Self::File(path) => Box::new(
                SavedPolicy::load(path)
                    .map_err(|source| EvaluationError::Policy { path: path.clone(), source })?,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_written_as_it_is_read() {
        for text in ["never", "gap:0.8", "gap:0.65@25", "static:27", "a/policy.json"] {
            assert_eq!(text.parse::<PolicySpec>().unwrap().to_string(), text);
        }
        assert_eq!("gap:0.8@1".parse::<PolicySpec>().unwrap().to_string(), "gap:0.8");
    }

    #[test]
    fn what_is_none_says_why() {
        let refused = |text: &str| text.parse::<PolicySpec>().unwrap_err().to_string();
        assert!(refused("gap:high").contains("\"high\" is no threshold"));
        assert!(
            refused("gap:0.8@x").contains("\"x\" is no layer") && refused("static:-1").contains("\"-1\"")
        );
        assert!(refused("").contains("it is empty"));
        let policy = |text: &str| text.parse::<PolicySpec>().unwrap().policy(30).map(|_| ()).unwrap_err();
        assert!(matches!(policy("gap:0.8@31"), EvaluationError::NoSuchLayer { layer: 31, layers: 30 }));
        assert!(matches!(policy("static:0"), EvaluationError::NoSuchLayer { layer: 0, layers: 30 }));
        assert!(matches!(policy("gap:NaN"), EvaluationError::Threshold(_)));
        assert!(matches!(policy("no/such.json"), EvaluationError::Policy { .. }));
    }
}

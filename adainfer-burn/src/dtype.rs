//! Number formats by name.

use std::fmt;
use std::str::FromStr;

use burn_tensor::DType;

use crate::DeviceError;

/// The number format of weights and activations on a device.
///
/// Norms, softmaxes and what a lens shows are computed in f32 in any case, as the reference
/// implementations do.
///
/// ```
/// use adainfer_burn::Dtype;
///
/// assert_eq!("bf16".parse::<Dtype>()?, Dtype::Bf16);
/// assert_eq!(Dtype::default().to_string(), "f32");
/// # Ok::<(), adainfer_burn::DeviceError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// `f32`: every backend computes in it.
    #[default]
    F32,
    /// `f16`: half the memory; where the device computes in it. Activations above 65,504 overflow.
    F16,
    /// `bf16`: half the memory, the range of f32 with 8 bits of precision; where the device computes in
    /// it.
    Bf16,
}

impl Dtype {
    const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

impl From<Dtype> for DType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::Bf16 => Self::BF16,
        }
    }
}

impl FromStr for Dtype {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::UnknownDtype {
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        };
        Self::ALL.into_iter().find(|dtype| dtype.name() == name).ok_or_else(unknown)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_from_its_name_alone() {
        for dtype in Dtype::ALL {
            assert_eq!(dtype.to_string().parse(), Ok(dtype));
        }
        for name in ["", "F32", "half", "f64"] {
            let error = name.parse::<Dtype>().unwrap_err();
            assert_eq!(error.to_string(), format!("unknown dtype {name:?}; there are: f32, f16, bf16"));
        }
    }
}

//! Devices by name.

use std::fmt;
use std::str::FromStr;

/// Where a model runs: what a program takes from its user.
///
/// ```
/// use adainfer_burn::Device;
///
/// let device: Device = "cpu".parse()?;
/// assert_eq!(device, Device::Cpu);
/// assert!("gpu".parse::<Device>().unwrap_err().to_string().contains("unknown device \"gpu\""));
/// # Ok::<(), adainfer_burn::DeviceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Device {
    /// `cpu`: burn's flex backend, with own operations.
    Cpu,
    /// `ndarray`: burn's older CPU backend.
    NdArray,
}

/// Why there is no such device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Not the name of a device.
    #[error("unknown device {name:?}; this build has: {available}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that this build knows.
        available: String,
    },
    /// The backend was not compiled in.
    #[error("device {name} needs the feature `{feature}`, which this build lacks; it has: {available}")]
    NotInThisBuild {
        /// What was asked for.
        name: String,
        /// The Cargo feature to enable.
        feature: &'static str,
        /// Names that this build knows.
        available: String,
    },
}

/// Form of a device's name, the feature it needs, and whether this build has that.
const KNOWN: [(&str, &str, bool); 2] =
    [("cpu", "flex", cfg!(feature = "flex")), ("ndarray", "ndarray", cfg!(feature = "ndarray"))];

impl Device {
    /// The names of devices that this build knows; whether they are there is another matter.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().filter(|(_, _, built)| *built).map(|(name, ..)| *name)
    }

    fn feature(&self) -> &'static str {
        match self {
            Self::Cpu => "flex",
            Self::NdArray => "ndarray",
        }
    }

    /// The error of a device whose backend this build lacks.
    pub(crate) fn not_in_this_build(&self) -> DeviceError {
        DeviceError::NotInThisBuild {
            name: self.to_string(),
            feature: self.feature(),
            available: available(),
        }
    }
}

fn available() -> String {
    Device::names().collect::<Vec<_>>().join(", ")
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown { name: name.to_owned(), available: available() };
        let device = match name {
            "cpu" => Self::Cpu,
            "ndarray" => Self::NdArray,
            _ => return Err(unknown()),
        };
        let built = KNOWN.iter().any(|(_, feature, built)| *built && *feature == device.feature());
        if built { Ok(device) } else { Err(device.not_in_this_build()) }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::NdArray => f.write_str("ndarray"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_is_called_is_what_it_is_read_from() {
        let all = [Device::Cpu, Device::NdArray];
        for device in all {
            let name = device.to_string();
            match name.parse::<Device>() {
                Ok(read) => assert_eq!(read, device),
                Err(DeviceError::NotInThisBuild { name: asked, feature, available }) => {
                    assert_eq!((asked, feature), (name, device.feature()));
                    assert!(!available.contains(feature));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn another_name_is_refused_with_those_there_are() {
        for name in ["", "gpu", "CPU", "cpu:0", "cuda:0"] {
            let error = name.parse::<Device>().unwrap_err();
            let DeviceError::Unknown { name: asked, available } = &error else { panic!("{name}: {error}") };
            assert_eq!((asked.as_str(), available.contains("cpu")), (name, cfg!(feature = "flex")));
        }
    }
}

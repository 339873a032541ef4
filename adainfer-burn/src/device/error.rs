use crate::Dtype;

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
    /// The backend finds fewer devices.
    #[error("there is no device {name}: {reason}")]
    NotFound {
        /// What was asked for.
        name: String,
        /// What was found instead.
        reason: String,
    },
    /// Not the name of a number format.
    #[error("unknown dtype {name:?}; there are: {known}")]
    UnknownDtype {
        /// What was asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// The device does not compute in the number format.
    #[error("the device {device} does not compute in {dtype}")]
    Dtype {
        /// What burn calls the device's backend.
        device: String,
        /// The number format.
        dtype: Dtype,
    },
    /// The device failed while a model was loaded onto it.
    #[error("the device failed: {reason}")]
    Failed {
        /// What burn says.
        reason: String,
    },
}

impl DeviceError {
    /// The error of a server's device where one of this machine is needed.
    #[cfg(feature = "serve")]
    pub(crate) fn served_elsewhere(address: &str) -> Self {
        let name = super::Device::Remote(address.to_owned()).to_string();
        Self::NotFound { name, reason: "it is another server's, and not of this machine".to_owned() }
    }
}

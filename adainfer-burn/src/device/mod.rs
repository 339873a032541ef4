//! Devices by name.

#[cfg(feature = "cuda")]
mod cuda;
mod error;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod first_work;
#[cfg(feature = "remote")]
mod remote;
#[cfg(feature = "wgpu")]
mod wgpu;

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "cuda")]
pub use cuda::cuda_device;
pub use error::DeviceError;
#[cfg(feature = "remote")]
pub use remote::remote_device;
#[cfg(feature = "wgpu")]
pub use wgpu::wgpu_device;

/// Where a model runs: what a program takes from its user.
///
/// A name says what is meant, not that it is there: that is found out when a model is opened.
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
    /// `wgpu:N`: the Nth adapter of Vulkan, or of Metal on macOS, counted from 0: discrete GPUs first, then
    /// integrated and virtual ones, then software. `wgpu` is the first.
    Wgpu(usize),
    /// `cuda:N`: the Nth NVIDIA GPU, counted from 0. `cuda` is the first.
    Cuda(usize),
    /// `remote:ws://host:port`: the device of a server that runs burn's remote backend.
    Remote(String),
}

/// Form of a device's name, the feature it needs, and whether this build has that.
const KNOWN: [(&str, &str, bool); 5] = [
    ("cpu", "flex", cfg!(feature = "flex")),
    ("ndarray", "ndarray", cfg!(feature = "ndarray")),
    ("wgpu:N", "wgpu", cfg!(feature = "wgpu")),
    ("cuda:N", "cuda", cfg!(feature = "cuda")),
    ("remote:ws://HOST:PORT", "remote", cfg!(feature = "remote")),
];

impl Device {
    /// The forms of names of devices that this build knows; whether they are there is another matter.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().filter(|(_, _, built)| *built).map(|(name, ..)| *name)
    }

    /// The device that a name means, whether or not this build has its backend.
    fn named(name: &str) -> Option<Self> {
        let (kind, rest) = name.split_once(':').map_or((name, None), |(kind, rest)| (kind, Some(rest)));
        let index = || rest.map_or(Some(0), |rest| rest.parse().ok());
        match (kind, rest) {
            ("cpu", None) => Some(Self::Cpu),
            ("ndarray", None) => Some(Self::NdArray),
            ("wgpu", _) => index().map(Self::Wgpu),
            ("cuda", _) => index().map(Self::Cuda),
            ("remote", Some(address)) if is_address(address) => Some(Self::Remote(address.to_owned())),
            _ => None,
        }
    }

    fn feature(&self) -> &'static str {
        match self {
            Self::Cpu => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu(_) => "wgpu",
            Self::Cuda(_) => "cuda",
            Self::Remote(_) => "remote",
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

/// `ws://host:port` and nothing after it: what burn's client can connect to.
fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.strip_prefix("ws://").and_then(|rest| rest.rsplit_once(':')) else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    !host.is_empty() && host.chars().all(plain) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn available() -> String {
    Device::names().collect::<Vec<_>>().join(", ")
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown { name: name.to_owned(), available: available() };
        let device = Self::named(name).ok_or_else(unknown)?;
        let built = KNOWN.iter().any(|(_, feature, built)| *built && *feature == device.feature());
        if built { Ok(device) } else { Err(device.not_in_this_build()) }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::NdArray => f.write_str("ndarray"),
            Self::Wgpu(index) => write!(f, "wgpu:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Remote(address) => write!(f, "remote:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_is_called_is_what_it_is_read_from() {
        let remote = Device::Remote("ws://[::1]:3000".to_owned());
        for device in [Device::Cpu, Device::NdArray, Device::Wgpu(1), Device::Cuda(0), remote] {
            let name = device.to_string();
            assert_eq!(Device::named(&name), Some(device.clone()));
            match name.parse::<Device>() {
                Ok(read) => assert_eq!(read, device),
                Err(error) => assert_eq!(error, device.not_in_this_build()),
            }
        }
        assert_eq!(Device::named("cuda"), Some(Device::Cuda(0)));
    }

    #[test]
    fn another_name_is_refused_with_those_there_are() {
        let addresses = ["remote", "remote:", "remote:ws://", "remote:ws://host", "remote:ws://host:0"];
        let more = ["remote:http://host:80", "remote:ws://host:80/path", "remote:ws://a b:80", "cuda:-1"];
        for name in ["", "gpu", "CPU", "cpu:0", "cuda:", "cuda:x", "wgpu:99999999999999999999"]
            .into_iter()
            .chain(addresses)
            .chain(more)
        {
            let error = name.parse::<Device>().unwrap_err();
            let DeviceError::Unknown { name: asked, available } = &error else { panic!("{name}: {error}") };
            assert_eq!((asked.as_str(), available.contains("cpu")), (name, cfg!(feature = "flex")));
        }
    }

    #[test]
    fn a_backend_that_was_left_out_is_named_with_its_feature_and_what_there_is() {
        let error = Device::Cuda(1).not_in_this_build().to_string();
        let wanted = "device cuda:1 needs the feature `cuda`, which this build lacks; it has: ";
        assert_eq!(error, format!("{wanted}{}", available()));
    }
}

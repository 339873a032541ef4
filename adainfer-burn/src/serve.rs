//! A server whose device other machines' models run on.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use burn_remote::server::start_websocket;

use crate::{Device, DeviceError, backend};

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// There is no such device here.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The port cannot be listened on.
    #[error("cannot listen on port {port}")]
    Port {
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Serves a device of this machine with burn's remote backend, until the process gets Ctrl-C or SIGTERM.
/// Models run on it from elsewhere by the name `remote:ws://host:port`; they send their weights, so nothing
/// needs to lie here.
///
/// It listens on all of the machine's addresses, encrypts nothing and asks nobody who they are: for networks
/// that are trusted, or behind a tunnel. burn logs through `tracing`, and sets a printer up if there is none.
///
/// # Errors
/// A device that is not there, or that is a server's itself, and a port that is taken.
pub fn serve(device: &Device, port: u16) -> Result<(), ServeError> {
    // burn would return silently from a port that is taken.
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).map_err(|source| ServeError::Port { port, source })?;
    match device {
        #[cfg(feature = "flex")]
        Device::Cpu => start_websocket::<backend::Flex>(Default::default(), port),
        // All of ndarray's operations would be compiled into this crate, for minutes, to serve what
        // `Cpu` does better.
        Device::NdArray => {
            return Err(DeviceError::NotFound {
                name: device.to_string(),
                reason: "it is not served; `cpu` is".to_owned(),
            }
            .into());
        }
        #[cfg(feature = "wgpu")]
        Device::Wgpu(index) => start_websocket::<backend::Wgpu>(backend::wgpu_device(*index)?, port),
        #[cfg(feature = "cuda")]
        Device::Cuda(index) => start_websocket::<backend::Cuda>(backend::cuda_device(*index)?, port),
        Device::Remote(address) => return Err(DeviceError::served_elsewhere(address).into()),
        #[allow(unreachable_patterns, reason = "where every backend is built")]
        other => return Err(other.not_in_this_build().into()),
    }
    Ok(())
}

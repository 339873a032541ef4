use std::panic::catch_unwind;
use std::path::Path;

use burn_cuda::{Cuda, CudaDevice};
use cubecl::Runtime;
use cubecl::cuda::CudaRuntime;

use super::first_work::{message, try_first_work};
use super::{Device, DeviceError};

/// What a system with an NVIDIA driver has: the kernel module, Windows' side of WSL, or that of a Jetson.
/// (Searched first only because burn panics, with a message, where the driver's library is missing.)
const DRIVERS: [&str; 4] = ["/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg", "/dev/nvmap"];

/// The NVIDIA GPU of this index.
///
/// # Errors
/// [`DeviceError::NotFound`] where there is no driver, there are fewer GPUs, or this one does not work; what
/// CUDA's runtime compiler lacks shows here too.
pub fn cuda_device(index: usize) -> Result<CudaDevice, DeviceError> {
    let not_found = |reason| DeviceError::NotFound { name: Device::Cuda(index).to_string(), reason };
    if cfg!(target_os = "linux") && !DRIVERS.iter().any(|path| Path::new(path).exists()) {
        return Err(not_found("no NVIDIA driver was found".to_owned()));
    }
    let count = catch_unwind(|| CudaRuntime::enumerate_devices(0, &()).len())
        .map_err(|panic| not_found(message(panic.as_ref())))?;
    if index >= count {
        return Err(not_found(format!("{count} NVIDIA GPUs were found")));
    }
    let device = CudaDevice::new(index);
    try_first_work::<Cuda>(&device).map_err(not_found)?;
    Ok(device)
}

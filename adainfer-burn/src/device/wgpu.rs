use burn_wgpu::graphics::{AutoGraphicsApi, GraphicsApi};
use burn_wgpu::{Wgpu, WgpuDevice, WgpuRuntime};
use cubecl::Runtime;

use super::first_work::try_first_work;
use super::{Device, DeviceError};

/// The kinds of adapters, as burn numbers them, in the order of preference.
const KINDS: [fn(usize) -> WgpuDevice; 4] =
    [WgpuDevice::DiscreteGpu, WgpuDevice::IntegratedGpu, WgpuDevice::VirtualGpu, |_| WgpuDevice::Cpu];

/// The WGPU adapter of this index; see [`Device::Wgpu`].
///
/// # Errors
/// [`DeviceError::NotFound`] where there are fewer adapters, or this one does not work.
pub fn wgpu_device(index: usize) -> Result<WgpuDevice, DeviceError> {
    let not_found = |reason| DeviceError::NotFound { name: Device::Wgpu(index).to_string(), reason };
    let api = AutoGraphicsApi::backend();
    let found: Vec<WgpuDevice> = (0..)
        .zip(KINDS)
        .flat_map(|(kind, device)| {
            let count = WgpuRuntime::enumerate_devices(kind, &api).len();
            // burn runs only one software adapter.
            (0..if kind == 3 { count.min(1) } else { count }).map(device)
        })
        .collect();
    let device = found
        .get(index)
        .ok_or_else(|| not_found(format!("{} adapters of {api:?} were found", found.len())))?;
    try_first_work::<Wgpu>(device).map_err(not_found)?;
    Ok(device.clone())
}

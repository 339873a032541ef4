//! burn backends that models run on; each behind the Cargo feature of its name.

#[cfg(feature = "cuda")]
pub use burn_cuda::{Cuda, CudaDevice};
#[cfg(feature = "flex")]
pub use burn_flex::{Flex, FlexDevice};
#[cfg(feature = "ndarray")]
pub use burn_ndarray::{NdArray, NdArrayDevice};
#[cfg(feature = "remote")]
pub use burn_remote::{RemoteBackend as Remote, RemoteDevice};
#[cfg(feature = "wgpu")]
pub use burn_wgpu::{Wgpu, WgpuDevice};

#[cfg(feature = "cuda")]
pub use crate::device::cuda_device;
#[cfg(feature = "remote")]
pub use crate::device::remote_device;
#[cfg(feature = "wgpu")]
pub use crate::device::wgpu_device;

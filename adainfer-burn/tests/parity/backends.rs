//! The backends that are tested, and where their devices are.

use adainfer_burn::ops::Ops;

/// A backend that models are tested on.
pub(crate) trait Tested: Ops {
    const NAME: &'static str;
    /// How far logits may be from the reference; of probabilities and cosines, a tenth.
    const LOGITS: f32;

    /// A device, or why there is none.
    fn find() -> Result<Self::Device, String>;
}

/// Names the backends that this build has, and calls a macro with the type of each.
macro_rules! for_each_backend {
    ($call:ident) => {
        #[cfg(feature = "flex")]
        $call!(adainfer_burn::backend::Flex);
        #[cfg(feature = "ndarray")]
        $call!(adainfer_burn::backend::NdArray);
        #[cfg(feature = "wgpu")]
        $call!(adainfer_burn::backend::Wgpu);
        #[cfg(feature = "cuda")]
        $call!(adainfer_burn::backend::Cuda);
        #[cfg(feature = "remote")]
        $call!(adainfer_burn::backend::Remote);
    };
}
pub(crate) use for_each_backend;

#[cfg(feature = "flex")]
impl Tested for adainfer_burn::backend::Flex {
    const NAME: &'static str = "flex";
    const LOGITS: f32 = 1e-4;

    fn find() -> Result<Self::Device, String> {
        Ok(Default::default())
    }
}

#[cfg(feature = "ndarray")]
impl Tested for adainfer_burn::backend::NdArray {
    const NAME: &'static str = "ndarray";
    const LOGITS: f32 = 1e-4;

    fn find() -> Result<Self::Device, String> {
        Ok(Default::default())
    }
}

#[cfg(feature = "wgpu")]
impl Tested for adainfer_burn::backend::Wgpu {
    const NAME: &'static str = "wgpu";
    const LOGITS: f32 = 1e-3;

    fn find() -> Result<Self::Device, String> {
        adainfer_burn::backend::wgpu_device(0).map_err(|error| error.to_string())
    }
}

#[cfg(feature = "cuda")]
impl Tested for adainfer_burn::backend::Cuda {
    const NAME: &'static str = "cuda";
    const LOGITS: f32 = 1e-3;

    fn find() -> Result<Self::Device, String> {
        adainfer_burn::backend::cuda_device(0).map_err(|error| error.to_string())
    }
}

/// Over loopback, on a server in this process that computes with flex.
#[cfg(feature = "remote")]
impl Tested for adainfer_burn::backend::Remote {
    const NAME: &'static str = "remote";
    const LOGITS: f32 = 1e-4;

    fn find() -> Result<Self::Device, String> {
        crate::server::device()
    }
}

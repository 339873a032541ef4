//! What is tested: models on every device that this build knows, and models split over two of them.

use adainfer_burn::{
    AnyHidden, AnyModel, Device, Dtype, LoadError, LoadOptions, ModelError, SplitHidden, SplitModel,
};
use adainfer_core::{LayeredModel, TokenId};

use crate::golden;

/// A model that the checks know how to ask.
pub(crate) trait Tested: LayeredModel<Error = ModelError, Hidden: HostValues> + Sized {
    fn block_influence(&self, tokens: &[TokenId]) -> Result<Vec<f32>, ModelError>;
}

pub(crate) trait HostValues {
    fn values(&self) -> Result<Vec<f32>, ModelError>;
}

impl Tested for AnyModel {
    fn block_influence(&self, tokens: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        self.block_influence(tokens)
    }
}

impl HostValues for AnyHidden {
    fn values(&self) -> Result<Vec<f32>, ModelError> {
        self.values()
    }
}

impl Tested for SplitModel {
    fn block_influence(&self, tokens: &[TokenId]) -> Result<Vec<f32>, ModelError> {
        self.block_influence(tokens)
    }
}

impl HostValues for SplitHidden {
    fn values(&self) -> Result<Vec<f32>, ModelError> {
        self.values()
    }
}

/// Where models are opened, and how near to the reference they must be there.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// More than one: each runs a share of the layers.
    pub(crate) devices: Vec<Device>,
    /// How far logits may be off; probabilities and cosines a tenth of it.
    pub(crate) logits: f32,
}

const CPU: f32 = 1e-4;
const GPU: f32 = 1e-3;

/// All of them, and why those that cannot run cannot.
pub(crate) fn targets() -> Vec<(Target, Result<(), String>)> {
    let target = |name, devices: &[Device], logits| Target { name, devices: devices.to_vec(), logits };
    let wgpu = Device::Wgpu(0);
    let mut targets = vec![
        target("flex", &[Device::Cpu], CPU),
        target("ndarray", &[Device::NdArray], CPU),
        target("wgpu", std::slice::from_ref(&wgpu), GPU),
        target("cuda", &[Device::Cuda(0)], GPU),
        target("flex+ndarray", &[Device::Cpu, Device::NdArray], CPU),
        target("flex+wgpu", &[Device::Cpu, wgpu], GPU),
        target("flex+cuda", &[Device::Cpu, Device::Cuda(0)], GPU),
    ];
    match remote() {
        Ok(remote) => targets.push(target("remote", &[remote], CPU)),
        Err(reason) => return checked(targets).chain([(target("remote", &[], CPU), Err(reason))]).collect(),
    }
    checked(targets).collect()
}

fn checked(targets: Vec<Target>) -> impl Iterator<Item = (Target, Result<(), String>)> {
    targets.into_iter().map(|target| {
        let there = target.devices.iter().try_for_each(there);
        (target, there)
    })
}

fn there(device: &Device) -> Result<(), String> {
    opens(device, Dtype::F32)
}

/// Whether a model opens there in this number format.
pub(crate) fn opens(device: &Device, dtype: Dtype) -> Result<(), String> {
    match AnyModel::open_with(golden::folder("llama-mha"), device, LoadOptions::new().dtype(dtype)) {
        Ok(_) => Ok(()),
        Err(LoadError::Device(error)) => Err(error.to_string()),
        Err(other) => panic!("{device}: {other}"),
    }
}

#[cfg(feature = "serve")]
fn remote() -> Result<Device, String> {
    crate::server::start()
}

#[cfg(not(feature = "serve"))]
fn remote() -> Result<Device, String> {
    Err("the feature `serve` is off".to_owned())
}

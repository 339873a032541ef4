use super::Ops;
use crate::backend::Wgpu;

impl Ops for Wgpu {}

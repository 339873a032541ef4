use super::Ops;
use crate::backend::Cuda;

impl Ops for Cuda {}

use burn_ndarray::NdArray;

use super::Ops;

impl Ops for NdArray {}

//! From device to device: what a layer on one of them needs of a layer on another.

use burn_tensor::{DType, Tensor, TensorData};

use crate::ops::Ops;
use crate::{Hidden, Logits, Model, ModelError};

/// Hidden states in the host's memory, on their way between two backends.
pub(crate) struct HostHidden {
    x: TensorData,
    parts: Option<(TensorData, TensorData)>,
    cosines: Option<TensorData>,
    entropy: bool,
}

/// Logits in the host's memory.
pub(crate) struct HostLogits {
    values: TensorData,
    cosines: Option<TensorData>,
    entropy: bool,
}

impl<B: Ops> Hidden<B> {
    pub(crate) fn into_host(self) -> Result<HostHidden, ModelError> {
        B::in_order(|| {
            let Self { x, parts, cosines, entropy } = self;
            let parts = parts.map(|(attention, mlp)| {
                Ok::<_, ModelError>((attention.try_into_data()?, mlp.try_into_data()?))
            });
            let cosines = cosines.map(Tensor::try_into_data).transpose()?;
            Ok(HostHidden { x: x.try_into_data()?, parts: parts.transpose()?, cosines, entropy })
        })
    }
}

impl<B: Ops> Logits<B> {
    pub(crate) fn into_host(self) -> Result<HostLogits, ModelError> {
        B::in_order(|| {
            let cosines = self.cosines.map(Tensor::try_into_data).transpose()?;
            Ok(HostLogits { values: self.values.try_into_data()?, cosines, entropy: self.entropy })
        })
    }
}

/// Where things arrive. What comes from another device of the same backend goes its own way, which need
/// not be through the host.
impl<B: Ops> Model<B> {
    pub(crate) fn receive(&self, hidden: Hidden<B>) -> Hidden<B> {
        B::in_order(|| {
            let Hidden { x, parts, cosines, entropy } = hidden;
            let here = |tensor: Tensor<B, 2>| tensor.to_device(&self.device);
            let parts = parts.map(|(attention, mlp)| (here(attention), here(mlp)));
            let cosines = cosines.map(|cosines| cosines.to_device(&self.device));
            Hidden { x: here(x), parts, cosines, entropy }
        })
    }

    pub(crate) fn receive_logits(&self, logits: Logits<B>) -> Logits<B> {
        B::in_order(|| Logits {
            values: logits.values.to_device(&self.device),
            cosines: logits.cosines.map(|cosines| cosines.to_device(&self.device)),
            entropy: logits.entropy,
        })
    }

    pub(crate) fn receive_from_host(&self, hidden: HostHidden) -> Hidden<B> {
        B::in_order(|| {
            let HostHidden { x, parts, cosines, entropy } = hidden;
            let activations = self.dtype.into();
            let here = |data: TensorData| self.unpacked::<2>(data, activations);
            let parts = parts.map(|(attention, mlp)| (here(attention), here(mlp)));
            let cosines = cosines.map(|cosines| self.unpacked(cosines, DType::F32));
            Hidden { x: here(x), parts, cosines, entropy }
        })
    }

    pub(crate) fn receive_logits_from_host(&self, logits: HostLogits) -> Logits<B> {
        B::in_order(|| Logits {
            values: self.unpacked(logits.values, DType::F32),
            cosines: logits.cosines.map(|cosines| self.unpacked(cosines, DType::F32)),
            entropy: logits.entropy,
        })
    }

    fn unpacked<const D: usize>(&self, data: TensorData, dtype: DType) -> Tensor<B, D> {
        Tensor::from_data(data, (&self.device, dtype))
    }
}

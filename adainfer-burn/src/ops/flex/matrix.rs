use burn_flex::FlexTensor;
use burn_tensor::DType;

/// A view of a matrix of f32 whose rows are contiguous, though not always side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    stride: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl<'a> Matrix<'a> {
    /// Views a tensor of rank 2; `None` if it is not f32 or its rows are not contiguous.
    pub(super) fn view(tensor: &'a FlexTensor) -> Option<Self> {
        let layout = tensor.layout();
        let (&[rows, columns], &[stride, step]) = (layout.shape().as_slice(), layout.strides()) else {
            return None;
        };
        if tensor.dtype() != DType::F32 || (step != 1 && columns != 1) || rows == 0 || columns == 0 {
            return None;
        }
        let values = tensor.storage::<f32>().get(layout.start_offset()..)?;
        Some(Self { values, stride: usize::try_from(stride).ok()?, rows, columns })
    }

    pub(super) fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.stride..][..self.columns]
    }
}

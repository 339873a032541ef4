//! Matrix products.

use burn_cubecl::CubeRuntime;
use burn_cubecl::ops::numeric::empty_device_dtype;
use burn_cubecl::tensor::CubeTensor;
use burn_std::calculate_matmul_output;
use burn_tensor::DType;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::matmul::launch::{Strategy, launch_ref};
use cubek::std::InputBinding;

/// `a b` of f32, in f32: burn lets tensor cores round it to the 10 bits of TF32, which moves logits by
/// thousandths. `None` for other types, and where the kernel cannot.
pub(super) fn exact<R: CubeRuntime>(a: &CubeTensor<R>, b: &CubeTensor<R>) -> Option<CubeTensor<R>> {
    if (a.dtype, b.dtype) != (DType::F32, DType::F32) {
        return None;
    }
    let shape = calculate_matmul_output(a.meta.shape(), b.meta.shape()).ok()?;
    let out = empty_device_dtype(a.client.clone(), a.device.clone(), shape, DType::F32);
    let input = |tensor: &CubeTensor<R>| InputBinding::new(tensor.clone().binding(), DType::F32.into());
    let f32 = DType::F32.into();
    let mut types = MatmulElems::from_globals(&MatmulGlobalElems { lhs: f32, rhs: f32, out: f32 });
    let strategy = Strategy::SimpleUnit(Default::default());
    launch_ref(&strategy, &out.client, input(a), input(b), out.clone().binding(), &mut types).ok()?;
    Some(out)
}

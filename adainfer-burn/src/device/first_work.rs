//! Whether a device works at all: burn panics where a driver, or a part of it, is missing.

use std::panic::catch_unwind;

use burn_tensor::Tensor;
use burn_tensor::backend::Backend;

/// Adds two numbers there, and says what went wrong.
pub(super) fn try_first_work<B: Backend>(device: &B::Device) -> Result<(), String> {
    let device = std::panic::AssertUnwindSafe(device);
    let sum = || Tensor::<B, 1>::ones([2], *device).sum().try_into_data();
    match catch_unwind(sum) {
        Ok(Ok(data)) if data.iter::<f32>().eq([2.0]) => Ok(()),
        Ok(Ok(data)) => Err(format!("it says that 1 + 1 is {data:?}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(message(panic.as_ref())),
    }
}

/// The text of a panic.
pub(super) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("its driver failed").to_owned()
}

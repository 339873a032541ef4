//! Causal attention with grouped queries over a cache that lies in several blocks.

use adainfer_kernels::{KeysValues, attend as attend_rows};
use burn_flex::{Flex, FlexTensor};
use burn_tensor::Tensor;

use super::super::{Heads, Past, reference};
use super::{matrix_of, primitive, tensor, view};

/// Keys and values of one block of the cache.
struct Stored {
    keys: FlexTensor,
    values: FlexTensor,
    length: usize,
}

impl Stored {
    /// The rows in use; `None` where they are not rows of f32.
    fn view(&self) -> Option<KeysValues<'_>> {
        let rows = |store| Some(view(store)?.first_rows(self.length));
        Some(KeysValues { keys: rows(&self.keys)?, values: rows(&self.values)? })
    }
}

pub(super) fn attend(query: Tensor<Flex, 2>, past: &[Past<'_, Flex>], heads: Heads) -> Tensor<Flex, 2> {
    let shape = query.dims();
    let query = primitive(query);
    let stored = past.iter().filter(|block| block.length > 0).map(|block| {
        let [keys, values] = [block.keys, block.values].map(|store| primitive(store.clone()));
        Stored { keys, values, length: block.length }
    });
    let stored: Vec<Stored> = stored.collect();
    let blocks: Option<Vec<_>> = stored.iter().map(Stored::view).collect();
    let (Some(rows), Some(blocks)) = (view(&query), blocks) else {
        return reference::attention(tensor(query), past, heads);
    };
    matrix_of(shape, |out| attend_rows(rows, &blocks, heads.width, out))
}

use burn_flex::Flex;

use super::Ops;

impl Ops for Flex {}

//! The paper's tables, of a report's numbers.

mod table;

pub use table::Table;

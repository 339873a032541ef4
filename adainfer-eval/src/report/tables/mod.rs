//! The paper's tables, of a report's numbers.

mod ablation;
mod cells;
mod clock;
mod drafts;
mod generalisation;
mod methods;
mod results;
mod settings;
mod strategies;
mod table;
mod texts;

pub use table::Table;

use super::Report;

impl Report {
    /// The paper's tables 2 to 8 in their order, and two of our own: every policy through every lens, and draft and verify. Answers
    /// in words follow where there are some.
    ///
    /// What was not run says so.
    pub fn tables(&self) -> Vec<Table> {
        let mut tables = vec![
            results::table(self),
            clock::table(self),
            strategies::table(self),
            generalisation::table(self),
            ablation::table(self),
            settings::zero_shot(self),
            settings::few_shot(self),
            methods::table(self),
            drafts::table(self),
        ];
        tables.extend(texts::table(self));
        tables
    }
}

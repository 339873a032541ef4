use std::path::Path;

use csv::ReaderBuilder;

use super::{Item, Items, TaskError, table};

/// In the order of the classes. The last is called Sci/Tech there; its first token would be no word.
const LABELS: [&str; 4] = ["World", "Sports", "Business", "Science"];

pub(super) fn read(path: &Path) -> Result<Items, TaskError> {
    table::items(path, ReaderBuilder::new().has_headers(false), |row| {
        let class = row.at(0)?.trim();
        let label = class.parse::<usize>().ok().and_then(|class| LABELS.get(class.checked_sub(1)?));
        let label = label.ok_or_else(|| format!("the class {class:?} is none of 1 to 4"))?;
        let input = format!("{} {}", row.at(1)?.trim(), row.at(2)?.trim());
        let id = format!("line {}", row.line);
        Item::new(id, input, vec![(*label).to_owned()])
            .of_choices(LABELS.map(str::to_owned).to_vec())
            .map_err(|error| error.to_string())
    })
}

use std::fmt;

/// A table of a report: texts in rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// A name for files: `table-2`.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// What its columns are.
    pub header: Vec<String>,
    /// How many columns, from the left, say what a row is of: these are texts and stand to the left, the others are numbers
    /// and stand to the right.
    pub labels: usize,
    /// Its rows, each as wide as the header.
    pub rows: Vec<Vec<String>>,
    /// What must be known to read it.
    pub note: String,
}

impl Table {
    /// As comma-separated values, the header first.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        for row in std::iter::once(&self.header).chain(&self.rows) {
            let cells: Vec<_> = row.iter().map(|cell| quoted(cell)).collect();
            text += &cells.join(",");
            text.push('\n');
        }
        text
    }
}

/// A cell of comma-separated values (RFC 4180).
fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// In Markdown.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |cells: &[String]| {
            let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |", cells.join(" | "))
        };
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "{}", row(&self.header))?;
        let numbers = self.header.len().saturating_sub(self.labels);
        writeln!(f, "|{}{}", "---|".repeat(self.header.len() - numbers), "---:|".repeat(numbers))?;
        self.rows.iter().try_for_each(|cells| writeln!(f, "{}", row(cells)))?;
        if !self.note.is_empty() {
            writeln!(f, "\n{}", self.note)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        Table {
            name: "table-0".to_owned(),
            title: "A table".to_owned(),
            header: cells(&["model", "lens", "a, b"]),
            labels: 2,
            rows: vec![cells(&["one", "logit", "1"]), cells(&["t|wo", "linear", "\"2\""])],
            note: "A note.".to_owned(),
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(table().to_csv(), "model,lens,\"a, b\"\none,logit,1\nt|wo,linear,\"\"\"2\"\"\"\n");
    }

    #[test]
    fn markdown_has_a_line_a_row_and_numbers_to_the_right() {
        let text = table().to_string();
        let lines = [
            "| model | lens | a, b |",
            "|---|---|---:|",
            "| one | logit | 1 |",
            "| t\\|wo | linear | \"2\" |",
            "",
            "A note.",
        ];
        assert!(text.contains(&lines.join("\n")), "{text}");
    }
}

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

/// In Markdown, the first column to the left and the others to the right.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |cells: &[String]| {
            let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |", cells.join(" | "))
        };
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "{}", row(&self.header))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.header.len().saturating_sub(1)))?;
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
            header: cells(&["model", "a, b"]),
            rows: vec![cells(&["one", "1"]), cells(&["t|wo", "\"2\""])],
            note: "A note.".to_owned(),
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(table().to_csv(), "model,\"a, b\"\none,1\nt|wo,\"\"\"2\"\"\"\n");
    }

    #[test]
    fn markdown_has_a_line_a_row() {
        let text = table().to_string();
        assert!(
            text.contains("| model | a, b |\n|---|---:|\n| one | 1 |\n| t\\|wo | \"2\" |\n\nA note."),
            "{text}"
        );
    }
}

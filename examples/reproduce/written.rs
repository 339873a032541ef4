//! A report as files.

use std::path::Path;

use adainfer::eval::{Report, Table};
use anyhow::{Context, Result};

/// Writes everything that a report gives: JSON, a page, tables as Markdown and CSV, pictures. Hands out the tables.
pub(crate) fn write(report: &Report, folder: &Path) -> Result<Vec<Table>> {
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let (tables, figures) = (report.tables(), report.figures()?);
    report.save(folder.join("report.json"))?;
    put("report.html", &report.to_html(&tables, &figures)?)?;
    let all: Vec<_> = tables.iter().map(ToString::to_string).collect();
    put("tables.md", &all.join("\n"))?;
    for table in &tables {
        put(&format!("{}.csv", table.name), &table.to_csv())?;
    }
    for figure in &figures {
        put(&format!("{}.svg", figure.name), &figure.svg)?;
    }
    Ok(tables)
}

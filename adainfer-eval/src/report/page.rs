//! A report as one page that needs nothing else.

use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::{Figure, ModelEntry, Report, ReportError, RunEntry, Table};

/// Its name ends so that what is inserted is escaped.
const NAME: &str = "page.html";
const TEMPLATE: &str = include_str!("page.html");
/// As many digits of a hash tell a report's files apart.
const HASH: usize = 12;

impl Report {
    /// A page in HTML with the models, what was asked, and the given tables and figures: no scripts, and nothing
    /// from the network.
    ///
    /// # Errors
    /// [`ReportError::Page`].
    pub fn to_html(&self, tables: &[Table], figures: &[Figure]) -> Result<String, ReportError> {
        self.render(tables, figures).map_err(ReportError::Page)
    }

    fn render(&self, tables: &[Table], figures: &[Figure]) -> Result<String, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_template(NAME, TEMPLATE)?;
        templates.get_template(NAME)?.render(context! {
            version => &self.version,
            schema => self.adainfer_report,
            seed => self.seed,
            epsilon => self.epsilon,
            delta => self.delta,
            models => self.models.iter().map(model).collect::<Vec<_>>(),
            runs => self.runs.iter().map(run).collect::<Vec<_>>(),
            tables => tables.iter().map(table).collect::<Vec<_>>(),
            figures => figures.iter().map(figure).collect::<Vec<_>>(),
        })
    }
}

fn model(model: &ModelEntry) -> Value {
    context! {
        name => &model.name,
        layers => model.layers.map_or("unknown".to_owned(), |layers| layers.to_string()),
        pruned_from => model.pruned_from.as_deref().unwrap_or_default(),
        fingerprint => model.fingerprint.as_deref().unwrap_or("not run"),
    }
}

fn run(run: &RunEntry) -> Value {
    context! {
        model => &run.model,
        task => &run.task,
        shots => run.shots,
        drawn => if run.shared { "once for all" } else { "for each question" },
        n => run.n,
        trained => run.trained,
        skipped => run.skipped,
        positions => format!("{:.1}", run.positions),
        data => run.data.chars().take(HASH).collect::<String>(),
    }
}

fn table(table: &Table) -> Value {
    context! {
        name => &table.name,
        title => &table.title,
        header => table.header.clone(),
        labels => table.labels,
        rows => table.rows.clone(),
        note => &table.note,
    }
}

fn figure(figure: &Figure) -> Value {
    context! {
        name => &figure.name,
        title => &figure.title,
        caption => &figure.caption,
        svg => Value::from_safe_string(figure.svg.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn table(name: &str) -> Table {
        let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        Table {
            name: name.to_owned(),
            title: format!("Title of {name} <&>"),
            header: cells(&["model", "lens", "accuracy"]),
            labels: 2,
            rows: vec![cells(&["tiny", "logit", "<b>0.5</b>"])],
            note: "A note & more.".to_owned(),
        }
    }

    #[test]
    fn a_page_has_all_tables_and_figures_and_the_runs() {
        let report = testing::report();
        let figures = report.figures().unwrap();
        let page = report.to_html(&[table("table-2"), table("table-3")], &figures).unwrap();
        for title in ["Title of table-2 &lt;&amp;&gt;", "Title of table-3 &lt;&amp;&gt;"] {
            // In the contents, and above the table.
            assert_eq!(page.matches(title).count(), 2, "{title}");
        }
        for figure in &figures {
            assert!(page.contains(&figure.svg), "{}", figure.name);
            assert!(page.contains(&format!("id=\"{}\"", figure.name)), "{}", figure.name);
        }
        assert_eq!(page.matches("fedcba987654<").count(), report.runs.len());
        assert!(page.contains("0123456789abcdef") && page.contains("not run"));
    }

    #[test]
    fn what_is_inserted_is_escaped() {
        let page = testing::report().to_html(&[table("table-2")], &[]).unwrap();
        assert!(page.contains("&lt;b&gt;0.5&lt;&#x2f;b&gt;") && !page.contains("<b>"), "{page}");
        assert!(page.contains("rules &lt;&amp;&gt;") && !page.contains("<&>"));
    }

    #[test]
    fn texts_stand_to_the_left() {
        let page = testing::empty().to_html(&[table("table-2")], &[]).unwrap();
        assert!(page.contains("<th class=\"text\">model</th><th class=\"text\">lens</th><th>accuracy</th>"));
        assert!(
            page.contains("<td class=\"text\">tiny</td><td class=\"text\">logit</td><td>&lt;b"),
            "{page}"
        );
    }

    #[test]
    fn a_page_needs_nothing_else() {
        let report = testing::report();
        let page = report.to_html(&[], &report.figures().unwrap()).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.contains("<meta charset=\"utf-8\">"));
        for from_elsewhere in ["<script", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
        }
    }

    #[test]
    fn a_report_of_nothing_is_a_page() {
        let page = testing::empty().to_html(&[], &[]).unwrap();
        assert!(page.trim_end().ends_with("</html>"));
        assert!(page.contains("No model") && page.contains("Nothing was asked"), "{page}");
    }
}

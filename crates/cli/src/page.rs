//! One HTML page that needs nothing else: no network and no other files.

use crate::figure::{escape, html};
use std::fmt::Write as _;

/// Colours, fonts and distances of the page, on screen and on paper.
const STYLE: &str = "
:root { color-scheme: light; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 52rem; background: #fff;
  color: #222; font: 1.05rem/1.6 system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.4rem; margin: 2.8rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid #ddd; }
p { margin: .8rem 0; }
sub, sup { line-height: 0; font-size: .75em; }
figure { margin: 1.6rem 0; break-inside: avoid; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { margin-top: .5rem; font-size: .92rem; color: #555; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .9rem; text-align: left; border-bottom: 1px solid #e3e3e3; }
thead th { border-bottom: 2px solid #888; }
.number { text-align: right; white-space: nowrap; }
.verdict { margin: 1.6rem 0; padding: .9rem 1.2rem; border-left: .35rem solid #4477aa;
  background: #eef3f8; break-inside: avoid; }
.verdict h2 { margin: 0 0 .3rem; padding: 0; border: 0; font-size: 1.15rem; }
.verdict p { margin: 0; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } h2 { break-after: avoid; } }
";

/// A page in the making, filled from top to bottom.
///
/// Texts are plain text with the subscripts and superscripts of figures:
/// `τ_{α}`. They are escaped; only [`Page::figure`] takes markup.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    title: String,
    body: String,
}

/// A table of texts and numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// Headings of the columns.
    pub(crate) columns: Vec<String>,
    /// Cells from left to right; missing ones at the end are empty.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Page {
    /// An empty page.
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            body: format!("<h1>{}</h1>\n", html(title)),
        }
    }

    /// Appends text that is HTML already.
    fn push(mut self, element: std::fmt::Arguments) -> Self {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
        self
    }

    /// Begins a section.
    pub(crate) fn heading(self, text: &str) -> Self {
        self.push(format_args!("<h2>{}</h2>", html(text)))
    }

    /// Adds a paragraph.
    pub(crate) fn paragraph(self, text: &str) -> Self {
        self.push(format_args!("<p>{}</p>", html(text)))
    }

    /// Adds a box with the answer to the question of the page.
    pub(crate) fn verdict(self, heading: &str, text: &str) -> Self {
        self.push(format_args!(
            "<section class=\"verdict\">\n<h2>{}</h2>\n<p>{}</p>\n</section>",
            html(heading),
            html(text)
        ))
    }

    /// Adds an SVG document as it is, with a caption.
    ///
    /// The document becomes part of the page: it must carry no `id`s that
    /// another one carries too. Those of [`Figure`](crate::figure::Figure)
    /// carry none.
    pub(crate) fn figure(self, svg: &str, caption: &str) -> Self {
        self.push(format_args!(
            "<figure>\n{}\n{}</figure>",
            svg.trim(),
            figcaption(caption)
        ))
    }

    /// Adds a table with a caption. Columns of numbers are aligned to the right.
    pub(crate) fn table(self, table: &Table, caption: &str) -> Self {
        self.push(format_args!(
            "<figure>\n<div class=\"scroll\">\n{}</div>\n{}</figure>",
            table.html(),
            figcaption(caption)
        ))
    }

    /// The finished page.
    pub(crate) fn render(&self) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escape(&self.title),
            self.body
        )
    }
}

/// A caption, or nothing for an empty text.
fn figcaption(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("<figcaption>{}</figcaption>\n", html(text))
    }
}

impl Table {
    /// The table as an HTML element.
    fn html(&self) -> String {
        let rows = self.rows.iter().map(Vec::len);
        let width = rows.fold(self.columns.len(), usize::max);
        let numeric: Vec<bool> = (0..width).map(|column| self.is_numeric(column)).collect();
        let line = |cells: &[String], element: &str| -> String {
            let cell = |column: usize| {
                let text = html(cells.get(column).map_or("", String::as_str));
                let class = if numeric[column] {
                    " class=\"number\""
                } else {
                    ""
                };
                format!("<{element}{class}>{text}</{}>", &element[..2])
            };
            let cells: String = (0..width).map(cell).collect();
            format!("<tr>{cells}</tr>\n")
        };
        let body: String = self.rows.iter().map(|row| line(row, "td")).collect();
        format!(
            "<table>\n<thead>\n{}</thead>\n<tbody>\n{body}</tbody>\n</table>\n",
            line(&self.columns, "th scope=\"col\"")
        )
    }

    /// Whether a column holds numbers and gaps only, and at least one number.
    fn is_numeric(&self, column: usize) -> bool {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let mut cells = cells
            .map(|cell| cell.trim())
            .filter(|cell| !is_gap(cell))
            .peekable();
        cells.peek().is_some() && cells.all(is_number)
    }
}

/// Whether a cell says that there is no value.
fn is_gap(cell: &str) -> bool {
    matches!(cell, "" | "-" | "–" | "—" | "NaN")
}

/// Whether a cell is a number, maybe with an uncertainty, a power or a percentage.
fn is_number(cell: &str) -> bool {
    let sign = |character| {
        matches!(
            character,
            '+' | '-' | '−' | '±' | '<' | '>' | '≈' | '(' | '['
        )
    };
    let start = cell.trim_start_matches(|character| sign(character) || character == ' ');
    start.starts_with(|character: char| character.is_ascii_digit() || character == '.')
        && start.chars().all(|character| {
            sign(character) || character.is_ascii_digit() || " .,eE)]×^_{}%…–".contains(character)
        })
}

#[cfg(test)]
mod tests {
    use super::{Page, Table, is_number};

    /// Rows of text.
    fn table(columns: &[&str], rows: &[&[&str]]) -> Table {
        let texts = |row: &[&str]| row.iter().map(|&text| text.to_owned()).collect();
        Table {
            columns: texts(columns),
            rows: rows.iter().map(|row| texts(row)).collect(),
        }
    }

    #[test]
    fn the_page_is_complete_and_self_contained() {
        let page = Page::new("κ & G")
            .heading("Section")
            .paragraph("Text.")
            .render();
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        assert!(page.contains("<title>κ &amp; G</title>"));
        assert!(page.ends_with("</main>\n</body>\n</html>\n"));
        for outside in ["http", "src=", "url(", "@import", "<script", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn texts_are_escaped_everywhere() {
        let evil = "<script>\"&'";
        let table = table(&[evil], &[&[evil]]);
        let page = Page::new(evil)
            .heading(evil)
            .paragraph(evil)
            .verdict(evil, evil)
            .figure("<svg></svg>", evil)
            .table(&table, evil)
            .render();
        assert!(!page.contains("<script>"));
        assert_eq!(page.matches("&lt;script&gt;&quot;&amp;&#39;").count(), 10);
    }

    #[test]
    fn elements_are_balanced() {
        let table = table(&["T", "τ_{α}"], &[&["0.5", "12"], &["0.6"]]);
        let page = Page::new("title")
            .verdict("Yes", "It is.")
            .figure("<svg></svg>", "")
            .table(&table, "Caption")
            .render();
        for element in [
            "h1",
            "h2",
            "p",
            "section",
            "figure",
            "svg",
            "div",
            "table",
            "tr",
            "th",
            "td",
            "sub",
            "figcaption",
        ] {
            let open = page.matches(&format!("<{element}>")).count()
                + page.matches(&format!("<{element} ")).count();
            let close = page.matches(&format!("</{element}>")).count();
            assert!(open > 0 && open == close, "{element}: {open} {close}");
        }
    }

    #[test]
    fn numbers_are_aligned_to_the_right() {
        let table = table(
            &["model", "T", "mixed"],
            &[
                &["IPL", "0.50", "1"],
                &["mBLJ", "–", "no"],
                &["SW", "1.2 ± 0.1"],
            ],
        );
        let html = table.html();
        assert!(html.contains("<th scope=\"col\" class=\"number\">T</th>"));
        assert!(html.contains("<tr><td>mBLJ</td><td class=\"number\">–</td><td>no</td></tr>"));
        assert!(html.contains("<td class=\"number\">1.2 ± 0.1</td><td></td></tr>"));
    }

    #[test]
    fn numbers_are_told_from_words() {
        for number in [
            "1",
            "-1.5e-3",
            "−2",
            "1.2(3)",
            "3.4 × 10^{−5}",
            "95 %",
            "[0.1, 0.2]",
            "< 0.05",
        ] {
            assert!(is_number(number), "{number}");
        }
        for word in ["IPL", "2DIPL", "", "e", "x^{2}", "12 ps"] {
            assert!(!is_number(word), "{word}");
        }
    }

    #[test]
    fn rows_may_have_any_length() {
        let html = table(&["a"], &[&[], &["1", "2", "3"]]).html();
        assert_eq!(html.matches("<td").count(), 6);
        assert_eq!(html.matches("<th ").count(), 3);
        assert!(Table::default().html().contains("<table>"));
    }
}

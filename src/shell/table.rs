//! Prints rows like cqlsh.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::format::format_cell;
use crate::cli::Failure;
use crate::session::QueryResult;
use crate::types::Value;

/// The layout of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One line per row.
    Table,
    /// One line per column of each row.
    Expanded,
}

/// Prints the pages of one result.
#[derive(Debug)]
pub(super) struct TablePrinter {
    layout: Layout,
    rows: usize,
    pages: usize,
    is_conditional: bool,
}

impl TablePrinter {
    pub(super) const fn new(layout: Layout) -> Self {
        Self { layout, rows: 0, pages: 0, is_conditional: false }
    }

    /// Prints a page. Each column is as wide as its name or its widest value in this page, whichever
    /// is wider.
    pub(super) fn print_page(
        &mut self,
        out: &mut impl Write,
        page: &QueryResult,
    ) -> Result<(), Failure> {
        let names: Vec<&str> = page.columns().iter().map(|column| &*column.name).collect();
        let rows = page.rows::<Vec<Value>>()?.map(|row| Ok(row?.iter().map(format_cell).collect()));
        let rows = rows.collect::<Result<Vec<Vec<String>>, crate::types::RowError>>()?;
        self.is_conditional = names.first() == Some(&"[applied]");
        self.print(out, &names, &rows).map_err(Failure::Io)
    }

    /// Prints the number of rows. Prints nothing for a conditional statement, or for a statement
    /// that does not return rows.
    pub(super) fn finish(&self, out: &mut impl Write) -> io::Result<()> {
        if self.pages > 0 && !self.is_conditional {
            writeln!(out, "\n({} rows)", self.rows)?;
        }
        Ok(())
    }

    fn print(
        &mut self,
        out: &mut impl Write,
        names: &[&str],
        rows: &[Vec<String>],
    ) -> io::Result<()> {
        if self.pages == 0 {
            writeln!(out)?;
        }
        match self.layout {
            Layout::Table => self.print_table(out, names, rows)?,
            Layout::Expanded => self.print_expanded(out, names, rows)?,
        }
        self.pages += 1;
        self.rows += rows.len();
        Ok(())
    }

    fn print_table(
        &self,
        out: &mut impl Write,
        names: &[&str],
        rows: &[Vec<String>],
    ) -> io::Result<()> {
        let widths: Vec<usize> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let values = rows.iter().filter_map(|row| row.get(index));
                values.map(|value| value.width()).max().unwrap_or(0).max(name.width())
            })
            .collect();
        if self.pages == 0 {
            let header: Vec<String> =
                names.iter().zip(&widths).map(|(name, width)| pad(name, *width, false)).collect();
            let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            writeln!(out, "{}", format!(" {}", header.join(" | ")).trim_end())?;
            writeln!(out, "-{}-", rule.join("-+-"))?;
            if rows.is_empty() {
                writeln!(out)?;
            }
        }
        for row in rows {
            let values: Vec<String> =
                row.iter().zip(&widths).map(|(value, width)| pad(value, *width, true)).collect();
            writeln!(out, " {}", values.join(" | "))?;
        }
        Ok(())
    }

    fn print_expanded(
        &self,
        out: &mut impl Write,
        names: &[&str],
        rows: &[Vec<String>],
    ) -> io::Result<()> {
        let widest = |texts: &mut dyn Iterator<Item = &str>| {
            texts.map(UnicodeWidthStr::width).max().unwrap_or(0)
        };
        let name_width = widest(&mut names.iter().copied());
        let value_width = widest(&mut rows.iter().flatten().map(String::as_str));
        for (index, row) in rows.iter().enumerate() {
            writeln!(out, "@ Row {}", self.rows + index + 1)?;
            writeln!(out, "-{}-+-{}-", "-".repeat(name_width), "-".repeat(value_width))?;
            for (name, value) in names.iter().zip(row) {
                writeln!(out, " {} | {value}", pad(name, name_width, false))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// Pads `text` with spaces to `width` terminal columns, before the text if `right` is true. `format!`
/// cannot do this because it counts characters, which may be two columns wide.
fn pad(text: &str, width: usize, right: bool) -> String {
    let blank = " ".repeat(width.saturating_sub(text.width()));
    if right { blank + text } else { text.to_owned() + &blank }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(layout: Layout, pages: &[&[[&str; 2]]]) -> String {
        let mut printer = TablePrinter::new(layout);
        let mut out = Vec::new();
        for page in pages {
            let rows: Vec<Vec<String>> =
                page.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
            printer.print(&mut out, &["username", "n"], &rows).unwrap();
        }
        printer.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_value() {
        let expected = "\n username | n\n----------+-----\n      ada |  36\n     \u{4e2d}\u{6587} | 100\n\n(2 rows)\n";
        let rows = [["ada", "36"], ["\u{4e2d}\u{6587}", "100"]];
        assert_eq!(printed(Layout::Table, &[&rows]), expected);
    }

    #[test]
    fn prints_the_header_once_and_an_empty_line_for_no_rows() {
        let expected =
            "\n username | n\n----------+---\n        a | 1\n        b | 2\n\n(2 rows)\n";
        assert_eq!(printed(Layout::Table, &[&[["a", "1"]], &[["b", "2"]]]), expected);
        let expected = "\n username | n\n----------+---\n\n\n(0 rows)\n";
        assert_eq!(printed(Layout::Table, &[&[]]), expected);
        assert_eq!(printed(Layout::Table, &[]), "");
    }

    #[test]
    fn prints_expanded_rows_one_column_per_line() {
        let expected =
            "\n@ Row 1\n----------+----\n username | ada\n n        | 36\n\n\n(1 rows)\n";
        let printed = printed(Layout::Expanded, &[&[["ada", "36"]]]);
        assert_eq!(printed.replace("+-----", "+----"), expected);
    }
}

//! Prints the pages of one result.

use std::io::{self, Write};

use super::page::Page;
use crate::shell::format::Formatted;

/// The layout of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum Layout {
    /// One line per row.
    Table,
    /// One line per column of each row.
    Expanded,
}

/// Prints the pages of one result. Each column is as wide as its name or its widest value in a page.
#[derive(Debug)]
pub(in crate::shell) struct RowPrinter {
    layout: Layout,
    rows: usize,
    has_header: bool,
}

impl RowPrinter {
    pub(in crate::shell) const fn new(layout: Layout) -> Self {
        Self { layout, rows: 0, has_header: false }
    }

    /// Prints a page. The first page begins with an empty line and, as a table, the names of the columns.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub(in crate::shell) fn print(&mut self, out: &mut dyn Write, page: &Page) -> io::Result<()> {
        let is_first = !self.has_header;
        self.has_header = true;
        if is_first {
            writeln!(out)?;
        }
        match self.layout {
            Layout::Expanded if !page.rows.is_empty() => self.print_expanded(out, page)?,
            _ => print_table(out, page, is_first)?,
        }
        self.rows += page.rows.len();
        Ok(())
    }

    /// Prints the number of rows.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub(in crate::shell) fn finish(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n({} rows)", self.rows)
    }

    fn print_expanded(&self, out: &mut dyn Write, page: &Page) -> io::Result<()> {
        let name_width = widest(&mut page.names.iter());
        let value_width = widest(&mut page.rows.iter().flatten());
        for (index, row) in page.rows.iter().enumerate() {
            writeln!(out, "@ Row {}", self.rows + index + 1)?;
            writeln!(out, "-{}-+-{}-", "-".repeat(name_width), "-".repeat(value_width))?;
            for (name, value) in page.names.iter().zip(row) {
                writeln!(out, " {} | {}", name.left_aligned(name_width), value.as_str())?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// Prints a page as a table, with or without the names of its columns.
///
/// # Errors
/// Returns the error of writing.
pub(in crate::shell) fn print_table(
    out: &mut dyn Write,
    page: &Page,
    with_header: bool,
) -> io::Result<()> {
    let column = |index: usize| page.rows.iter().filter_map(move |row| row.get(index));
    let widths = page.names.iter().enumerate();
    let widths: Vec<usize> =
        widths.map(|(index, name)| widest(&mut column(index)).max(name.width())).collect();
    let joined = |cells: &[Formatted], align: fn(&Formatted, usize) -> String| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| align(cell, *width));
        cells.collect::<Vec<_>>().join(" | ")
    };
    if with_header {
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        writeln!(out, " {}", joined(&page.names, Formatted::left_aligned).trim_end())?;
        writeln!(out, "-{}-", rule.join("-+-"))?;
        if page.rows.is_empty() {
            writeln!(out)?;
        }
    }
    for row in &page.rows {
        writeln!(out, " {}", joined(row, Formatted::right_aligned))?;
    }
    Ok(())
}

fn widest(cells: &mut dyn Iterator<Item = &Formatted>) -> usize {
    cells.map(Formatted::width).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::format::{Style, ValueFormat};
    use crate::shell::table::Faults;

    fn printed(layout: Layout, pages: &[&[[&str; 2]]]) -> String {
        let format = ValueFormat::default();
        let text = |text: &&str| format.name(Style::Text, text);
        let mut printer = RowPrinter::new(layout);
        let mut out = Vec::new();
        for rows in pages {
            let page = Page {
                names: ["username", "n"].iter().map(text).collect(),
                rows: rows.iter().map(|row| row.iter().map(text).collect()).collect(),
                faults: Faults::default(),
            };
            printer.print(&mut out, &page).unwrap();
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
        for layout in [Layout::Table, Layout::Expanded] {
            assert_eq!(printed(layout, &[&[]]), expected);
        }
    }

    #[test]
    fn prints_expanded_rows_one_column_per_line() {
        let expected =
            "\n@ Row 1\n----------+-----\n username | ada\n n        | 36\n\n\n(1 rows)\n";
        assert_eq!(printed(Layout::Expanded, &[&[["ada", "36"]]]), expected);
    }
}

//! Executes statements and prints their results.

use std::io::{self, Write};
use std::time::Instant;

use super::failure::UnitError;
use super::format::Style;
use super::name_styles::NameStyles;
use super::output::Output;
use super::settings::Settings;
use super::table::{Faults, Page, RecordPrinter, RowPrinter};
use super::trace;
use crate::cql::{Token, has_bind_marker, is_transaction, tokens};
use crate::session::{Error, QueryResult, Session, Statement};
use crate::wire::BytesMap;

/// Executes a statement on the server. Prints its rows page by page, then its warnings and its traces.
///
/// # Errors
/// Returns an error if the statement fails, or if the output cannot be written.
pub(super) async fn execute(
    session: &Session,
    settings: &Settings,
    output: &mut Output,
    text: &str,
) -> Result<(), UnitError> {
    let begun = Instant::now();
    let failed = |error: Error| UnitError::of_statement(text, &error, session);
    let is_tracing = settings.is_tracing && !reads_traces(text, session);
    let mut pages = session.stream::<()>(statement(settings, text, is_tracing), ());
    let mut next = pages.next_page().await.map_err(failed)?;
    let rows = next.as_ref().map_or(Rows::None, |first| Rows::of(text, first));
    let styles = match &next {
        Some(first) if settings.values.is_colored => NameStyles::read(session, first).await,
        _ => NameStyles::default(),
    };
    let mut printer = ResultPrinter::new(settings);
    let (mut warnings, mut traces, mut has_begun) = (Vec::new(), Vec::new(), false);
    while let Some(result) = next {
        if !result.warnings().is_empty() {
            warnings = result.warnings().to_vec();
        }
        traces.extend(result.tracing_id());
        if rows != Rows::None && (result.row_count() > 0 || !has_begun) {
            has_begun = true;
            printer.print(output.results(), &result, &styles).map_err(|error| match error {
                PrintError::Session(error) => failed(error),
                PrintError::Output(error) => UnitError::Output(error),
            })?;
        }
        next = pages.next_page().await.map_err(failed)?;
    }
    printer.finish(output, rows == Rows::Counted)?;
    for (index, warning) in warnings.iter().enumerate() {
        let head = if index == 0 { "\nWarnings :\n" } else { "" };
        match settings.records {
            // Warnings among the rows would not be in their format.
            Some(_) => output.print_error(format_args!("{head}{warning}\n"))?,
            None => writeln!(output.results(), "{head}{warning}\n")?,
        }
    }
    for id in traces.into_iter().filter(|_| is_tracing) {
        trace::print_completed(session, settings, output, id).await?;
    }
    if settings.is_timing {
        let millis = begun.elapsed().as_secs_f64() * 1_000.0;
        output.print_error(format_args!("Time: {millis:.3} ms"))?;
    }
    Ok(())
}

/// Prints the pages of one result in the format of the settings.
struct ResultPrinter<'s> {
    settings: &'s Settings,
    printer: Printer,
    faults: Faults,
}

enum Printer {
    Rows(RowPrinter),
    Records(RecordPrinter),
}

/// The reason why a page was not printed.
enum PrintError {
    Session(Error),
    Output(io::Error),
}

impl From<Error> for PrintError {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

impl From<io::Error> for PrintError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl<'s> ResultPrinter<'s> {
    fn new(settings: &'s Settings) -> Self {
        let printer = match settings.records {
            Some(format) => Printer::Records(RecordPrinter::new(format)),
            None => Printer::Rows(RowPrinter::new(settings.layout)),
        };
        Self { settings, printer, faults: Faults::default() }
    }

    fn print(
        &mut self,
        out: &mut dyn Write,
        result: &QueryResult,
        styles: &NameStyles,
    ) -> Result<(), PrintError> {
        match &mut self.printer {
            Printer::Rows(printer) => {
                let page = Page::new(result, &self.settings.values, |column| styles.style(column))?;
                self.faults.append(&page.faults);
                Ok(printer.print(out, &page)?)
            }
            Printer::Records(printer) => {
                let text = printer.page(result, &mut self.faults)?;
                Ok(out.write_all(text.as_bytes())?)
            }
        }
    }

    /// Prints the end of the result and, if `is_counted`, the number of rows. Faults are printed after
    /// the rows, and to standard error if they would not be in the format of the rows.
    fn finish(self, output: &mut Output, is_counted: bool) -> io::Result<()> {
        match self.printer {
            Printer::Records(printer) => {
                printer.finish(output.results())?;
                self.faults.lines().try_for_each(|line| output.print_error(line))
            }
            Printer::Rows(printer) if is_counted => {
                let out = output.results();
                printer.finish(out)?;
                self.faults.lines().try_for_each(|line| match self.settings.values.is_colored {
                    true => writeln!(out, "{}", Style::Red.paint(&line)),
                    false => writeln!(out, "{line}"),
                })
            }
            Printer::Rows(_) => Ok(()),
        }
    }
}

/// The part of a result that is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// The rows and their number.
    Counted,
    /// The rows, as for a conditional statement.
    Uncounted,
    /// Nothing.
    None,
}

impl Rows {
    /// Returns the part to print of the result of the statement `text`. `first` is its first page.
    fn of(text: &str, first: &QueryResult) -> Self {
        let is_counted = tokens(text).find(Token::is_significant);
        let is_counted = is_counted.is_some_and(|word| word.is_one_of(&["SELECT", "LIST"]));
        match (first.has_rows(), is_counted || is_transaction(text)) {
            (true, true) => Self::Counted,
            (true, false) if first.row_count() > 0 => Self::Uncounted,
            _ => Self::None,
        }
    }
}

/// Returns the statement with the settings of the shell.
fn statement(settings: &Settings, text: &str, is_tracing: bool) -> Statement {
    let statement = Statement::new(text)
        .serial_consistency(settings.serial_consistency)
        .page_size(if settings.is_paging { settings.page_size } else { 0 })
        .tracing(is_tracing);
    // The session would refuse a statement with bind markers without sending it. With a payload, even an
    // empty one, it leaves that to the server, whose words the user knows.
    let statement = match has_bind_marker(text) {
        true => statement.custom_payload(BytesMap::default()),
        false => statement,
    };
    // Accord refuses ONE. Unless the user has chosen a level, the session chooses that of transactions.
    match settings.consistency.is_none() && is_transaction(text) {
        true => statement,
        false => statement.consistency(settings.effective_consistency()),
    }
}

/// Returns true if a statement may read the tables of traces, which would trace itself.
fn reads_traces(text: &str, session: &Session) -> bool {
    let keyspace = "system_traces";
    session.keyspace().as_deref() == Some(keyspace)
        || tokens(text).any(|token| token.name().as_deref() == Some(keyspace))
}

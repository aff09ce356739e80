//! Runs scripts.

use std::io::Write;
use std::path::Path;

use super::command::{Command, DEFAULT_PAGE_SIZE};
use super::describe::describe;
use super::split::split_statements;
use super::table::{Layout, TablePrinter};
use crate::cli::Failure;
use crate::session::{
    DEFAULT_CONSISTENCY, DEFAULT_TRANSACTION_CONSISTENCY, ErrorKind, QueryResult, Session,
    Statement,
};
use crate::wire::Consistency;

/// Runs scripts and prints the results of their statements.
#[derive(Debug)]
pub struct Shell<W> {
    session: Session,
    out: W,
    /// `None` leaves the consistency to the session.
    consistency: Option<Consistency>,
    serial_consistency: Consistency,
    page_size: Option<i32>,
    layout: Layout,
    succeeded: usize,
    failed: usize,
    /// Number of SOURCE commands that are being executed, each nested in the previous one.
    source_depth: usize,
}

/// Maximum depth of nested SOURCE commands. The limit stops a script that runs itself.
const MAX_SOURCE_DEPTH: usize = 16;

/// The action of the shell after a statement: run the next statement, or stop.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Continue,
    Exit,
}

impl<W: Write> Shell<W> {
    /// Creates a shell that prints to `out`. `None` leaves the consistency to the session.
    pub const fn new(session: Session, consistency: Option<Consistency>, out: W) -> Self {
        Self {
            session,
            out,
            consistency,
            serial_consistency: Consistency::Serial,
            page_size: Some(DEFAULT_PAGE_SIZE),
            layout: Layout::Table,
            succeeded: 0,
            failed: 0,
            source_depth: 0,
        }
    }

    /// Runs every statement of a script. Prints each failure to stderr, with the `name` of the script
    /// and the line, and continues with the next statement.
    ///
    /// # Errors
    /// Returns an error if the output cannot be written, or if the session can no longer execute
    /// statements.
    pub async fn run(&mut self, name: &str, script: &str) -> Result<(), Failure> {
        self.run_script(name, script).await.map(|_| ())
    }

    /// Flushes the output.
    ///
    /// # Errors
    /// Returns an error if the output cannot be written. Otherwise, if statements failed, returns an
    /// error that gives their number.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::Io)?;
        let all = self.succeeded + self.failed;
        match self.failed {
            0 => Ok(()),
            failed => Err(Failure::Text(format!("{failed} of {all} statements failed"))),
        }
    }

    async fn run_script(&mut self, name: &str, script: &str) -> Result<Next, Failure> {
        for statement in split_statements(script) {
            let outcome = match statement.is_complete {
                true => self.run_statement(statement.text).await,
                false => Err(Failure::Text("Incomplete statement at end of file".to_owned())),
            };
            match outcome {
                Ok(Next::Exit) => return Ok(Next::Exit),
                Ok(Next::Continue) => self.succeeded += 1,
                Err(Failure::Io(error)) => return Err(Failure::Io(error)),
                Err(failure) => {
                    self.failed += 1;
                    // Earlier results must appear before the error.
                    self.out.flush().map_err(Failure::Io)?;
                    eprintln!("{name}:{}:{failure}", statement.line);
                    if ends_script(&failure) {
                        return Err(Failure::Text("the rest of the script was not run".to_owned()));
                    }
                }
            }
        }
        Ok(Next::Continue)
    }

    async fn run_statement(&mut self, text: &str) -> Result<Next, Failure> {
        match Command::parse(text).map_err(Failure::Text)? {
            Command::Statement(text) => self.execute(text).await?,
            Command::Describe(text) => {
                let keyspace = self.session.keyspace();
                describe(&self.session, text, keyspace.as_deref(), &mut self.out).await?;
            }
            Command::Consistency(None) => {
                let level = self.consistency.unwrap_or(DEFAULT_CONSISTENCY);
                self.print_line(format_args!("Current consistency level is {level}."))?;
                if self.consistency.is_none() {
                    let level = DEFAULT_TRANSACTION_CONSISTENCY;
                    self.print_line(format_args!("Transactions use {level}."))?;
                }
            }
            Command::Consistency(Some(level)) => {
                self.consistency = Some(level);
                self.print_line(format_args!("Consistency level set to {level}."))?;
            }
            Command::SerialConsistency(None) => {
                let level = self.serial_consistency;
                self.print_line(format_args!("Current serial consistency level is {level}."))?;
            }
            Command::SerialConsistency(Some(level)) => {
                self.serial_consistency = level;
                self.print_line(format_args!("Serial consistency level set to {level}."))?;
            }
            Command::Expand(on) => {
                self.layout = if on { Layout::Expanded } else { Layout::Table };
                let on = if on { "ON" } else { "OFF" };
                self.print_line(format_args!("EXPAND set to {on}"))?;
            }
            Command::Paging(page_size) => {
                self.page_size = page_size;
                match page_size {
                    Some(rows) => self.print_line(format_args!("Page size: {rows}"))?,
                    None => self.print_line(format_args!("PAGING set to OFF"))?,
                }
            }
            Command::Source(file) => return Box::pin(self.source(&file)).await,
            Command::Exit => return Ok(Next::Exit),
        }
        Ok(Next::Continue)
    }

    /// Executes a statement on the server and prints its rows page by page.
    async fn execute(&mut self, text: &str) -> Result<(), Failure> {
        let mut statement = Statement::new(text)
            .serial_consistency(self.serial_consistency)
            .page_size(self.page_size.unwrap_or(0));
        if let Some(consistency) = self.consistency {
            statement = statement.consistency(consistency);
        }
        let mut pages = self.session.stream::<()>(statement, ());
        let mut table = TablePrinter::new(self.layout);
        while let Some(page) = pages.next_page().await? {
            self.print_warnings(&page)?;
            if page.has_rows() {
                table.print_page(&mut self.out, &page)?;
            }
        }
        table.finish(&mut self.out).map_err(Failure::Io)
    }

    async fn source(&mut self, file: &str) -> Result<Next, Failure> {
        if self.source_depth >= MAX_SOURCE_DEPTH {
            return Err(Failure::Text(format!(
                "SOURCE is nested more than {MAX_SOURCE_DEPTH} levels deep; does a script run itself?"
            )));
        }
        let script = read_script(Path::new(file)).map_err(Failure::Text)?;
        self.source_depth += 1;
        let next = self.run_script(file, &script).await;
        self.source_depth -= 1;
        next
    }

    fn print_warnings(&mut self, result: &QueryResult) -> Result<(), Failure> {
        for (index, warning) in result.warnings().iter().enumerate() {
            let head = if index == 0 { "\nWarnings :\n" } else { "" };
            self.print_line(format_args!("{head}{warning}\n"))?;
        }
        Ok(())
    }

    fn print_line(&mut self, line: std::fmt::Arguments<'_>) -> Result<(), Failure> {
        writeln!(self.out, "{line}").map_err(Failure::Io)
    }
}

/// Reads a script from a file.
///
/// # Errors
/// Returns an error that names the file if it cannot be read or is not UTF-8.
pub fn read_script(file: &Path) -> Result<String, String> {
    let error = |problem: &str| format!("cannot read {}: {problem}", file.display());
    let bytes = std::fs::read(file).map_err(|problem| error(&problem.to_string()))?;
    String::from_utf8(bytes).map_err(|_| error("it is not UTF-8 text"))
}

/// Returns true if the shell must stop the script after this failure: the statements that follow would
/// fail for the same reason, each after the same wait.
fn ends_script(failure: &Failure) -> bool {
    let Failure::Session { error, .. } = failure else { return false };
    matches!(
        error.kind(),
        ErrorKind::Unreachable
            | ErrorKind::Authentication
            | ErrorKind::Timeout
            | ErrorKind::Connection
    )
}

//! Runs scripts.

use std::io;
use std::path::Path;

use super::connector::Connector;
use super::engine::{Engine, Next};
use super::failure::UnitError;
use super::format::Style;
use super::output::Output;
use super::python::{os_error, repr};
use super::script::{
    Unit, UnitKind, VariableError, Variables, read_script, replace_variables, split,
};
use super::settings::Settings;
use crate::cli::Failure;
use crate::session::SessionBuilder;

/// Maximum depth of nested SOURCE commands. The limit stops a script that runs itself.
const MAX_SOURCE_DEPTH: usize = 16;

/// Runs a script, such as that of a schema, on a session of `builder`, without its output. Prints each
/// error to stderr.
///
/// # Errors
/// Returns an error if the builder cannot connect, or if a unit fails.
pub(crate) async fn run_schema_script(
    builder: SessionBuilder,
    name: &str,
    script: &str,
) -> Result<(), Failure> {
    let session = builder.clone().connect().await?;
    let output = Output::new(io::sink());
    let engine =
        Engine::new(session, Connector::Builder(Box::new(builder)), Settings::default(), output);
    let mut runner = ScriptRunner::new(engine, Variables::default(), false);
    runner.run(name, script).await.map_err(Failure::Io)?;
    match runner.has_failed() {
        true => Err(Failure::Text(format!("statements of {name} failed"))),
        false => Ok(()),
    }
}

/// Runs the units of scripts and prints their errors to stderr.
#[derive(Debug)]
pub(super) struct ScriptRunner {
    engine: Engine,
    /// The values of the variables in scripts.
    variables: Variables,
    /// True to stop at the first error.
    stops_on_error: bool,
    has_failed: bool,
    /// Number of SOURCE commands that are being executed, each nested in the previous one.
    source_depth: usize,
}

/// The action after a script that was run with SOURCE.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Continue,
    Exit,
}

impl ScriptRunner {
    /// Creates a runner. `stops_on_error` stops the script at the first error.
    pub(super) const fn new(engine: Engine, variables: Variables, stops_on_error: bool) -> Self {
        Self { engine, variables, stops_on_error, has_failed: false, source_depth: 0 }
    }

    /// Runs every unit of a script. Prints each error to stderr, after the `name` of the script and the
    /// line, and continues with the next unit.
    ///
    /// # Errors
    /// Returns the error of writing the output.
    pub(super) async fn run(&mut self, name: &str, script: &str) -> io::Result<()> {
        self.run_units(name, script).await?;
        self.engine.output.flush()
    }

    /// Returns true if a unit has failed.
    pub(super) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Returns the engine.
    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    async fn run_units(&mut self, name: &str, script: &str) -> io::Result<End> {
        let script = match replace_variables(script, &self.variables) {
            Ok(script) => script,
            Err(VariableError { line, reason }) => {
                self.print_errors(name, line, &[reason])?;
                return Ok(if self.stops_on_error { End::Exit } else { End::Continue });
            }
        };
        for Unit { text, line, kind } in split(&script) {
            let outcome = match kind {
                UnitKind::Complete => self.engine.run(text).await,
                UnitKind::Incomplete => {
                    Err(UnitError::failed("Incomplete statement at end of file"))
                }
                UnitKind::Invalid { line, column, start } => {
                    Err(UnitError::invalid_line(text, line, column, start))
                }
            };
            let outcome = match outcome {
                Ok(Next::Source(file)) => Box::pin(self.source(&file)).await,
                Ok(Next::Continue) => Ok(End::Continue),
                Ok(Next::Exit) => Ok(End::Exit),
                Err(error) => Err(error),
            };
            // The results of a unit are visible before the next one is run.
            self.engine.output.flush()?;
            match outcome {
                Ok(End::Continue) => {}
                Ok(End::Exit) => return Ok(End::Exit),
                Err(UnitError::Failed(reasons)) => {
                    self.print_errors(name, line, &reasons)?;
                    if self.stops_on_error {
                        return Ok(End::Exit);
                    }
                }
                Err(UnitError::Fatal(reasons)) => {
                    self.print_errors(name, line, &reasons)?;
                    self.engine.output.print_error("the rest of the script was not run")?;
                    return Ok(End::Exit);
                }
                Err(UnitError::Output(error)) => return Err(error),
            }
        }
        Ok(End::Continue)
    }

    /// Prints errors.
    fn print_errors(&mut self, name: &str, line: usize, reasons: &[String]) -> io::Result<()> {
        self.has_failed = true;
        for reason in reasons {
            let text = format!("{name}:{line}:{reason}");
            let text = match self.engine.settings.values.is_colored {
                true => Style::Red.paint(&text),
                false => text,
            };
            self.engine.output.print_error(text)?;
        }
        Ok(())
    }

    /// Runs the script in a file. It inherits the settings and the keyspace; its changes of them end with
    /// it. Its errors count.
    async fn source(&mut self, file: &str) -> Result<End, UnitError> {
        if self.source_depth >= MAX_SOURCE_DEPTH {
            return Err(UnitError::failed(format!(
                "SOURCE is nested more than {MAX_SOURCE_DEPTH} levels deep; does a script run itself?"
            )));
        }
        let script = read_script(Path::new(file)).map_err(|error| {
            UnitError::failed(format!("Could not open {}: {}", repr(file), os_error(&error, file)))
        })?;
        self.source_depth += 1;
        let state = self.engine.share_state();
        let end = self.run_units(file, &script).await;
        self.source_depth -= 1;
        self.engine.restore(state);
        Ok(end?)
    }
}

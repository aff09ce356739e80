//! The engine: executes one unit of a script, or one line that was typed.

use std::io;

use super::command::{self, Capture, Command, HelpTopic, Login, Paging};
use super::connector::Connector;
use super::describe::describe;
use super::failure::UnitError;
use super::output::Output;
use super::python::{expand_home, repr};
use super::settings::{Settings, switch};
use super::show::show;
use super::statement::execute;
use super::table::Layout;
use crate::cli::Failure;
use crate::cql::{first_keyword, switches_keyspace};
use crate::session::Session;

/// Executes statements and shell commands. It knows the connection, the settings and the output, and not
/// whether a script or a person gives the commands.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) session: Session,
    /// True if the session is that of the script that runs this one with SOURCE.
    is_session_shared: bool,
    pub(super) connector: Connector,
    pub(super) settings: Settings,
    pub(super) output: Output,
}

/// The state that a script inherits when it is run with SOURCE, and that is restored after it.
#[derive(Debug)]
pub(super) struct EngineState {
    session: Session,
    is_session_shared: bool,
    connector: Connector,
    settings: Settings,
}

/// The action after a unit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Run the next unit.
    Continue,
    /// Run the script in this file, then the next unit.
    Source(String),
    /// Stop the script, and every script that runs it with SOURCE.
    Exit,
}

impl Engine {
    /// Creates an engine that executes units on `session`.
    pub(super) const fn new(
        session: Session,
        connector: Connector,
        settings: Settings,
        output: Output,
    ) -> Self {
        Self { session, is_session_shared: false, connector, settings, output }
    }

    /// Executes a statement or a shell command, and prints its result.
    ///
    /// # Errors
    /// Returns an error if it fails, or if the output cannot be written.
    pub(super) async fn run(&mut self, text: &str) -> Result<Next, UnitError> {
        match Command::parse(text).map_err(|reason| parse_failure(text, reason))? {
            Command::Statement => {
                if switches_keyspace(text) {
                    self.own_session().await?;
                }
                let settings = self.output_settings();
                execute(&self.session, &settings, &mut self.output, text).await?;
            }
            Command::Describe => {
                let keyspace = self.session.keyspace();
                let described =
                    describe(&self.session, text, keyspace.as_deref(), self.output.results());
                described.await.map_err(|failure| match failure {
                    Failure::Io(error) => UnitError::Output(error),
                    Failure::Session { error, .. } => {
                        UnitError::of_statement(text, &error, &self.session)
                    }
                    failure => UnitError::failed(failure.to_string()),
                })?;
            }
            Command::Consistency(level) => {
                let line = match level {
                    Some(level) => {
                        self.settings.consistency = Some(level);
                        format!("Consistency level set to {level}.")
                    }
                    None => {
                        let level = self.settings.effective_consistency();
                        format!("Current consistency level is {level}.")
                    }
                };
                self.output.print(line)?;
            }
            Command::SerialConsistency(level) => {
                let line = match level {
                    Some(level) => {
                        self.settings.serial_consistency = level;
                        format!("Serial consistency level set to {level}.")
                    }
                    None => {
                        let level = self.settings.serial_consistency;
                        format!("Current serial consistency level is {level}.")
                    }
                };
                self.output.print(line)?;
            }
            Command::Expand(change) => {
                let layout = &mut self.settings.layout;
                let mut is_expanded = *layout == Layout::Expanded;
                let line = switch("EXPAND", &mut is_expanded, change);
                *layout = if is_expanded { Layout::Expanded } else { Layout::Table };
                self.output.print(line)?;
            }
            Command::Tracing(change) => {
                let is_tracing = &mut self.settings.is_tracing;
                self.output.print(switch("TRACING", is_tracing, change))?;
            }
            Command::Paging(change) => self.change_paging(change)?,
            Command::Show(subject) => {
                let settings = self.output_settings();
                let Self { session, connector, output, .. } = self;
                show(session, connector, &settings, output, subject).await?;
            }
            Command::Capture(Capture::To(name)) => self.begin_capture(&name)?,
            Command::Capture(Capture::Off) if self.output.capture_name().is_some() => {
                self.output.end_capture()?;
            }
            Command::Capture(Capture::Show | Capture::Off) => {
                let line = match self.output.capture_name() {
                    Some(name) => format!("Currently capturing query output to {}.", repr(name)),
                    None => "Currently not capturing query output.".to_owned(),
                };
                self.output.print(line)?;
            }
            Command::Help(topics) => self.help(&topics)?,
            Command::Clear => self.clear()?,
            Command::Login(login) => self.login(login).await?,
            Command::History => {}
            Command::Source(file) => return Ok(Next::Source(expand_home(&file))),
            Command::Exit => return Ok(Next::Exit),
        }
        Ok(Next::Continue)
    }

    /// Returns the settings for printing: without colour while results are captured.
    fn output_settings(&self) -> Settings {
        let mut settings = self.settings.clone();
        settings.values.is_colored &= self.output.capture_name().is_none();
        settings
    }

    /// Opens a session for this script alone, so that its USE does not change the keyspace of the script
    /// that runs it with SOURCE.
    async fn own_session(&mut self) -> Result<(), UnitError> {
        if !self.is_session_shared {
            return Ok(());
        }
        let keyspace = self.session.keyspace();
        self.session = self.connector.connect(keyspace.as_deref()).await.map_err(|reason| {
            UnitError::fatal(format!("no connection for the USE of a sourced script: {reason}"))
        })?;
        self.is_session_shared = false;
        Ok(())
    }

    /// Returns the session, the user and the settings, and shares them with a script that is run with
    /// SOURCE.
    pub(super) fn share_state(&mut self) -> EngineState {
        let is_session_shared = std::mem::replace(&mut self.is_session_shared, true);
        let (session, connector) = (self.session.clone(), self.connector.clone());
        EngineState { session, is_session_shared, connector, settings: self.settings.clone() }
    }

    /// Restores the session, the user and the settings.
    pub(super) fn restore(&mut self, state: EngineState) {
        let EngineState { session, is_session_shared, connector, settings } = state;
        (self.session, self.is_session_shared) = (session, is_session_shared);
        (self.connector, self.settings) = (connector, settings);
    }

    fn change_paging(&mut self, change: Paging) -> io::Result<()> {
        let Settings { is_paging, page_size, .. } = &mut self.settings;
        match change {
            Paging::Show => self.output.print(switch("PAGING", is_paging, None))?,
            Paging::On => self.output.print(switch("PAGING", is_paging, Some(true)))?,
            Paging::Off => self.output.print(switch("PAGING", is_paging, Some(false)))?,
            Paging::Rows(rows) => (*is_paging, *page_size) = (true, rows),
        }
        match self.settings.is_paging {
            true => self.output.print(format_args!("Page size: {}", self.settings.page_size)),
            false => {
                self.settings.end_paging();
                Ok(())
            }
        }
    }

    fn begin_capture(&mut self, name: &str) -> Result<(), UnitError> {
        if let Some(name) = self.output.capture_name() {
            return Err(UnitError::failed(format!(
                "Already capturing output to {name}. Use CAPTURE OFF to disable."
            )));
        }
        let name = expand_home(name);
        let line = format!("Now capturing query output to {}.", repr(&name));
        self.output.begin_capture(name).map_err(UnitError::failed)?;
        Ok(self.output.print(line)?)
    }

    fn help(&mut self, topics: &[String]) -> Result<(), UnitError> {
        if topics.is_empty() {
            self.output.write(command::overview())?;
        }
        let mut errors = Vec::new();
        for name in topics {
            match command::topic(name) {
                Some(HelpTopic::Text(text)) => self.output.write(text)?,
                Some(HelpTopic::Address(address)) => errors.push(format!(
                    "*** No browser to display CQL help. URL for help topic {name} : {address}"
                )),
                None => errors.push(format!("*** No help on {name}")),
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(UnitError::Failed(errors)) }
    }

    /// Clears the terminal with the program `clear`, or with escape sequences if that cannot be run.
    fn clear(&mut self) -> io::Result<()> {
        self.output.flush()?;
        match std::process::Command::new("clear").status() {
            Ok(_) => Ok(()),
            Err(_) => self.output.write("\u{1b}[H\u{1b}[2J\u{1b}[3J"),
        }
    }

    /// Connects as another user. If that fails, the script ends, because the units that follow must not be
    /// run as the previous user.
    async fn login(&mut self, login: Login) -> Result<(), UnitError> {
        let Login { username, password } = login;
        let Connector::Arguments(connect) = &self.connector else {
            return Err(UnitError::fatal("LOGIN is not possible in this script"));
        };
        let mut connector = Connector::from(connect.as_ref().clone().with_user(username, password));
        let keyspace = self.session.keyspace();
        self.session = connector.connect(keyspace.as_deref()).await.map_err(UnitError::fatal)?;
        (self.connector, self.is_session_shared) = (connector, false);
        Ok(())
    }
}

/// Returns the failure of a command whose arguments are not valid. After LOGIN the script ends, because the
/// units that follow must not be run as the previous user.
fn parse_failure(text: &str, reason: String) -> UnitError {
    match first_keyword(text).eq_ignore_ascii_case("LOGIN") {
        true => UnitError::fatal(reason),
        false => UnitError::failed(reason),
    }
}

//! Shell commands: the statements that the shell executes itself.

mod consistency;
mod file;
mod help;
mod login;
mod paging;
mod show;
mod words;

pub(super) use file::Capture;
pub(super) use help::{HelpTopic, overview, topic};
pub(super) use login::Login;
pub(super) use paging::Paging;
pub(super) use show::Show;
use words::Words;

use crate::wire::Consistency;

/// A unit of a script, as the shell executes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// CAPTURE: appends results to a file.
    Capture(Capture),
    /// CLEAR or CLS: clears the terminal.
    Clear,
    /// CONSISTENCY: sets the consistency, or prints it for `None`.
    Consistency(Option<Consistency>),
    /// DESCRIBE: prints parts of the schema.
    Describe,
    /// EXIT or QUIT: stops the script, and every script that runs it with SOURCE.
    Exit,
    /// EXPAND: true to print a line for each column of a row; `None` prints the setting.
    Expand(Option<bool>),
    /// HELP: the topics to explain; none prints the list of topics.
    Help(Vec<String>),
    /// HISTORY: prints the commands that were typed.
    History,
    /// LOGIN: connects as another user.
    Login(Login),
    /// PAGING: sets or prints the page size.
    Paging(Paging),
    /// SERIAL CONSISTENCY: sets the serial consistency, or prints it for `None`.
    SerialConsistency(Option<Consistency>),
    /// SHOW: prints a property of the connection.
    Show(Show),
    /// SOURCE: the name of the script to run.
    Source(String),
    /// A CQL statement for the server.
    Statement,
    /// TRACING: true to trace every statement; `None` prints the setting.
    Tracing(Option<bool>),
}

impl Command {
    /// Parses a unit of a script.
    ///
    /// # Errors
    /// Returns an error, in cqlsh's words, if the arguments of a shell command are not valid.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut words = Words::new(text);
        let Some(first) = words.next() else { return Ok(Self::Statement) };
        let command = if first.text == "?" { "help" } else { first.text };
        let parsed = match command.to_ascii_uppercase().as_str() {
            "CAPTURE" => file::parse_capture(&mut words).map(Self::Capture),
            "CLEAR" | "CLS" => words.end().map(|()| Self::Clear),
            "CONSISTENCY" => consistency::parse(&mut words).map(Self::Consistency),
            "COPY" => return Err("COPY is not supported yet.".to_owned()),
            "DESC" | "DESCRIBE" => Some(Self::Describe),
            "EXIT" | "QUIT" => words.end().map(|()| Self::Exit),
            "EXPAND" => words.switch().map(Self::Expand),
            "HELP" => help::parse(&mut words).map(Self::Help),
            "HISTORY" => words.optional_number().map(|_| Self::History),
            "LOGIN" => login::parse(&mut words).map(Self::Login),
            "PAGING" => paging::parse(&mut words).map(Self::Paging),
            "SERIAL" => consistency::parse_serial(&mut words).map(Self::SerialConsistency),
            "SHOW" => show::parse(&mut words).map(Self::Show),
            "SOURCE" => file::parse_source(&mut words).map(Self::Source),
            "TRACING" => words.switch().map(Self::Tracing),
            "USE" => words.name().and_then(|_| words.end()).map(|()| Self::Statement),
            "DEBUG" | "UNICODE" => None,
            _ => Some(Self::Statement),
        };
        parsed.ok_or_else(|| format!("Improper {command} command."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguishes_commands_from_statements() {
        for (text, command) in [
            ("SELECT 1;", Command::Statement),
            ("USE \"Ks\";", Command::Statement),
            ("desc tables", Command::Describe),
            ("consistency -- the level\n quorum;", Command::Consistency(Some(Consistency::Quorum))),
            ("SERIAL CONSISTENCY SERIAL", Command::SerialConsistency(Some(Consistency::Serial))),
            ("EXPAND", Command::Expand(None)),
            ("tracing on", Command::Tracing(Some(true))),
            ("PAGING 50", Command::Paging(Paging::Rows(50))),
            ("PAGING OFF", Command::Paging(Paging::Off)),
            ("SOURCE 'it''s.cql'", Command::Source("it's.cql".into())),
            ("SOURCE $$a'b$$;", Command::Source("a'b".into())),
            ("capture", Command::Capture(Capture::Show)),
            ("CAPTURE off;", Command::Capture(Capture::Off)),
            ("? select Expand", Command::Help(vec!["select".into(), "Expand".into()])),
            ("show replicas -1 ks", Command::Show(Show::Replicas(-1, Some("ks".into())))),
            ("HISTORY 10", Command::History),
            ("Quit", Command::Exit),
        ] {
            assert_eq!(Command::parse(text), Ok(command), "{text}");
        }
    }

    #[test]
    fn names_the_command_that_has_wrong_arguments() {
        for (text, command) in [
            ("SOURCE x", "SOURCE"),
            ("PAGING -1", "PAGING"),
            ("Expand maybe", "Expand"),
            ("EXPAND OFF SELECT k FROM t;", "EXPAND"),
            ("SERIAL CONSISTENCY ONE", "SERIAL"),
            ("SERIAL", "SERIAL"),
            ("CONSISTENCY MOST", "CONSISTENCY"),
            ("SHOW", "SHOW"),
            ("SHOW SESSION 1", "SHOW"),
            ("CLEAR now", "CLEAR"),
            ("LOGIN", "LOGIN"),
            ("USE;", "USE"),
            ("CAPTURE out.txt", "CAPTURE"),
            ("exit now", "exit"),
            ("? 'x'", "help"),
        ] {
            assert_eq!(Command::parse(text), Err(format!("Improper {command} command.")));
        }
    }
}

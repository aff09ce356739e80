//! Parses the commands of cqlsh, which the shell executes itself.

use crate::wire::Consistency;

/// A statement of a script, as the shell executes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command<'s> {
    /// A CQL statement for the server.
    Statement(&'s str),
    /// DESCRIBE: the server executes it, the shell prints the descriptions.
    Describe(&'s str),
    /// CONSISTENCY: sets the consistency, or prints the current consistency for `None`.
    Consistency(Option<Consistency>),
    /// SERIAL CONSISTENCY: sets the serial consistency, or prints the current one for `None`.
    SerialConsistency(Option<Consistency>),
    /// EXPAND: true to print a line for each column of a row, false to print a line for each row.
    Expand(bool),
    /// PAGING: the page size in rows, or `None` for no paging.
    Paging(Option<i32>),
    /// SOURCE: the file name of another script to run.
    Source(String),
    /// EXIT or QUIT: stops the script, and every script that runs it with SOURCE.
    Exit,
}

/// First words of the commands of cqlsh. A command is complete at the end of its line, even without a
/// semicolon.
const COMMANDS: [&str; 18] = [
    "CAPTURE",
    "CLEAR",
    "CLS",
    "CONSISTENCY",
    "DESC",
    "DESCRIBE",
    "EXIT",
    "EXPAND",
    "HELP",
    "HISTORY",
    "LOGIN",
    "PAGING",
    "QUIT",
    "SERIAL",
    "SHOW",
    "SOURCE",
    "TRACING",
    "UNICODE",
];

/// Default page size of cqlsh, in rows.
pub(super) const DEFAULT_PAGE_SIZE: i32 = 100;

/// Returns true if `word` is the first word of a command of cqlsh. Such a command is complete at the
/// end of its line, even without a semicolon.
pub(super) fn ends_at_line_end(word: &str) -> bool {
    COMMANDS.iter().any(|command| command.eq_ignore_ascii_case(word))
}

impl<'s> Command<'s> {
    /// Parses a statement of a script.
    ///
    /// # Errors
    /// Returns an error, in cqlsh's words, if the command has invalid arguments or if this shell does
    /// not support it.
    pub(super) fn parse(text: &'s str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let upper: Vec<String> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
        let upper: Vec<&str> = upper.iter().map(String::as_str).collect();
        Ok(match upper.as_slice() {
            ["DESC" | "DESCRIBE", ..] => Self::Describe(text),
            ["CONSISTENCY"] => Self::Consistency(None),
            ["CONSISTENCY", level] => Self::Consistency(Some(level.parse()?)),
            ["SERIAL", "CONSISTENCY"] => Self::SerialConsistency(None),
            ["SERIAL", "CONSISTENCY", level] => Self::SerialConsistency(Some(parse_serial(level)?)),
            ["EXPAND", "ON"] => Self::Expand(true),
            ["EXPAND", "OFF"] => Self::Expand(false),
            ["PAGING", "ON"] => Self::Paging(Some(DEFAULT_PAGE_SIZE)),
            ["PAGING", "OFF"] => Self::Paging(None),
            ["PAGING", rows] => match rows.parse() {
                Ok(rows @ 1..) => Self::Paging(Some(rows)),
                _ => return Err("Improper PAGING command.".to_owned()),
            },
            ["SOURCE", ..] => Self::Source(parse_file_name(text)?),
            ["EXIT" | "QUIT"] => Self::Exit,
            [command @ ("SERIAL" | "EXPAND" | "PAGING" | "CONSISTENCY" | "EXIT" | "QUIT"), ..] => {
                return Err(format!("Improper {command} command."));
            }
            [command, ..] if ends_at_line_end(command) || *command == "COPY" => {
                return Err(format!("{command} is not supported yet."));
            }
            _ => Self::Statement(text),
        })
    }
}

fn parse_serial(level: &str) -> Result<Consistency, String> {
    match level.parse()? {
        level @ (Consistency::Serial | Consistency::LocalSerial) => Ok(level),
        level => {
            Err(format!("{level} is not a serial consistency level; use SERIAL or LOCAL_SERIAL"))
        }
    }
}

/// Returns the file name after `SOURCE`, without its quotes.
fn parse_file_name(text: &str) -> Result<String, String> {
    let name = text.split_once(char::is_whitespace).map(|(_, name)| name.trim());
    let unquoted = name.and_then(|name| name.strip_prefix('\'')?.strip_suffix('\''));
    match unquoted {
        Some(name) if !name.is_empty() => Ok(name.replace("''", "'")),
        _ => Err("Improper SOURCE command.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguishes_commands_from_statements() {
        for (text, command) in [
            ("SELECT 1", Command::Statement("SELECT 1")),
            ("desc tables", Command::Describe("desc tables")),
            ("consistency quorum", Command::Consistency(Some(Consistency::Quorum))),
            ("SERIAL CONSISTENCY SERIAL", Command::SerialConsistency(Some(Consistency::Serial))),
            ("PAGING 50", Command::Paging(Some(50))),
            ("PAGING OFF", Command::Paging(None)),
            ("SOURCE 'it''s.cql'", Command::Source("it's.cql".into())),
            ("Quit", Command::Exit),
        ] {
            assert_eq!(Command::parse(text), Ok(command));
        }
        for text in ["SOURCE x", "PAGING -1", "EXPAND", "SERIAL CONSISTENCY ONE", "COPY t TO 'f'"] {
            assert!(Command::parse(text).is_err(), "{text}");
        }
    }
}

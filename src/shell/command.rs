//! The statements that are for the shell, not for the server.

use crate::wire::Consistency;

/// What a statement asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command<'s> {
    /// Run it on the server.
    Statement(&'s str),
    /// Run it on the server, and print what it describes.
    Describe(&'s str),
    /// Show or set the consistency.
    Consistency(Option<Consistency>),
    /// Show or set the consistency of conditions.
    SerialConsistency(Option<Consistency>),
    /// Print a line for each column, or a row a line.
    Expand(bool),
    /// How many rows to fetch at a time; all of them for none.
    Paging(Option<i32>),
    /// Run another script.
    Source(String),
    /// Stop.
    Exit,
}

/// Commands that need no semicolon.
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

/// How many rows cqlsh fetches at a time.
pub(super) const DEFAULT_PAGE_SIZE: i32 = 100;

/// Whether a statement that begins with this word ends with its line, too.
pub(super) fn ends_with_its_line(word: &str) -> bool {
    COMMANDS.iter().any(|command| command.eq_ignore_ascii_case(word))
}

impl<'s> Command<'s> {
    /// What `text` asks for.
    ///
    /// # Errors
    /// A command of cqlsh that is not supported here, or one that is used wrongly.
    pub(super) fn parse(text: &'s str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let upper: Vec<String> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
        let upper: Vec<&str> = upper.iter().map(String::as_str).collect();
        Ok(match upper.as_slice() {
            ["DESC" | "DESCRIBE", ..] => Self::Describe(text),
            ["CONSISTENCY"] => Self::Consistency(None),
            ["CONSISTENCY", level] => Self::Consistency(Some(level.parse()?)),
            ["SERIAL", "CONSISTENCY"] => Self::SerialConsistency(None),
            ["SERIAL", "CONSISTENCY", level] => Self::SerialConsistency(Some(serial(level)?)),
            ["EXPAND", "ON"] => Self::Expand(true),
            ["EXPAND", "OFF"] => Self::Expand(false),
            ["PAGING", "ON"] => Self::Paging(Some(DEFAULT_PAGE_SIZE)),
            ["PAGING", "OFF"] => Self::Paging(None),
            ["PAGING", rows] => match rows.parse() {
                Ok(rows @ 1..) => Self::Paging(Some(rows)),
                _ => return Err("Improper PAGING command.".to_owned()),
            },
            ["SOURCE", ..] => Self::Source(file_name(text)?),
            ["EXIT" | "QUIT"] => Self::Exit,
            [command @ ("SERIAL" | "EXPAND" | "PAGING" | "CONSISTENCY" | "EXIT" | "QUIT"), ..] => {
                return Err(format!("Improper {command} command."));
            }
            [command, ..] if ends_with_its_line(command) || *command == "COPY" => {
                return Err(format!("{command} is not supported yet."));
            }
            _ => Self::Statement(text),
        })
    }
}

fn serial(level: &str) -> Result<Consistency, String> {
    match level.parse()? {
        level @ (Consistency::Serial | Consistency::LocalSerial) => Ok(level),
        _ => Err("the serial consistency levels are SERIAL, LOCAL_SERIAL".to_owned()),
    }
}

/// The name in quotes after `SOURCE`.
fn file_name(text: &str) -> Result<String, String> {
    let name = text.split_once(char::is_whitespace).map(|(_, name)| name.trim());
    let inside = name.and_then(|name| name.strip_prefix('\'')?.strip_suffix('\''));
    match inside {
        Some(name) if !name.is_empty() => Ok(name.replace("''", "'")),
        _ => Err("Improper SOURCE command.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_statements() {
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

//! DESCRIBE from the schema tables, for servers that do not execute it: Cassandra before 4.0.

use std::sync::Arc;

use super::failure::UnitError;
use super::format::{Style, ValueFormat};
use super::output::Output;
use super::table::{Layout, Page, RowPrinter};
use crate::cli::Failure;
use crate::cluster::schema::{Keyspace, Schema, SchemaPart, Table};
use crate::cql::{Token, tokens};
use crate::message::ErrorCode;
use crate::session::{Error, ErrorKind, Session, Statement};
use crate::types::{Record, Value};

/// The object that a DESCRIBE command names.
#[derive(Debug, PartialEq, Eq)]
struct Object {
    kind: Kind,
    /// The keyspace; `None` for the current one.
    keyspace: Option<String>,
    /// The name within the keyspace; `None` for the keyspace itself.
    name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Keyspace,
    Table,
    Type,
    Index,
    View,
    /// The command names no kind.
    Any,
}

/// Words after DESCRIBE that name several objects.
const SEVERAL: [&str; 9] = [
    "AGGREGATES",
    "CLUSTER",
    "FULL",
    "FUNCTIONS",
    "KEYSPACES",
    "SCHEMA",
    "TABLES",
    "TYPES",
    "COLUMNFAMILIES",
];

/// Executes DESCRIBE on the server and prints its result like cqlsh. If the server does not know
/// DESCRIBE, reads the schema instead.
///
/// # Errors
/// Returns an error if the object does not exist, if the schema cannot be read, or if the output cannot
/// be written.
pub(super) async fn describe(
    session: &Session,
    layout: Layout,
    output: &mut Output,
    text: &str,
) -> Result<(), UnitError> {
    let text = text.trim_end_matches(';').trim_end();
    let text = match text.split_once(char::is_whitespace) {
        Some((word, object)) if word.eq_ignore_ascii_case("DESC") => format!("DESCRIBE {object}"),
        _ => text.to_owned(),
    };
    let result = match session.execute(Statement::new(&*text).page_size(0), ()).await {
        Err(error) if error.kind() == ErrorKind::Server(ErrorCode::Syntax) => {
            let description = describe_from_tables(session, &text).await;
            let description = description.map_err(|error| UnitError::failed(error.to_string()))?;
            return Ok(write!(output.results(), "{description}")?);
        }
        result => result.map_err(|error| UnitError::of_statement(&text, &error, session))?,
    };
    let failed = |error: Error| UnitError::of_statement(&text, &error, session);
    let column = |name: &str| result.columns().iter().position(|c| &*c.name == name);
    let rows = result.rows::<Vec<Value>>().map_err(failed)?;
    let rows = rows.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.into()))?;
    let cell = |row: &Vec<Value>, index: usize| match row.get(index) {
        Some(Value::Text(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let out = output.results();
    if let Some(index) = column("create_statement") {
        for row in &rows {
            writeln!(out, "\n{}", cell(row, index))?;
        }
        return Ok(writeln!(out)?);
    }
    match (column("keyspace_name"), column("name")) {
        (Some(keyspace), Some(name)) => {
            let mut last = None;
            for row in &rows {
                let keyspace = cell(row, keyspace);
                if last.as_ref() != Some(&keyspace) {
                    let rule = "-".repeat("Keyspace ".len() + keyspace.len());
                    writeln!(out, "\nKeyspace {keyspace}\n{rule}")?;
                    last = Some(keyspace);
                }
                writeln!(out, "{}", cell(row, name))?;
            }
            Ok(writeln!(out)?)
        }
        _ => {
            let page = Page::new(&result, &ValueFormat::default(), |_| Style::Name);
            let mut printer = RowPrinter::new(layout);
            printer.print(out, &page.map_err(failed)?)?;
            Ok(printer.finish(out)?)
        }
    }
}

/// Returns the description of the object that a DESCRIBE command names, in the form of cqlsh 5.0.1.
///
/// # Errors
/// Returns an error if the object does not exist, if the schema cannot be read, or if the command
/// names several objects, which only newer servers describe.
async fn describe_from_tables(session: &Session, command: &str) -> Result<String, Failure> {
    let object = Object::parse(command).map_err(Failure::Text)?;
    if let Object { kind: Kind::Any, keyspace: None, name: Some(name) } = &object
        && let Some(keyspace) = read_keyspace(session, name).await?
    {
        return Ok(format!("\n{}\n\n", keyspace.script()));
    }
    let name = object.keyspace.clone().or_else(|| session.keyspace());
    let none = "No keyspace specified and no current keyspace; USE a keyspace first";
    let name = name.ok_or_else(|| Failure::Text(none.to_owned()))?;
    let keyspace = read_keyspace(session, &name).await?;
    let keyspace =
        keyspace.ok_or_else(|| Failure::Text(format!("Keyspace '{name}' not found.")))?;
    object.describe_in(&keyspace).map_err(Failure::Text)
}

impl Object {
    /// Parses a DESCRIBE command.
    ///
    /// # Errors
    /// Returns an error text if the command names several objects or none.
    fn parse(command: &str) -> Result<Self, String> {
        let is_word = |token: &Token<'_>| token.is_significant() && token.text != ";";
        let tokens: Vec<_> = tokens(command).filter(is_word).skip(1).collect();
        let (kind, names) = match tokens.as_slice() {
            [word, ..] if word.is_one_of(&SEVERAL) => {
                return Err(format!("DESCRIBE {} needs Cassandra 4.0 or later", word.text));
            }
            [word] if word.is_keyword("KEYSPACE") => (Kind::Keyspace, &[][..]),
            [word, names @ ..] if word.is_keyword("KEYSPACE") => (Kind::Keyspace, names),
            [word, names @ ..] if word.is_one_of(&["TABLE", "COLUMNFAMILY"]) => {
                (Kind::Table, names)
            }
            [word, names @ ..] if word.is_keyword("TYPE") => (Kind::Type, names),
            [word, names @ ..] if word.is_keyword("INDEX") => (Kind::Index, names),
            [word, view, names @ ..]
                if word.is_keyword("MATERIALIZED") && view.is_keyword("VIEW") =>
            {
                (Kind::View, names)
            }
            names => (Kind::Any, names),
        };
        let improper = || "Improper DESCRIBE command.".to_owned();
        let named = |token: &Token<'_>| token.name().map(Some).ok_or_else(improper);
        let (keyspace, name) = match (kind, names) {
            (Kind::Keyspace, []) => (None, None),
            (Kind::Keyspace, [name]) => (named(name)?, None),
            (_, [name]) => (None, named(name)?),
            (_, [keyspace, dot, name]) if dot.text == "." => (named(keyspace)?, named(name)?),
            _ => return Err(improper()),
        };
        Ok(Self { kind, keyspace, name })
    }

    /// Returns the description of the object in its keyspace.
    ///
    /// # Errors
    /// Returns an error text, in the words of cqlsh, if the keyspace has no such object.
    fn describe_in(&self, keyspace: &Keyspace) -> Result<String, String> {
        let Some(name) = &self.name else { return Ok(format!("\n{}\n\n", keyspace.script())) };
        let is = |kind| self.kind == kind || self.kind == Kind::Any;
        let table = is(Kind::Table).then(|| keyspace.tables.get(name)).flatten();
        if let Some(table) = table {
            return Ok(format!("\n{}\n\n", table_script(keyspace, table)));
        }
        if let Some(of_type) = is(Kind::Type).then(|| keyspace.types.get(name)).flatten() {
            return Ok(format!("\n{}\n", of_type.ddl()));
        }
        let mut indexes = keyspace.tables.values().flat_map(|table| table.indexes.values());
        if let Some(index) = indexes.find(|index| is(Kind::Index) && index.name == *name) {
            return Ok(format!("\n{}\n\n", index.ddl()));
        }
        if let Some(view) = is(Kind::View).then(|| keyspace.views.get(name)).flatten() {
            return Ok(format!("\n{}\n\n", view.ddl()));
        }
        Err(match self.kind {
            Kind::Table => format!("Column family '{name}' not found"),
            Kind::Type => format!("User type '{name}' not found"),
            Kind::Index => format!("Index '{name}' not found"),
            Kind::View => format!("Materialized view '{name}' not found"),
            Kind::Keyspace | Kind::Any => {
                format!("'{name}' not found in keyspace '{}'", keyspace.name)
            }
        })
    }
}

/// Returns the statements that create a table, its indexes and its views.
fn table_script(keyspace: &Keyspace, table: &Table) -> String {
    let indexes = table.indexes.values().map(|index| format!("\n{}", index.ddl()));
    let views = keyspace.views.values().filter(|view| view.base_table == table.name);
    let views = views.map(|view| format!("\n\n{}", view.ddl()));
    [table.ddl()].into_iter().chain(indexes).chain(views).collect()
}

/// Reads a keyspace and its contents. Returns `None` if there is no such keyspace.
async fn read_keyspace(session: &Session, name: &str) -> Result<Option<Arc<Keyspace>>, Error> {
    let mut reader = Schema::reader();
    for part in SchemaPart::ALL {
        let mut rows = session.stream::<Record>(part.select(Some(name)), ());
        loop {
            match rows.try_next().await {
                Ok(Some(row)) => reader.row(part, row),
                Ok(None) => break,
                Err(error) if part.is_optional() && error.server_error().is_some() => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(reader.finish().keyspaces.remove(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_one_object() {
        let object = |kind, keyspace: Option<&str>, name: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            Ok(Object { kind, keyspace: owned(keyspace), name: owned(name) })
        };
        let improper = || Err("Improper DESCRIBE command.".to_owned());
        for (command, expected) in [
            ("DESCRIBE TABLE users;", object(Kind::Table, None, Some("users"))),
            ("desc columnfamily Ks.Users", object(Kind::Table, Some("ks"), Some("users"))),
            ("DESCRIBE TABLE \"Ks\" . \"a\"\"B\"", object(Kind::Table, Some("Ks"), Some("a\"B"))),
            ("DESCRIBE KEYSPACE", object(Kind::Keyspace, None, None)),
            ("DESCRIBE KEYSPACE ks /* here */ ;", object(Kind::Keyspace, Some("ks"), None)),
            ("DESCRIBE TYPE address", object(Kind::Type, None, Some("address"))),
            ("DESCRIBE INDEX ks.i", object(Kind::Index, Some("ks"), Some("i"))),
            ("DESCRIBE MATERIALIZED VIEW v", object(Kind::View, None, Some("v"))),
            ("DESCRIBE users", object(Kind::Any, None, Some("users"))),
            ("DESCRIBE TABLES", Err("DESCRIBE TABLES needs Cassandra 4.0 or later".to_owned())),
            ("DESC full schema", Err("DESCRIBE full needs Cassandra 4.0 or later".to_owned())),
            ("DESCRIBE TABLE a.b.c", improper()),
            ("DESCRIBE TABLE", improper()),
            ("DESCRIBE", improper()),
        ] {
            assert_eq!(Object::parse(command), expected, "{command}");
        }
    }
}

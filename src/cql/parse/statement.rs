//! The parser of statements of every kind.

use super::alter::{alter_keyspace, alter_table, alter_type, drop_element};
use super::create::{create_index, create_keyspace, create_table, create_type};
use super::describe::describe;
use super::error::{Expected, Fault, SyntaxError};
use super::mutation::{batch, delete, insert, update};
use super::names::{element_name, keyspace_name, table_name, user_type_name};
use super::select::select;
use super::tokens::{Parsed, error, keywords, peek, symbol};
use crate::cql::mutation::Mutation;
#[cfg(test)]
use crate::cql::select::Select;
use crate::cql::statement::Statement;
use crate::cql::token::{TokenKind, tokens};

/// Parses a statement. Keywords and names may be in any case, and blanks and comments may be between
/// any two tokens. The statement may end with `;`.
///
/// Of a [`Statement::Other`], only the first words are parsed.
///
/// # Errors
/// Returns an error if the text is not one statement, or if its terms nest deeper than 64 levels.
pub(crate) fn parse_statement(text: &str) -> Result<Statement, SyntaxError> {
    let parsed = statement(text).and_then(|(rest, statement)| match statement {
        Statement::Other(_) => Ok(statement),
        _ => end(rest).map(|_| statement),
    });
    parsed.map_err(|error| match error {
        nom::Err::Error(fault) | nom::Err::Failure(fault) => SyntaxError::new(text, &fault),
        // Parsers of complete texts do not ask for more input.
        nom::Err::Incomplete(_) => {
            let expected = Expected::OneOf("more text");
            SyntaxError::new(text, &Fault { at: "", expected })
        }
    })
}

/// Parses a SELECT statement, as [`parse_statement`] does.
///
/// # Errors
/// Returns an error if the text is not a SELECT statement.
#[cfg(test)]
pub(crate) fn parse_select(text: &str) -> Result<Select, SyntaxError> {
    match parse_statement(text)? {
        Statement::Select(select) => Ok(select),
        _ => {
            let expected = Expected::Token("SELECT");
            Err(SyntaxError::new(text, &Fault { at: text, expected }))
        }
    }
}

/// A parser of a statement after the words that identify it.
type Parser = for<'a> fn(&'a str) -> Parsed<'a, Statement>;

/// The words that statements begin with. Words that another entry begins with come later.
const STATEMENTS: [(&[&str], Parser); 31] = [
    (&["SELECT"], |text| map(select(text), Statement::Select)),
    (&["INSERT"], |text| map(insert(text), |insert| Mutation::Insert(insert).into())),
    (&["UPDATE"], |text| map(update(text), |update| Mutation::Update(update).into())),
    (&["DELETE"], |text| map(delete(text), |delete| Mutation::Delete(delete).into())),
    (&["BEGIN"], |text| map(batch(text), Statement::Batch)),
    (&["TRUNCATE", "TABLE"], |text| map(table_name(text), Statement::Truncate)),
    (&["TRUNCATE", "COLUMNFAMILY"], |text| map(table_name(text), Statement::Truncate)),
    (&["TRUNCATE"], |text| map(table_name(text), Statement::Truncate)),
    (&["USE"], |text| map(keyspace_name(text), Statement::Use)),
    (&["DESCRIBE"], |text| map(describe(text), Statement::Describe)),
    (&["DESC"], |text| map(describe(text), Statement::Describe)),
    (&["CREATE", "KEYSPACE"], |text| map(create_keyspace(text), Statement::CreateKeyspace)),
    (&["CREATE", "SCHEMA"], |text| map(create_keyspace(text), Statement::CreateKeyspace)),
    (&["CREATE", "TABLE"], |text| map(create_table(text), Statement::CreateTable)),
    (&["CREATE", "COLUMNFAMILY"], |text| map(create_table(text), Statement::CreateTable)),
    (&["CREATE", "TYPE"], |text| map(create_type(text), Statement::CreateType)),
    (&["CREATE", "INDEX"], |text| map(create_index(text, false), Statement::CreateIndex)),
    (&["CREATE", "CUSTOM", "INDEX"], |text| map(create_index(text, true), Statement::CreateIndex)),
    (&["ALTER", "KEYSPACE"], |text| map(alter_keyspace(text), Statement::AlterKeyspace)),
    (&["ALTER", "SCHEMA"], |text| map(alter_keyspace(text), Statement::AlterKeyspace)),
    (&["ALTER", "TABLE"], |text| map(alter_table(text), Statement::AlterTable)),
    (&["ALTER", "COLUMNFAMILY"], |text| map(alter_table(text), Statement::AlterTable)),
    (&["ALTER", "TYPE"], |text| map(alter_type(text), Statement::AlterType)),
    (&["DROP", "KEYSPACE"], |text| map(drop_element(text, keyspace_name), Statement::DropKeyspace)),
    (&["DROP", "SCHEMA"], |text| map(drop_element(text, keyspace_name), Statement::DropKeyspace)),
    (&["DROP", "TABLE"], |text| map(drop_element(text, table_name), Statement::DropTable)),
    (&["DROP", "COLUMNFAMILY"], |text| map(drop_element(text, table_name), Statement::DropTable)),
    (&["DROP", "TYPE"], |text| map(drop_element(text, user_type_name), Statement::DropType)),
    (&["DROP", "INDEX"], |text| map(drop_element(text, element_name), Statement::DropIndex)),
    (&["CREATE", "OR", "REPLACE", "FUNCTION"], |text| other(text, "CREATE FUNCTION")),
    (&["CREATE", "OR", "REPLACE", "AGGREGATE"], |text| other(text, "CREATE AGGREGATE")),
];

/// The words that the other statements of Cassandra begin with.
const OTHERS: [&str; 20] = [
    "CREATE FUNCTION",
    "CREATE AGGREGATE",
    "CREATE MATERIALIZED VIEW",
    "CREATE TRIGGER",
    "CREATE ROLE",
    "CREATE USER",
    "ALTER MATERIALIZED VIEW",
    "ALTER ROLE",
    "ALTER USER",
    "DROP FUNCTION",
    "DROP AGGREGATE",
    "DROP MATERIALIZED VIEW",
    "DROP TRIGGER",
    "DROP ROLE",
    "DROP USER",
    "DROP IDENTITY",
    "ADD IDENTITY",
    "GRANT",
    "REVOKE",
    "LIST",
];

fn map<'a, T>(
    parsed: Parsed<'a, T>,
    statement: impl FnOnce(T) -> Statement,
) -> Parsed<'a, Statement> {
    parsed.map(|(rest, parsed)| (rest, statement(parsed)))
}

fn other<'a>(input: &'a str, keywords: &'static str) -> Parsed<'a, Statement> {
    Ok((input, Statement::Other(keywords)))
}

fn statement(input: &str) -> Parsed<'_, Statement> {
    let expected = Expected::OneOf("a statement");
    let Some((second, first)) = peek(input).filter(|(_, token)| token.kind == TokenKind::Word)
    else {
        return Err(error(input, expected));
    };
    for (words, parser) in STATEMENTS {
        if let Ok((rest, ())) = keywords(input, words) {
            return parser(rest);
        }
    }
    for words in OTHERS {
        if let Some(rest) = skip_words(input, words) {
            return other(rest, words);
        }
    }
    // The first word may be right, and the second wrong.
    let firsts = STATEMENTS.iter().filter_map(|(words, _)| words.first());
    let mut firsts = firsts.chain(&OTHERS).filter_map(|words| words.split(' ').next());
    let wrong = if firsts.any(|word| first.is_keyword(word)) { second } else { input };
    Err(error(wrong, expected))
}

/// Returns the text after `words`, which blanks separate, or `None` if they are not next.
fn skip_words<'a>(input: &'a str, words: &str) -> Option<&'a str> {
    words.split(' ').try_fold(input, |input, expected| {
        let (rest, word) = peek(input)?;
        word.is_keyword(expected).then_some(rest)
    })
}

/// Parses semicolons and the end of the text. As in Cassandra, a comment that is not closed is an
/// error; a comment in one line is closed by a line break.
fn end(mut input: &str) -> Parsed<'_, ()> {
    while let Ok((rest, ())) = symbol(";")(input) {
        input = rest;
    }
    if peek(input).is_some() {
        return Err(error(input, Expected::Token("EOF")));
    }
    match tokens(input).last() {
        Some(last) if last.kind == TokenKind::Comment => match last.text.starts_with("/*") {
            true if last.text.len() >= 4 && last.text.ends_with("*/") => Ok((input, ())),
            true => Err(error("", Expected::Token("*/"))),
            false => Err(error("", Expected::Token("a line break"))),
        },
        _ => Ok((input, ())),
    }
}

//! Lists the table `users`, page by page, in the order the server gives.

use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

use clap::Parser;
use cqlwire::cli::{ConnectArgs, Failure, run};
use cqlwire::session::Statement;
use serde_json::json;

/// List the users in Cassandra, in the order of their tokens.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// List no more users than this
    #[arg(long)]
    limit: Option<usize>,

    /// Print a JSON object a line
    #[arg(long)]
    json: bool,

    /// How many users to fetch at a time
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(i32).range(1..))]
    page_size: i32,

    /// Keyspace of the table
    #[arg(short, long, default_value = "k8s_test", env = "CQLWIRE_KEYSPACE")]
    keyspace: String,

    #[command(flatten)]
    connect: ConnectArgs,
}

const SELECT: &str = "SELECT username, password FROM users";

fn main() -> ExitCode {
    run(list_users(Arguments::parse()))
}

async fn list_users(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { limit, json, page_size, keyspace, connect } = arguments;
    let session = connect.connect(|builder| builder.keyspace(keyspace)).await?;
    let enough = limit.and_then(|limit| i32::try_from(limit).ok()).unwrap_or(page_size).max(1);
    let select = Statement::new(SELECT).page_size(page_size.min(enough)).idempotent(true);
    let mut pages = session.stream::<()>(select, ());
    let mut left = limit.unwrap_or(usize::MAX);
    let mut out = BufWriter::new(stdout().lock());
    while left > 0
        && let Some(page) = pages.next_page().await?
    {
        for user in page.rows::<(&str, Option<&str>)>()?.take(left) {
            let (username, password) = user?;
            left -= 1;
            match json {
                true => writeln!(
                    out,
                    r#"{{"username":{},"password":{}}}"#,
                    json!(username),
                    json!(password)
                ),
                false => row(&mut out, username, password),
            }
            .map_err(Failure::Io)?;
        }
    }
    out.flush().map_err(Failure::Io)?;
    connect.report(&session);
    Ok(())
}

/// A row as Python prints it, which is what the users of this list are used to.
fn row(out: &mut impl Write, username: &str, password: Option<&str>) -> std::io::Result<()> {
    write!(out, "Row(username={}, password=", quoted(username))?;
    match password {
        Some(password) => writeln!(out, "{})", quoted(password)),
        None => writeln!(out, "None)"),
    }
}

/// Text as Python prints it: in single quotes, unless only double quotes need no escaping.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            c if c == quote => quoted.extend(['\\', c]),
            c if c.is_control() && c <= '\u{ff}' => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_print_as_python_prints_them() {
        let mut out = Vec::new();
        row(&mut out, "user_7", Some("password_7")).unwrap();
        row(&mut out, "it's", None).unwrap();
        row(&mut out, "a\\\n\u{7f}é'\"", Some("")).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Row(username='user_7', password='password_7')\n\
             Row(username=\"it's\", password=None)\n\
             Row(username='a\\\\\\n\\x7fé\\'\"', password='')\n"
        );
    }
}

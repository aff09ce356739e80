//! Lists the table `users` page by page, in the order in which the server returns the rows.

use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

use clap::Parser;
use cqlwire::cli::{ConnectArgs, Failure, run, whole_number};
use cqlwire::session::Statement;
use serde_json::json;

/// List the users in the table `users`, in token order.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Highest number of users to list [default: all]
    #[arg(
        long,
        value_parser = whole_number::<usize>(0..=u64::MAX),
        allow_negative_numbers = true
    )]
    limit: Option<usize>,

    /// Print one JSON object per line
    #[arg(long)]
    json: bool,

    /// Number of users per page
    #[arg(
        long,
        default_value_t = 5_000,
        value_parser = whole_number::<i32>(1..=2_147_483_647),
        allow_negative_numbers = true
    )]
    page_size: i32,

    /// Keyspace of the table
    #[arg(short, long, default_value = "k8s_test", env = "CQLWIRE_KEYSPACE")]
    keyspace: String,

    #[command(flatten)]
    connect: ConnectArgs,
}

const SELECT: &str = "SELECT username, password FROM users";

fn main() -> ExitCode {
    run(async { list_users(Arguments::parse()).await.map_err(Failure::with_users_hint) })
}

async fn list_users(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { limit, json, page_size, keyspace, mut connect } = arguments;
    let session = connect.connect(|builder| builder.keyspace(keyspace)).await?;
    let most = limit.and_then(|limit| i32::try_from(limit).ok()).unwrap_or(page_size).max(1);
    let select = Statement::new(SELECT).page_size(page_size.min(most)).idempotent(true);
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
                false => print_row(&mut out, username, password),
            }
            .map_err(Failure::Io)?;
        }
    }
    out.flush().map_err(Failure::Io)?;
    connect.print_metrics(&session);
    Ok(())
}

/// Prints a row like the Python driver does.
fn print_row(out: &mut impl Write, username: &str, password: Option<&str>) -> std::io::Result<()> {
    write!(out, "Row(username={}, password=", python_literal(username))?;
    match password {
        Some(password) => writeln!(out, "{})", python_literal(password)),
        None => writeln!(out, "None)"),
    }
}

/// Returns text as a Python literal: in single quotes, or in double quotes if that avoids escapes.
fn python_literal(text: &str) -> String {
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
    fn prints_rows_like_the_python_driver() {
        let mut out = Vec::new();
        print_row(&mut out, "user_7", Some("password_7")).unwrap();
        print_row(&mut out, "it's", None).unwrap();
        print_row(&mut out, "a\\\n\u{7f}é'\"", Some("")).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Row(username='user_7', password='password_7')\n\
             Row(username=\"it's\", password=None)\n\
             Row(username='a\\\\\\n\\x7fé\\'\"', password='')\n"
        );
    }
}

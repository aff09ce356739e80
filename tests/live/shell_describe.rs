//! DESCRIBE of `cqlwire shell`, beside what the Python driver exports on Cassandra 3.11 and what cqlsh
//! prints on newer versions.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};
use crate::interpreter;
use crate::program::{Output, run};
use crate::programs::CQLWIRE;
use crate::schema::everything;

const SCRIPT: &str = "tests/live/shell_describe.py";

/// Prints a line between the outputs of two commands.
const MARK: &str = "CONSISTENCY ONE";
const MARK_OUTPUT: &str = "Consistency level set to ONE.\n";

/// Commands whose outputs are those of cqlsh. `KS` stands for the keyspace, which is in use.
const COMMANDS: &[&str] = &[
    "DESCRIBE KEYSPACE",
    "DESCRIBE KEYSPACE KS;",
    "DESC ONLY KEYSPACE KS",
    "DESCRIBE KS;",
    "DESCRIBE TABLES",
    "DESCRIBE COLUMNFAMILIES;",
    "DESCRIBE TYPES",
    "DESCRIBE FUNCTIONS;",
    "desc aggregates",
    "DESCRIBE TABLE natives;",
    "DESCRIBE COLUMNFAMILY KS.nested",
    "DESCRIBE \"Ordered\";",
    "DESCRIBE KS.counted;",
    "DESCRIBE TABLE KS.custom WITH INTERNALS;",
    "DESCRIBE TYPE \"Address\";",
    "DESCRIBE TYPE KS.street",
    "DESCRIBE INDEX by_v;",
    "DESCRIBE INDEX KS.\"By_V\"",
    "DESCRIBE MATERIALIZED VIEW \"By_C\";",
    "DESCRIBE FUNCTION plus;",
    "DESCRIBE FUNCTION KS.\"F\"",
    "DESCRIBE AGGREGATE total;",
    "DESCRIBE TABLE system.local /* a comment */ ;",
    "DESCRIBE KEYSPACE system_virtual_schema",
    "DESCRIBE system_views.clients;",
    "DESCRIBE CLUSTER",
    "DESCRIBE TABLE nothing;",
    "DESCRIBE TYPE nothing;",
    "DESCRIBE INDEX nothing;",
    "DESCRIBE MATERIALIZED VIEW nothing;",
    "DESCRIBE FUNCTION nothing_at_all;",
    "DESCRIBE AGGREGATE nothing;",
    "DESCRIBE KEYSPACE nothing;",
    "DESCRIBE nothing_at_all;",
    "DESCRIBE nothing.nothing",
    "DESCRIBE SOMETHING ELSE HERE;",
    "DESCRIBE TABLE a.b.c",
    "DESCRIBE TYPE",
];

/// Commands that are refused because no keyspace is in use.
const WITHOUT_KEYSPACE: &[&str] = &[
    "DESCRIBE KEYSPACE;",
    "DESCRIBE TABLE users;",
    "DESCRIBE TYPE street;",
    "DESCRIBE FUNCTION plus;",
    "DESCRIBE AGGREGATE total;",
    "DESCRIBE MATERIALIZED VIEW v;",
];

pub(crate) fn describes_the_schema_like_cqlsh(node: &Node) -> Result<(), Failed> {
    let keyspace = format!("Described_{}", std::process::id());
    let runtime = runtime()?;
    let session = node.connect(&runtime, |builder| builder)?;
    runtime.block_on(async {
        for statement in everything(&keyspace, node) {
            session.execute(statement, ()).await?;
        }
        Ok::<_, Failed>(())
    })?;
    match node.is_at_least("4") {
        true => prints_what_cqlsh_prints(node, &keyspace)?,
        false => prints_what_the_driver_exports(node, &keyspace)?,
    }
    let drop = format!("DROP KEYSPACE \"{keyspace}\"");
    runtime.block_on(async { session.execute(drop, ()).await })?;
    Ok(())
}

fn prints_what_the_driver_exports(node: &Node, keyspace: &str) -> Result<(), Failed> {
    let exported = python(node, "driver", keyspace)?;
    let expected: Vec<(String, String)> = serde_json::from_str(&exported.stdout)?;
    assert!(expected.len() > 100, "{exported:?}");
    let commands: Vec<_> = expected.iter().map(|(command, _)| command.as_str()).collect();
    let shell = run_shell(node, &script(Some(keyspace), &commands))?;
    assert_eq!(shell.stderr, "");
    let found: Vec<_> = shell.stdout.split(MARK_OUTPUT).collect();
    assert_eq!(found.len(), expected.len() + 1);
    for ((command, expected), found) in expected.iter().zip(found) {
        assert_eq!(found, expected, "{command}");
    }
    // Other tests create and drop keyspaces meanwhile.
    let commands = ["DESCRIBE SCHEMA;", "DESC KEYSPACES", "DESCRIBE TABLES"];
    let shell = run_shell(node, &script(None, &commands))?;
    let found: Vec<_> = shell.stdout.split(MARK_OUTPUT).collect();
    assert!(found[0].contains(&expected[0].1), "{shell:?}");
    assert!(found[1].contains(&format!("\"{keyspace}\"")), "{shell:?}");
    assert!(found[2].contains(&format!("Keyspace \"{keyspace}\"\n-----")), "{shell:?}");
    Ok(())
}

fn prints_what_cqlsh_prints(node: &Node, keyspace: &str) -> Result<(), Failed> {
    let quoted = format!("\"{keyspace}\"");
    let commands: Vec<_> = COMMANDS.iter().map(|of| of.replace("KS", &quoted)).collect();
    let commands: Vec<_> = commands.iter().map(String::as_str).collect();
    for script in [script(Some(keyspace), &commands), script(None, WITHOUT_KEYSPACE)] {
        let shell = run_shell(node, &script)?;
        let file = write(&script)?;
        let cqlsh = python(node, "cqlsh", &file)?;
        let expected: Vec<_> = cqlsh.stdout.split(MARK_OUTPUT).collect();
        let found: Vec<_> = shell.stdout.split(MARK_OUTPUT).collect();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            assert_eq!(without_warning(found), without_warning(expected));
        }
        assert_eq!(messages(&shell.stderr), messages(&cqlsh.stderr));
    }
    Ok(())
}

/// Runs a script with the shell.
fn run_shell(node: &Node, script: &str) -> Result<Output, Failed> {
    let file = write(script)?;
    Ok(run(CQLWIRE, &["shell", "--host", &node.address.to_string(), "-f", &file]))
}

/// Runs the Python script in a mode, with its last argument.
fn python(node: &Node, mode: &str, argument: &str) -> Result<Output, Failed> {
    let (host, port) = (node.address.ip().to_string(), node.address.port().to_string());
    let mut command = interpreter::command(SCRIPT)?;
    let output = command.args([mode, &host, &port, argument]).output()?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|error| error.to_string());
    Ok(Output {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout)?,
        stderr: text(output.stderr)?,
    })
}

/// Returns a script of commands, with a mark after each.
fn script(keyspace: Option<&str>, commands: &[&str]) -> String {
    let keyspace = keyspace.map(|keyspace| format!("USE \"{keyspace}\";\n")).unwrap_or_default();
    let commands = commands.iter().map(|command| format!("{command}\n{MARK}\n"));
    keyspace + &commands.collect::<String>()
}

/// Writes a script to a file, and returns its name.
fn write(script: &str) -> Result<String, Failed> {
    static FILES: AtomicUsize = AtomicUsize::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let file = format!("shell_describe_{}_{number}.cql", std::process::id());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    fs::write(&file, script)?;
    Ok(file.display().to_string())
}

/// Returns the error messages of a program, without the names of scripts and the numbers of lines: cqlsh
/// counts one line too many.
fn messages(stderr: &str) -> Vec<&str> {
    let message = |line| str::splitn(line, 3, ':').last().unwrap_or_default();
    stderr.lines().map(message).collect()
}

/// Returns the output of cqlsh without the warning that it prints at its start if the server has another
/// version.
fn without_warning(output: &str) -> &str {
    match output.split_once('\n') {
        Some((line, rest)) if line.starts_with("WARNING: cqlsh was built against ") => rest,
        _ => output,
    }
}

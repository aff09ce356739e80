//! The schema metadata, and the DDL statements generated from it.

use std::collections::HashSet;
use std::sync::Arc;

use cqlwire::cluster::schema::{Keyspace, Schema, SchemaPart, Table, UserType, View};
use cqlwire::session::Session;
use cqlwire::types::{Record, Value};
use libtest_mimic::Failed;

use crate::fleet::{Node, runtime};

/// Statements that create every kind of schema element in the keyspace `KS`. Each is preceded by the
/// range of Cassandra versions that support it, without the upper bound.
const EVERYTHING: &str = include_str!("schema.cql");

pub(crate) fn generated_ddl_recreates_the_schema(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.connect(&runtime, |builder| builder)?;
    let name = format!("Schema_{}", std::process::id());
    runtime.block_on(async {
        for statement in everything(&name, node) {
            session.execute(statement, ()).await?;
        }
        let before = keyspace(&session, &name).await?;
        let statements = before.statements();
        // Each created element is read exactly once.
        assert_eq!(statements.len(), everything(&name, node).len(), "{}", before.script());
        assert_matches_describe(&session, node, &before).await?;

        session.execute(format!("DROP KEYSPACE \"{name}\""), ()).await?;
        assert!(read(&session, Some(&name)).await?.keyspaces.is_empty());
        for statement in &statements {
            session
                .execute(statement.as_str(), ())
                .await
                .map_err(|e| format!("{e}\n{statement}"))?;
        }
        let after = keyspace(&session, &name).await?;
        assert_eq!(after.script(), before.script());
        assert_eq!(without_ids(&after), without_ids(&before));
        session.execute(format!("DROP KEYSPACE \"{name}\""), ()).await?;
        Ok(())
    })
}

pub(crate) fn reads_the_system_keyspaces(node: &Node) -> Result<(), Failed> {
    let runtime = runtime()?;
    let session = node.connect(&runtime, |builder| builder)?;
    runtime.block_on(async {
        let schema = read(&session, None).await?;
        assert_eq!(schema.warnings().collect::<Vec<_>>(), Vec::<&str>::new());
        let local = schema.table("system", "local").ok_or("no system.local")?;
        assert_eq!(local.partition_key, ["key"]);
        let keyspaces = &schema.keyspaces;
        assert_eq!(keyspaces["system"].replication.values().count(), 1);
        let tables = |name: &str| keyspaces.get(name).map_or(0, |of| of.tables.len());
        assert!(tables("system_schema") >= 10);
        assert_eq!(tables("system_views") > 0, node.version != "3.11.3");
        for keyspace in keyspaces.values().filter(|keyspace| keyspace.is_virtual) {
            assert_eq!(keyspace.statements(), Vec::<String>::new());
            let has_columns = |table: &Arc<Table>| !table.columns.is_empty();
            assert!(keyspace.tables.values().all(has_columns));
        }
        // The columns match those of `SELECT *`, in the same order.
        for table in keyspaces["system"].tables.values() {
            let select = format!("SELECT * FROM system.\"{}\" LIMIT 1", table.name);
            let selected = session.execute(select, ()).await?;
            let selected = selected.columns().iter().map(|of| (of.name.to_string(), &of.cql_type));
            let ours = table.columns.iter().map(|of| (of.name.clone(), &of.cql_type));
            assert_eq!(ours.collect::<Vec<_>>(), selected.collect::<Vec<_>>());
        }
        Ok(())
    })
}

/// Returns the statements that the node's version supports.
pub(crate) fn everything(keyspace: &str, node: &Node) -> Vec<String> {
    let statements = EVERYTHING.split(";\n").filter_map(|statement| {
        let (versions, statement) = statement.trim().split_once(' ')?;
        let (from, to) = versions.split_once("..")?;
        let is_there = node.is_at_least(from) && (to.is_empty() || !node.is_at_least(to));
        is_there.then(|| statement.replace("KS", &format!("\"{keyspace}\"")))
    });
    statements.collect()
}

/// Reads one keyspace, and asserts that reading all keyspaces gives the same.
async fn keyspace(session: &Session, name: &str) -> Result<Arc<Keyspace>, Failed> {
    let alone = read(session, Some(name)).await?;
    let all = read(session, None).await?;
    assert_eq!(alone.keyspaces.get(name), all.keyspaces.get(name));
    let keyspace = alone.keyspaces.get(name).ok_or("the keyspace does not exist")?;
    assert_eq!(keyspace.warnings(), [""; 0]);
    Ok(Arc::clone(keyspace))
}

async fn read(session: &Session, keyspace: Option<&str>) -> Result<Schema, Failed> {
    let mut reader = Schema::reader();
    for part in SchemaPart::ALL {
        let mut rows = session.stream::<Record>(part.select(keyspace), ());
        loop {
            match rows.try_next().await {
                Ok(Some(row)) => reader.row(part, row),
                Ok(None) => break,
                Err(error) if part.is_optional() && error.server_error().is_some() => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(reader.finish())
}

/// Returns the keyspace without tables and views, then its tables and views without ids.
fn without_ids(keyspace: &Keyspace) -> (Keyspace, Vec<Table>, Vec<View>) {
    let mut tables: Vec<_> = keyspace.tables.values().map(|table| Table::clone(table)).collect();
    tables.iter_mut().for_each(|table| table.id = None);
    let mut views: Vec<_> = keyspace.views.values().map(|view| View::clone(view)).collect();
    views.iter_mut().for_each(|view| view.table.id = None);
    let mut keyspace = keyspace.clone();
    (keyspace.tables, keyspace.views) = Default::default();
    (keyspace, tables, views)
}

/// Compares the generated DDL with that of the server, which has DESCRIBE since 4.0. Types, functions
/// and aggregates must be equal. Tables must have the same columns, keys and options, but the server also
/// prints options with default values.
async fn assert_matches_describe(
    session: &Session,
    node: &Node,
    keyspace: &Keyspace,
) -> Result<(), Failed> {
    if !node.is_at_least("4") || node.version == "environment" {
        return Ok(());
    }
    let describe = format!("DESCRIBE KEYSPACE \"{}\"", keyspace.name);
    let described = session.execute(describe, ()).await?;
    let mut theirs = Vec::new();
    for row in described.rows::<Record>()? {
        match row?.get("create_statement") {
            Some(Value::Text(statement)) => theirs.push(statement.clone()),
            other => return Err(format!("create_statement is {other:?}").into()),
        }
    }
    let packed = |text: &str| -> String {
        let text = text.replace(&format!("\"{}\".", keyspace.name), "");
        text.chars().filter(|c| !c.is_whitespace()).collect()
    };
    let packed_theirs: HashSet<String> = theirs.iter().map(|of| packed(of)).collect();
    let types = keyspace.types.values().map(UserType::ddl);
    let functions = keyspace.functions.values().map(|of| of.ddl());
    // The server prints some function bodies incorrectly, with an end delimiter inside.
    let functions = functions.filter(|ddl| ddl.contains("$$;"));
    let aggregates = keyspace.aggregates.values().map(|of| of.ddl());
    for ours in types.chain(functions).chain(aggregates) {
        assert!(packed_theirs.contains(&packed(&ours)), "{ours}\n{}", theirs.join("\n"));
    }
    for table in keyspace.tables.values() {
        let ours = table.ddl();
        let first = ours.lines().next().unwrap_or_default();
        let theirs = theirs.iter().find(|of| of.contains(first));
        let theirs = theirs.ok_or_else(|| format!("DESCRIBE lacks table {}", table.name))?;
        // The server sorts columns in another order, prints compact tables only approximately, and does
        // not quote the keyspace of a masking function.
        let is_column = |line: &&str| {
            line.starts_with("    ") && !line.starts_with("    AND ") && !line.contains("hide(")
        };
        for column in ours.lines().filter(is_column).filter(|_| !table.is_compact) {
            let column = packed(column.trim_end_matches(','));
            assert!(packed(theirs).contains(&column), "{column}\n{theirs}");
        }
        for option in ours.lines().filter_map(|line| line.strip_prefix("    AND ")) {
            assert!(theirs.contains(option.trim_end_matches(';')), "{option}\n{theirs}");
        }
    }
    Ok(())
}

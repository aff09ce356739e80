//! A user-defined type that gets a field while there are values without it.

use std::sync::Arc;

use cqlwire::types::{CqlType, NativeType, UdtType, Value};
use cqlwire::wire::Version;
use libtest_mimic::Failed;

use super::protocols;
use super::round_trip::{Sides, Way};
use super::schema::create_type;
use super::table::{Column, Row, Table};
use crate::fleet::{Node, runtime};

/// What was written before is read after; and new values have all fields, or fewer.
pub(crate) fn comes_through(node: &Node, ways: &[Way]) -> Result<(), Failed> {
    let runtime = runtime()?;
    let keyspace = node.keyspace(&runtime)?;
    let session = node.connect(&runtime, |builder| builder)?;
    let [before, after] = [1, 2].map(|fields| grown(&keyspace, fields));
    runtime.block_on(session.execute(create_type(&before), ()))?;
    runtime.block_on(session.execute(table(&before, &[]).create(), ()))?;

    // One session has the statement from before, and is to write what the type is then.
    let insert = format!("INSERT INTO {keyspace}.growing (k, c0) VALUES (?, ?)");
    runtime.block_on(session.execute(insert.as_str(), ("kept", value(&before, 1))))?;

    let versions = protocols(&node.version).iter();
    let pairs = versions.flat_map(|version| ways.iter().map(|way| (*version, *way)));
    let pairs = pairs.collect::<Vec<_>>();
    let old = table(&before, &[1]);
    for &(version, way) in &pairs {
        Sides::new(node, version, way)?.write(&row(&old, "old", version, way))?;
    }
    let alter = format!("ALTER TYPE {keyspace}.grown ADD added text");
    runtime.block_on(session.execute(alter, ()))?;
    runtime.block_on(session.execute(insert.as_str(), ("kept", value(&after, 2))))?;
    for &(version, way) in &pairs {
        let sides = Sides::new(node, version, way)?;
        old_values(&sides, &row(&table(&after, &[1]), "old", version, way))?;
        let mut fields = vec![2];
        if way != Way::FromPython {
            fields.push(1);
        }
        for fields in fields {
            let new = table(&after, &[fields]);
            none(&sides.differences(&row(&new, "new", version, way)))?;
        }
    }
    Ok(())
}

fn old_values(sides: &Sides<'_>, row: &Row<'_>) -> Result<(), Failed> {
    none(&sides.read(row)?)?;
    let counts = sides.read_ours(row)?.into_iter().map(|value| match value {
        Value::Udt { fields, .. } => fields.len(),
        _ => 0,
    });
    // What is frozen stays as it was written.
    assert_eq!(counts.collect::<Vec<_>>(), [1, 2]);
    Ok(())
}

fn none(differences: &[String]) -> Result<(), Failed> {
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n").into()) }
}

/// The type with as many fields.
fn grown(keyspace: &str, fields: usize) -> Arc<UdtType> {
    let all = [("first", NativeType::Int), ("added", NativeType::Text)];
    let fields = all.into_iter().take(fields).map(|(name, of)| (name.to_owned(), of.into()));
    let (keyspace, name) = (keyspace.to_owned(), "grown".to_owned());
    Arc::new(UdtType { keyspace, name, fields: fields.collect() })
}

/// A table of the type, frozen and not, with a row for each of these numbers of fields.
fn table(udt: &Arc<UdtType>, rows: &[usize]) -> Table {
    let values = rows.iter().map(|fields| value(udt, *fields)).collect::<Vec<_>>();
    let of = || CqlType::Udt(Arc::clone(udt));
    let columns = vec![Column::frozen(of(), values.clone()), Column::new(of(), values)];
    Table::new(format!("{}.growing", udt.keyspace), columns)
}

/// A value with as many fields.
fn value(udt: &Arc<UdtType>, fields: usize) -> Value {
    let all = [Value::Int(1), Value::Text("x".into())];
    let fields = all.into_iter().take(fields).collect();
    Value::Udt { udt: Arc::clone(udt), fields }
}

/// The first row of the table.
fn row<'t>(table: &'t Table, what: &str, version: Version, way: Way) -> Row<'t> {
    let rows = table.rows(&format!("{what} {version} {way}"));
    rows.into_iter().next().expect("a table with a row")
}

//! A user-defined type that gains a field while values without the field exist.

use std::sync::Arc;

use cqlwire::types::{CqlType, NativeType, UdtType, Value};
use cqlwire::wire::Version;
use libtest_mimic::Failed;

use super::protocols;
use super::round_trip::{Sides, Way};
use super::schema::create_type;
use super::table::{Column, Row, Table};
use crate::fleet::{Node, runtime};
use crate::requirements::missing_python;

/// Reads old values after the change, and writes new values with all fields or with fewer. The Python
/// driver takes part if it is installed.
pub(crate) fn values_survive_a_new_field_of_their_type(node: &Node) -> Result<(), Failed> {
    let ways = if missing_python().is_none() { &Way::ALL[..] } else { &[Way::Ours] };
    let runtime = runtime()?;
    let keyspace = node.keyspace(&runtime)?;
    let session = node.connect(&runtime, |builder| builder)?;
    let [before, after] = [1, 2].map(|fields| grown(&keyspace, fields));
    runtime.block_on(session.execute(create_type(&before), ()))?;
    runtime.block_on(session.execute(table(&before, &[]).create(), ()))?;

    // This session has prepared the statement, and must write the new type after the change.
    let insert = format!("INSERT INTO {keyspace}.growing (k, c0) VALUES (?, ?)");
    runtime.block_on(session.execute(insert.as_str(), ("kept", value(&before, 1))))?;
    let prepared = runtime.block_on(session.prepare(insert.as_str()))?;

    let versions = protocols(&node.version).iter();
    let pairs = versions.flat_map(|version| ways.iter().map(|way| (*version, *way)));
    let pairs = pairs.collect::<Vec<_>>();
    let old = table(&before, &[1]);
    for &(version, way) in &pairs {
        Sides::new(node, version, way)?.write(&row(&old, "old", version, way))?;
    }
    let alter = format!("ALTER TYPE {keyspace}.grown ADD added text");
    runtime.block_on(session.execute(alter, ()))?;
    runtime.block_on(session.execute(&prepared, ("kept", value(&after, 2))))?;
    runtime.block_on(session.execute(insert.as_str(), ("kept", value(&after, 2))))?;
    for &(version, way) in &pairs {
        let sides = Sides::new(node, version, way)?;
        read_old_values(&sides, &row(&table(&after, &[1]), "old", version, way))?;
        let mut fields = vec![2];
        if way != Way::FromPython {
            fields.push(1);
        }
        for fields in fields {
            let new = table(&after, &[fields]);
            require_none(&sides.differences(&row(&new, "new", version, way)))?;
        }
    }
    Ok(())
}

fn read_old_values(sides: &Sides<'_>, row: &Row<'_>) -> Result<(), Failed> {
    require_none(&sides.read(row)?)?;
    let counts = sides.read_ours(row)?.into_iter().map(|value| match value {
        Value::Udt { fields, .. } => fields.len(),
        _ => 0,
    });
    // A frozen value keeps the number of fields with which it was written.
    assert_eq!(counts.collect::<Vec<_>>(), [1, 2]);
    Ok(())
}

fn require_none(differences: &[String]) -> Result<(), Failed> {
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n").into()) }
}

/// Returns the type with this number of fields.
fn grown(keyspace: &str, fields: usize) -> Arc<UdtType> {
    let all = [("first", NativeType::Int), ("added", NativeType::Text)];
    let fields = all.into_iter().take(fields).map(|(name, of)| (name.to_owned(), of.into()));
    let (keyspace, name) = (keyspace.to_owned(), "grown".to_owned());
    Arc::new(UdtType { keyspace, name, fields: fields.collect() })
}

/// Returns a table with a frozen and a non-frozen column of the type, and a row for each number of
/// fields.
fn table(udt: &Arc<UdtType>, rows: &[usize]) -> Table {
    let values = rows.iter().map(|fields| value(udt, *fields)).collect::<Vec<_>>();
    let of = || CqlType::Udt(Arc::clone(udt));
    let columns = vec![Column::frozen(of(), values.clone()), Column::new(of(), values)];
    Table::new(format!("{}.growing", udt.keyspace), columns)
}

/// Returns a value with this number of fields.
fn value(udt: &Arc<UdtType>, fields: usize) -> Value {
    let all = [Value::Int(1), Value::Text("x".into())];
    let fields = all.into_iter().take(fields).collect();
    Value::Udt { udt: Arc::clone(udt), fields }
}

/// Returns the first row of the table.
fn row<'t>(table: &'t Table, what: &str, version: Version, way: Way) -> Row<'t> {
    let rows = table.rows(&format!("{what} {version} {way}"));
    rows.into_iter().next().expect("the table should have a row")
}

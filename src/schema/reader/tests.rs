//! Schemas read from valid and invalid rows, one at a time and in pages.

use bytes::Bytes;

use super::super::ColumnKind;
use uuid::Uuid;

use super::super::rows::{Cell, flag, int, map, read, text, texts, type_of};
use super::*;
use crate::message::RowsMetadata;
use crate::types::{ColumnSpec, CqlType, NativeType, Value};
use crate::wire::Writer;

fn column(name: &str, more: Vec<Cell>) -> (SchemaPart, Vec<Cell>) {
    let cells = [text("keyspace_name", "ks"), text("table_name", "t"), text("column_name", name)];
    (SchemaPart::Columns, cells.into_iter().chain(more).collect())
}

#[test]
fn invalid_rows_add_warnings_and_the_rest_is_read() {
    let name = || text("keyspace_name", "ks");
    let schema = read([
        (SchemaPart::Keyspaces, vec![name(), text("of_the_future", "x")]),
        (SchemaPart::Tables, vec![name(), text("table_name", "t")]),
        (SchemaPart::Tables, vec![name()]),
        (SchemaPart::Tables, vec![text("table_name", "nowhere")]),
        column("a", vec![text("type", "bag<int>"), text("kind", "regular")]),
        column("b", vec![text("type", "int"), text("kind", "odd")]),
        column("c", vec![text("kind", "regular")]),
        (SchemaPart::Functions, vec![name(), texts("argument_types", &["int"])]),
        // The row of a keyspace that was dropped in the meantime.
        (SchemaPart::Tables, vec![text("keyspace_name", "gone"), text("table_name", "t")]),
    ]);
    assert_eq!(schema.keyspaces.keys().collect::<Vec<_>>(), ["ks"]);
    let table = schema.table("ks", "t").unwrap();
    let [a, b] = &table.columns[..] else { panic!("{:?}", table.columns) };
    assert_eq!(a.cql_type, CqlType::Custom("bag<int>".into()));
    assert_eq!((b.kind, &b.cql_type), (ColumnKind::Regular, &NativeType::Int.into()));
    assert!(!table.is_compact, "the row has no flags");
    let warnings: Vec<_> = schema.warnings().collect();
    let starts = [
        "Tables: row without a keyspace: {table_name: 'nowhere'}",
        "ks: Tables: row without a required field: {keyspace_name: 'ks'}",
        "ks.t.b: unknown column kind `odd`",
        "ks: Columns: row without a required field: {keyspace_name: 'ks', ",
        "ks.t.a: cannot parse type `bag<int>`: at byte 0: expected list, ",
        "ks: Functions: row without a required field: ",
    ];
    assert_eq!(warnings.len(), starts.len(), "{warnings:#?}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

#[test]
fn a_page_is_read_up_to_the_first_invalid_row() {
    let columns =
        [ColumnSpec::new("system_schema", "keyspaces", "keyspace_name", NativeType::Text)];
    let page = |content: &'static [u8], count| Rows {
        metadata: RowsMetadata::new(columns.to_vec()),
        count,
        content: Bytes::from_static(content),
    };
    let mut reader = Schema::reader();
    reader.page(SchemaPart::Keyspaces, &page(b"\0\0\0\x01a\0\0\0\x01b", 2));
    // The second row is truncated.
    reader.page(SchemaPart::Keyspaces, &page(b"\0\0\0\x01c\0\0", 2));
    let schema = reader.finish();
    assert_eq!(schema.keyspaces.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(schema.warnings().count(), 1);
}

/// Encodes rows with the same columns as a page.
fn page(rows: &[Vec<Cell>]) -> Rows {
    let mut content = Vec::new();
    let types: Vec<_> = rows[0].iter().map(|(_, value)| type_of(value)).collect();
    for row in rows {
        for ((_, value), cql_type) in row.iter().zip(&types) {
            value.encode(cql_type, &mut Writer::new(&mut content)).unwrap();
        }
    }
    let columns: Vec<_> = rows[0]
        .iter()
        .zip(types)
        .map(|((name, _), cql_type)| ColumnSpec::new("system_schema", "t", name, cql_type))
        .collect();
    Rows { metadata: RowsMetadata::new(columns), count: rows.len(), content: content.into() }
}

fn table(name: &str, comment: &str, id: u128) -> Vec<Cell> {
    vec![
        text("keyspace_name", "ks"),
        text("table_name", name),
        texts("flags", &["compound"]),
        ("id", Value::Uuid(Uuid::from_u128(id))),
        text("comment", comment),
        map("compaction", &[("class", "X")]),
        int("gc_grace_seconds", 7),
    ]
}

/// The parts of two tables, a view, an index, a mask and invalid rows.
fn parts() -> Vec<(SchemaPart, Vec<Vec<Cell>>)> {
    let name = || text("keyspace_name", "ks");
    let column = |table: &str, name: &str, kind: &str, of: &str| {
        vec![
            text("keyspace_name", "ks"),
            text("table_name", table),
            text("column_name", name),
            text("kind", kind),
            int("position", if kind == "regular" { -1 } else { 0 }),
            text("type", of),
            text("clustering_order", if kind == "clustering" { "desc" } else { "none" }),
        ]
    };
    let view = |name: &str, base: Value| {
        vec![
            text("keyspace_name", "ks"),
            text("view_name", name),
            ("base_table_name", base),
            text("where_clause", "v > 0"),
            flag("include_all_columns", true),
            text("comment", "of a view"),
        ]
    };
    let with = |mut row: Vec<Cell>, index: usize, value: Value| {
        row[index].1 = value;
        row
    };
    let columns = vec![
        column("a", "v", "regular", "frozen<u>"),
        column("a", "k", "partition_key", "int"),
        column("a", "c", "clustering", "text"),
        column("b", "k", "partition_key", "bag<int>"),
        column("gone", "k", "partition_key", "int"),
        with(column("b", "v", "regular", "int"), 3, Value::Null),
        with(column("b", "w", "regular", "int"), 1, Value::Null),
        with(column("b", "x", "regular", "int"), 0, Value::Null),
        column("v", "k", "partition_key", "int"),
        column("a", "s", "static", "int"),
    ];
    let mask = vec![
        name(),
        text("table_name", "a"),
        text("column_name", "v"),
        text("function_name", "mask_default"),
    ];
    let user_type = vec![
        name(),
        text("type_name", "u"),
        texts("field_names", &["f"]),
        texts("field_types", &["int"]),
    ];
    let index =
        vec![name(), text("table_name", "a"), text("index_name", "i"), text("kind", "KEYS")];
    let tables = vec![
        table("a", "", 1),
        table("b", "it's", 2),
        with(table("c", "", 3), 1, Value::Null),
        table("d", "", 4),
    ];
    let base = |name: &str| Value::Text(name.to_owned());
    vec![
        (SchemaPart::Keyspaces, vec![vec![name(), flag("durable_writes", true)]]),
        (SchemaPart::Types, vec![user_type]),
        (SchemaPart::Tables, tables),
        (SchemaPart::Columns, columns),
        (SchemaPart::ColumnMasks, vec![mask]),
        (SchemaPart::Indexes, vec![index.clone(), with(index, 2, Value::Null)]),
        (SchemaPart::Views, vec![view("v", base("a")), view("w", Value::Null)]),
    ]
}

#[test]
fn pages_and_rows_in_any_order_make_the_same_schema() {
    let parts = parts();
    let by_row =
        read(parts.iter().flat_map(|(part, rows)| rows.iter().map(|row| (*part, row.clone()))));
    let mut by_page = Schema::reader();
    parts.iter().for_each(|(part, rows)| by_page.page(*part, &page(rows)));
    let by_page = by_page.finish();
    assert_eq!(by_page, by_row);
    let mut backwards = Schema::reader();
    parts.iter().rev().for_each(|(part, rows)| backwards.page(*part, &page(rows)));
    let backwards = backwards.finish();
    assert_eq!(backwards.keyspaces["ks"].tables, by_page.keyspaces["ks"].tables);
    assert_eq!(backwards.keyspaces["ks"].views, by_page.keyspaces["ks"].views);

    let keyspace = &by_page.keyspaces["ks"];
    assert_eq!(keyspace.tables.keys().collect::<Vec<_>>(), ["a", "b", "d"]);
    assert_eq!(keyspace.views.keys().collect::<Vec<_>>(), ["v"]);
    let (table, view) = (&keyspace.tables["a"], &keyspace.views["v"]);
    let names: Vec<_> = table.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["k", "c", "s", "v"]);
    assert_eq!(table.columns[3].mask.as_deref(), Some("mask_default()"));
    assert_eq!(table.id, Some(Uuid::from_u128(1)));
    assert_eq!(table.indexes.len(), 1);
    assert_eq!((&*view.base_table, view.table.columns.len()), ("a", 1));
    assert_eq!(view.table.options["comment"].to_string(), "'of a view'");
    assert_eq!(keyspace.tables["b"].options["comment"].to_string(), "'it''s'");
    assert_eq!(keyspace.tables["b"].options.len(), 3);
    // Tables with the same options share them.
    assert!(Arc::ptr_eq(&table.options, &keyspace.tables["d"].options));
    assert_eq!(by_page.warnings().count(), 7, "{:#?}", by_page.warnings().collect::<Vec<_>>());
}

#[test]
fn rows_that_are_read_again_replace_the_others() {
    let parts = parts();
    let (mut once, mut twice) = (Schema::reader(), Schema::reader());
    for (part, rows) in &parts {
        let rows = page(rows);
        once.page(*part, &rows);
        twice.page(*part, &rows);
        twice.page(*part, &rows);
    }
    let (once, twice) = (once.finish(), twice.finish());
    let (once, twice) = (&once.keyspaces["ks"], &twice.keyspaces["ks"]);
    assert_eq!((&once.tables, &once.views), (&twice.tables, &twice.views));
}

//! The tables of one node, which its tests share.

use std::sync::Arc;

use cqlwire::session::Session;
use cqlwire::types::{NativeType, UdtType};
use libtest_mimic::Failed;

use super::extremes;
use super::random::Random;
use super::table::{Column, Table, element_in_cql};

/// Number of generated values per native type.
const VALUES_PER_NATIVE_TYPE: usize = 40;

/// Creates the user-defined types and the tables.
pub(crate) async fn create(
    session: &Session,
    keyspace: &str,
    has_vectors: bool,
) -> Result<Vec<Table>, Failed> {
    let mut random = Random::new(keyspace, has_vectors);
    let pair = pair(keyspace);
    for udt in [&pair].into_iter().chain(random.udts()) {
        session.execute(create_type(udt), ()).await?;
    }
    let tables = tables(keyspace, &pair, &mut random, has_vectors);
    for table in &tables {
        session.execute(table.create(), ()).await?;
    }
    Ok(tables)
}

fn pair(keyspace: &str) -> Arc<UdtType> {
    let fields = [("first", NativeType::Int), ("Second", NativeType::Text)];
    Arc::new(UdtType {
        keyspace: keyspace.to_owned(),
        name: "pair".to_owned(),
        fields: fields.map(|(name, native)| (name.to_owned(), native.into())).to_vec(),
    })
}

pub(super) fn create_type(udt: &UdtType) -> String {
    let UdtType { keyspace, name, fields } = udt;
    let fields = fields.iter().map(|(name, field)| format!("\"{name}\" {}", element_in_cql(field)));
    let fields = fields.collect::<Vec<_>>().join(", ");
    format!("CREATE TYPE {keyspace}.{name} ({fields})")
}

fn tables(
    keyspace: &str,
    pair: &Arc<UdtType>,
    random: &mut Random,
    has_vectors: bool,
) -> Vec<Table> {
    let mut native = |native: NativeType| {
        let mut values = [extremes::values_of(native), extremes::column_values_of(native)].concat();
        values.extend(random.values(&native.into(), VALUES_PER_NATIVE_TYPE));
        Column::new(native.into(), values)
    };
    let counters = vec![native(NativeType::Counter)];
    let natives = NativeType::KNOWN.iter().copied().filter(|of| *of != NativeType::Counter);
    let of_natives = natives.map(native).collect();
    let mut of_nested = [extremes::lists(), extremes::nested(pair)].concat();
    if has_vectors {
        of_nested.extend(extremes::vectors(pair));
    }
    let of_random = random.columns();
    [("natives", of_natives), ("nested", of_nested), ("random", of_random), ("counters", counters)]
        .map(|(name, columns)| Table::new(format!("{keyspace}.{name}"), columns))
        .into()
}

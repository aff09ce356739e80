//! Collections: the values of one cell, decoded and encoded.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hint::black_box;

use bytes::Bytes;
use cqlwire::types::{Cell, CqlType, Elements, FromCql, NativeType, ToCql, Value};
use cqlwire::wire::Writer;
use rustix::time::ClockId;
use scylla_cql::deserialize::FrameSlice;
use scylla_cql::deserialize::value::{DeserializeValue, ListlikeIterator};
use scylla_cql::frame::response::result::{
    CollectionType, ColumnType, NativeType as ScyllaNativeType,
};
use scylla_cql::serialize::row::SerializedValues;
use scylla_cql::serialize::value::SerializeValue;
use scylla_cql::value::CqlValue;
use uuid::Uuid;

use super::Servers;
use super::report::{Bar, Table, figure};
use crate::driver::load::time;
use crate::driver::{ROUNDS, median};

/// Number of elements of a collection, or of entries of a map.
const ELEMENTS: i32 = 10_000;

/// Number of collections of a turn.
const COLLECTIONS: u32 = 20;

/// Maximum ratio of ours to scylla.
const BAR: f64 = 1.0;

/// The work of both drivers on one collection.
struct Row {
    name: &'static str,
    ours: Box<dyn Fn()>,
    scylla: Box<dyn Fn()>,
}

pub fn table(filter: &str, _: &Servers) -> Result<usize, String> {
    let title = format!(
        "CPU time for an element of a collection of {ELEMENTS}: the median of {ROUNDS} turns."
    );
    let columns = ["collection", "ours, ns", "scylla, ns", "ours to scylla"];
    let rows = rows();
    let names = rows.iter().map(|row| row.name.to_owned());
    let Some(mut table) = Table::new(&title, &columns, filter, names) else { return Ok(0) };
    for row in rows.iter().filter(|row| row.name.contains(filter)) {
        let (mut ours, mut scylla) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(turn(&row.ours));
            scylla.push(turn(&row.scylla));
        }
        let [ours, scylla] = [ours, scylla].map(|times| median(times).unwrap_or(f64::NAN));
        let ratio = ours / scylla;
        let cells = [figure(ours, 2), figure(scylla, 2), figure(ratio, 2)];
        table.row(row.name, &cells, &[Bar::ratio(ratio, BAR)]);
    }
    Ok(table.missed())
}

/// Returns the CPU time for an element, in nanoseconds.
fn turn(work: &dyn Fn()) -> f64 {
    let begin = time(ClockId::ThreadCPUTime);
    (0..COLLECTIONS).for_each(|_| work());
    let took = time(ClockId::ThreadCPUTime).saturating_sub(begin);
    took.as_nanos() as f64 / f64::from(COLLECTIONS) / f64::from(ELEMENTS)
}

fn rows() -> Vec<Row> {
    let ints: Vec<i32> = (0..ELEMENTS).collect();
    let uuids: Vec<_> = ints.iter().map(|number| Uuid::from_u128(*number as u128)).collect();
    let texts: Vec<_> = ints.iter().map(|number| format!("text{number:04}")).collect();
    let pairs: BTreeMap<i32, i32> = ints.iter().map(|number| (*number, *number)).collect();
    vec![
        read::<Vec<i32>, Vec<i32>>("read list<int> as Vec<i32>", &ints, List(Int)),
        read::<Vec<Option<i32>>, Vec<Option<i32>>>(
            "read list<int> as Vec<Option<i32>>",
            &ints,
            List(Int),
        ),
        read::<Vec<Uuid>, Vec<Uuid>>("read list<uuid> as Vec<Uuid>", &uuids, List(TheUuid)),
        read::<Vec<String>, Vec<String>>("read list<text> as Vec<String>", &texts, List(Text)),
        read::<BTreeSet<i32>, BTreeSet<i32>>("read set<int> as BTreeSet<i32>", &ints, Set(Int)),
        read::<HashSet<i32>, HashSet<i32>>("read set<int> as HashSet<i32>", &ints, Set(Int)),
        read::<HashMap<i32, i32>, HashMap<i32, i32>>(
            "read map<int, int> as HashMap<i32, i32>",
            &pairs,
            Map(Int, Int),
        ),
        read::<Value, CqlValue>("read list<int> as a dynamic value", &ints, List(Int)),
        iterate(&ints),
        write("write list<int> of Vec<i32>", ints, List(Int)),
        write("write list<uuid> of Vec<Uuid>", uuids, List(TheUuid)),
        write("write list<text> of Vec<String>", texts, List(Text)),
        write("write map<int, int> of BTreeMap<i32, i32>", pairs, Map(Int, Int)),
    ]
}

#[derive(Clone, Copy)]
enum Native {
    Int,
    Text,
    TheUuid,
}

/// The type of a collection.
#[derive(Clone, Copy)]
enum Type {
    List(Native),
    Set(Native),
    Map(Native, Native),
}

use Native::{Int, Text, TheUuid};
use Type::{List, Map, Set};

impl Type {
    fn ours(self) -> CqlType {
        let native = |native| match native {
            Int => CqlType::from(NativeType::Int),
            Text => NativeType::Text.into(),
            TheUuid => NativeType::Uuid.into(),
        };
        match self {
            List(element) => CqlType::List(native(element).into()),
            Set(element) => CqlType::Set(native(element).into()),
            Map(key, value) => CqlType::Map((native(key), native(value)).into()),
        }
    }

    fn scylla(self) -> ColumnType<'static> {
        let native = |native| {
            Box::new(ColumnType::Native(match native {
                Int => ScyllaNativeType::Int,
                Text => ScyllaNativeType::Text,
                TheUuid => ScyllaNativeType::Uuid,
            }))
        };
        let typ = match self {
            List(element) => CollectionType::List(native(element)),
            Set(element) => CollectionType::Set(native(element)),
            Map(key, value) => CollectionType::Map(native(key), native(value)),
        };
        ColumnType::Collection { frozen: false, typ }
    }
}

/// Returns the bytes of a cell, without their length.
fn cell(value: &impl ToCql, cql_type: &CqlType) -> Bytes {
    let mut out = Vec::new();
    value.to_cql(cql_type, &mut Writer::new(&mut out)).unwrap();
    out.split_off(4).into()
}

/// Reads the encoded `value` as the type `O` of ours and the type `S` of scylla.
fn read<O, S>(name: &'static str, value: &impl ToCql, cql_type: Type) -> Row
where
    O: for<'r> FromCql<'r>,
    S: for<'r> DeserializeValue<'r, 'r>,
{
    let (ours, scylla) = (cql_type.ours(), cql_type.scylla());
    let bytes = cell(value, &ours);
    let same = bytes.clone();
    Row {
        name,
        ours: Box::new(move || {
            black_box(O::from_cell(Cell::new(black_box(&bytes)), &ours).unwrap());
        }),
        scylla: Box::new(move || {
            let slice = FrameSlice::new(black_box(&same));
            black_box(S::deserialize(&scylla, Some(slice)).unwrap());
        }),
    }
}

/// Iterates over a list without collecting it.
fn iterate(ints: &Vec<i32>) -> Row {
    let (ours, scylla) = (List(Int).ours(), List(Int).scylla());
    let bytes = cell(ints, &ours);
    let same = bytes.clone();
    Row {
        name: "iterate over list<int>",
        ours: Box::new(move || {
            let elements = Elements::<i32>::from_cell(Cell::new(black_box(&bytes)), &ours).unwrap();
            black_box(elements.map(|element| i64::from(element.unwrap())).sum::<i64>());
        }),
        scylla: Box::new(move || {
            let slice = FrameSlice::new(black_box(&same));
            let elements = ListlikeIterator::<i32>::deserialize(&scylla, Some(slice)).unwrap();
            black_box(elements.map(|element| i64::from(element.unwrap())).sum::<i64>());
        }),
    }
}

fn write<T: ToCql + SerializeValue + Clone + 'static>(
    name: &'static str,
    value: T,
    cql_type: Type,
) -> Row {
    let (ours, scylla) = (cql_type.ours(), cql_type.scylla());
    let same = value.clone();
    Row {
        name,
        ours: Box::new(move || {
            let mut out = Vec::new();
            black_box(&value).to_cql(&ours, &mut Writer::new(&mut out)).unwrap();
            black_box(out);
        }),
        scylla: Box::new(move || {
            let mut out = SerializedValues::new();
            out.add_value(black_box(&same), &scylla).unwrap();
            black_box(out);
        }),
    }
}

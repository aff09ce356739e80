//! The derive macros: reading, writing, and their compile errors.

mod enums;
mod rows;
mod udts;
mod values;
mod wide;

use bytes::Bytes;
use cqlwire::types::{
    ColumnSpec, CqlType, FromRow, NativeType, RowIter, ToCql, ToValues, UdtType, ValuesBuffer,
};
use cqlwire::wire::{RawValue, Writer};

#[test]
fn derive_macros_report_misuse() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/derive/ui/*.rs");
    if cfg!(feature = "driver") {
        cases.compile_fail("tests/derive/ui/session/*.rs");
    }
}

const INT: CqlType = CqlType::Native(NativeType::Int);
const TEXT: CqlType = CqlType::Native(NativeType::Text);

fn columns(named: &[(&str, CqlType)]) -> Vec<ColumnSpec> {
    let column =
        |(name, cql_type): &(&str, CqlType)| ColumnSpec::new("ks", "users", name, cql_type.clone());
    named.iter().map(column).collect()
}

fn udt(fields: &[(&str, CqlType)]) -> CqlType {
    let fields = fields.iter().map(|(name, cql_type)| ((*name).to_owned(), cql_type.clone()));
    let (keyspace, name) = ("ks".to_owned(), "address".to_owned());
    CqlType::Udt(UdtType { keyspace, name, fields: fields.collect() }.into())
}

/// Encodes a value with its length.
fn cell(value: &impl ToCql, cql_type: &CqlType) -> Vec<u8> {
    let mut out = Vec::new();
    value.to_cql(cql_type, &mut Writer::new(&mut out)).unwrap();
    out
}

fn text(value: &str) -> Vec<u8> {
    cell(&value, &TEXT)
}

fn int(value: i32) -> Vec<u8> {
    cell(&value, &INT)
}

const NULL: [u8; 4] = [0xff; 4];

/// Returns a page of these cells. It is leaked, because rows borrow from it.
fn page(cells: &[&[u8]]) -> &'static Bytes {
    Box::leak(Box::new(Bytes::from(cells.concat())))
}

/// Reads the only row of `cells`. Returns the text of the error if the columns or the cells are invalid.
fn read<T: FromRow<'static>>(named: &[(&str, CqlType)], cells: &[&[u8]]) -> Result<T, String> {
    let columns = Vec::leak(columns(named));
    let mut rows = RowIter::<T>::new(page(cells), columns, 1).map_err(|error| error.to_string())?;
    rows.next().unwrap().map_err(|error| error.to_string())
}

/// Binds values to variables. Returns the bound values, or the text of the error.
fn bind(values: &impl ToValues, named: &[(&str, CqlType)]) -> Result<Vec<Bound>, String> {
    let mut buffer = ValuesBuffer::new();
    let values = buffer.bind(values, &columns(named)).map_err(|error| error.to_string())?;
    Ok(values.iter().map(|named| named.value.into()).collect())
}

#[derive(Debug, PartialEq)]
enum Bound {
    Value(Vec<u8>),
    Null,
    Unset,
}

impl From<RawValue<'_>> for Bound {
    fn from(value: RawValue<'_>) -> Self {
        match value {
            RawValue::Unset => Self::Unset,
            value => value.bytes().map_or(Self::Null, |bytes| Self::Value(bytes.to_vec())),
        }
    }
}

fn bound(value: &str) -> Bound {
    Bound::Value(value.into())
}

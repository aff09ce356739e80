//! Field types that cannot be written as CQL values.

use cqlwire::types::{ToCql, ToUdt, ToValues};

struct Own;

#[derive(ToValues)]
struct Values {
    own: Own,
    unsigned: Option<u32>,
}

#[derive(ToUdt)]
struct Udt {
    own: Own,
}

#[derive(ToCql)]
struct Newtype(Own);

#[derive(ToValues)]
struct Flattened {
    #[cql(flatten)]
    own: Own,
}

#[derive(ToValues)]
struct Blob {
    key: [u8; 2],
}

fn values(_: impl ToValues) {}

fn main() {
    values(Own);
    values((b"key",));
    values((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17));
}

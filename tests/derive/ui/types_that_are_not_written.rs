//! Types of fields that no CQL value is written from.

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

fn values(_: impl ToValues) {}

fn main() {
    values(Own);
}

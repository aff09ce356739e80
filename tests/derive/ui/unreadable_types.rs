//! Field types that cannot be read from CQL values.

use cqlwire::types::{FromCql, FromRow, FromUdt};

struct Own;

#[derive(FromRow)]
struct Row {
    own: Own,
    unsigned: Option<u32>,
}

#[derive(FromUdt)]
struct Udt {
    own: Own,
}

#[derive(FromCql)]
struct Newtype(Own);

#[derive(FromRow)]
struct Flattened {
    #[cql(flatten)]
    own: Own,
}

fn rows<'r, T: FromRow<'r>>() {}

type I = i32;

fn main() {
    rows::<Own>();
    rows::<(I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I, I)>();
}

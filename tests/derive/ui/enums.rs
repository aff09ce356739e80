//! Enums that are invalid as text and as integers.

use cqlwire::types::{FromCql, ToCql};

#[derive(FromCql)]
#[cql(as = f32)]
enum Float {
    A,
}

#[derive(ToCql)]
#[cql(as = i8)]
enum Renamed {
    #[cql(rename = "a")]
    A,
}

#[derive(FromCql)]
enum Holds {
    A(i32),
}

#[derive(FromCql)]
enum Others {
    #[cql(other)]
    A,
    #[cql(other)]
    B(String),
}

#[derive(FromCql)]
enum Fields {
    #[cql(other)]
    A { text: String },
}

fn main() {}

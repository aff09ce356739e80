//! Fields or variants with the same name.

use cqlwire::types::{FromRow, FromUdt, ToCql};

#[derive(FromRow)]
struct Renamed {
    a: i32,
    #[cql(rename = "a")]
    b: i32,
}

#[derive(FromUdt)]
#[cql(rename_all = "lowercase")]
struct ByRule {
    user_id: i32,
    userid: i32,
}

#[derive(ToCql)]
enum Variants {
    A,
    #[cql(rename = "A")]
    B,
}

fn main() {}

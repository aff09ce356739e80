//! Converts messages to JSON: every field, under the name that the codec's errors use.
//!
//! Bytes become hex, a null becomes JSON null, and an unset value becomes `{"unset": true}`. Flags
//! appear as a list of names and as a number. A map becomes an object. A map in which a name occurs
//! twice, which an object cannot express, becomes a list of pairs.

mod request;
mod response;
mod result;
mod schema_change;
mod value;

pub(super) use request::request;
pub(super) use response::response;
pub(super) use result::rows;
pub(super) use value::{bytes, hex, map, object};

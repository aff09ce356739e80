//! Every field of every message as JSON, under the name that the codec's errors use.
//!
//! Bytes are hex, null is null, and an unset value is `{"unset": true}`. Flags appear as a list of
//! names and as a number. A map is an object, or a list of pairs if a name occurs twice, which an
//! object cannot express.

mod request;
mod response;
mod result;
mod schema_change;
mod value;

pub(super) use request::request;
pub(super) use response::response;
pub(super) use result::rows;
pub(super) use value::{bytes, hex, map, object};

//! Values and rows as JSON, in the form of Cassandra.

mod java;
mod read;
mod value;
mod write;

pub(in crate::store) use java::{double, float, timestamp};
pub(in crate::store) use value::{from_text, object_fields};
pub(in crate::store) use write::{object, to_json};

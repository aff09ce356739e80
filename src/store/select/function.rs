//! Functions in the columns of a SELECT.

use crate::cql::FunctionName;
use crate::message::ServerError;
use crate::store::error::{invalid, unsupported};

/// Cassandra's functions that this server does not evaluate.
const UNSUPPORTED: [&str; 22] = [
    "avg",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_timeuuid",
    "currentdate",
    "currenttime",
    "currenttimestamp",
    "currenttimeuuid",
    "dateof",
    "max",
    "maxtimeuuid",
    "min",
    "mintimeuuid",
    "now",
    "sum",
    "to_date",
    "to_timestamp",
    "to_unix_timestamp",
    "todate",
    "token",
    "uuid",
];

/// The functions that this server evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    ToJson,
}

impl Function {
    /// Returns the function of this name.
    ///
    /// # Errors
    /// Returns an INVALID error if there is no such function, or if this server does not evaluate it.
    pub(super) fn find(name: &FunctionName) -> Result<Self, ServerError> {
        let is_native = name.keyspace.as_deref().is_none_or(|keyspace| keyspace == "system");
        match &*name.name {
            "count" if is_native => Ok(Self::Count),
            "tojson" | "to_json" if is_native => Ok(Self::ToJson),
            other if is_native && UNSUPPORTED.contains(&other) => {
                Err(unsupported(&format!("the function {other}")))
            }
            _ => Err(invalid(format!("Unknown function '{name}'"))),
        }
    }
}

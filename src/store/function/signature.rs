//! The signatures of the scalar functions.

use std::fmt;
use std::sync::Arc;

use crate::types::{CqlType, NativeType};

/// The computation of a scalar function. Its [`Signature`] has the types of the arguments and of the
/// result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Scalar {
    /// The time of the execution, as the type of the result.
    Now,
    Uuid,
    MinTimeUuid,
    MaxTimeUuid,
    ToDate,
    ToTimestamp,
    ToUnixTimestamp,
    ToBlob,
    FromBlob,
    ToJson,
    FromJson,
    Token,
    Cast,
    Abs,
    Exp,
    Log,
    Log10,
    Round,
    MapKeys,
    MapValues,
    CollectionCount,
    CollectionMin,
    CollectionMax,
}

/// The types of the arguments and of the result of a function.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub(super) scalar: Scalar,
    pub(super) arguments: Vec<CqlType>,
    pub(super) result: CqlType,
}

/// A function that was chosen for the types of its arguments.
#[derive(Debug, Clone)]
pub(in crate::store) struct Function {
    /// The name in the statement.
    name: Arc<str>,
    pub(super) scalar: Scalar,
    pub(super) arguments: Arc<[CqlType]>,
    pub(super) result: CqlType,
}

impl Function {
    pub(super) fn new(name: &str, signature: &Signature) -> Self {
        Self {
            name: name.into(),
            scalar: signature.scalar,
            arguments: signature.arguments.clone().into(),
            result: signature.result.clone(),
        }
    }

    /// Returns the type of the result.
    pub(in crate::store) const fn result(&self) -> &CqlType {
        &self.result
    }

    /// Returns the type of an argument, and its name as the receiver of a term.
    pub(in crate::store) fn argument(&self, index: usize) -> (&CqlType, String) {
        // The number of arguments was checked when the function was chosen.
        let cql_type = self.arguments.get(index).unwrap_or(&self.result);
        (cql_type, format!("arg{index}({self})"))
    }
}

/// Writes the name with its keyspace.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "system.{}", self.name)
    }
}

use NativeType as Native;

/// Functions of Cassandra that this server does not evaluate.
const UNSUPPORTED: [&str; 13] = [
    "collection_avg",
    "collection_sum",
    "floor",
    "mask_default",
    "mask_hash",
    "mask_inner",
    "mask_null",
    "mask_outer",
    "mask_replace",
    "similarity_cosine",
    "similarity_dot_product",
    "similarity_euclidean",
    "writetime",
];

/// Returns true if Cassandra has a function of this name that this server does not evaluate.
pub(super) fn is_unsupported(name: &str) -> bool {
    UNSUPPORTED.contains(&name)
}

/// Returns the signatures of a function whose types do not depend on its arguments. The list is empty
/// if there is no such function.
pub(super) fn fixed(name: &str) -> Vec<Signature> {
    let of = |scalar, arguments: &[Native], result: Native| Signature {
        scalar,
        arguments: arguments.iter().map(|native| CqlType::Native(*native)).collect(),
        result: result.into(),
    };
    match name {
        "now" | "currenttimeuuid" | "current_timeuuid" => {
            vec![of(Scalar::Now, &[], Native::TimeUuid)]
        }
        "currenttimestamp" | "current_timestamp" => vec![of(Scalar::Now, &[], Native::Timestamp)],
        "currentdate" | "current_date" => vec![of(Scalar::Now, &[], Native::Date)],
        "currenttime" | "current_time" => vec![of(Scalar::Now, &[], Native::Time)],
        "uuid" => vec![of(Scalar::Uuid, &[], Native::Uuid)],
        "mintimeuuid" | "min_timeuuid" => {
            vec![of(Scalar::MinTimeUuid, &[Native::Timestamp], Native::TimeUuid)]
        }
        "maxtimeuuid" | "max_timeuuid" => {
            vec![of(Scalar::MaxTimeUuid, &[Native::Timestamp], Native::TimeUuid)]
        }
        "todate" | "to_date" => [Native::TimeUuid, Native::Timestamp]
            .map(|argument| of(Scalar::ToDate, &[argument], Native::Date))
            .into(),
        "totimestamp" | "to_timestamp" => [Native::TimeUuid, Native::Date]
            .map(|argument| of(Scalar::ToTimestamp, &[argument], Native::Timestamp))
            .into(),
        "tounixtimestamp" | "to_unix_timestamp" => {
            [Native::TimeUuid, Native::Timestamp, Native::Date]
                .map(|argument| of(Scalar::ToUnixTimestamp, &[argument], Native::BigInt))
                .into()
        }
        "abs" | "exp" | "log" | "log10" | "round" => {
            let scalar = match name {
                "abs" => Scalar::Abs,
                "exp" => Scalar::Exp,
                "log" => Scalar::Log,
                "log10" => Scalar::Log10,
                _ => Scalar::Round,
            };
            let numbers = NUMBERS.into_iter().filter(|number| *number != Native::Counter);
            numbers.map(|number| of(scalar, &[number], number)).collect()
        }
        _ => blob(name).into_iter().collect(),
    }
}

/// The types of numbers, in the order in which Cassandra lists the functions of numbers.
pub(super) const NUMBERS: [Native; 9] = [
    Native::TinyInt,
    Native::SmallInt,
    Native::Int,
    Native::BigInt,
    Native::Float,
    Native::Double,
    Native::Varint,
    Native::Decimal,
    Native::Counter,
];

/// Returns the conversion between a native type and `blob` that has this name.
fn blob(name: &str) -> Option<Signature> {
    let (to_blob, text) = if let Some(text) = name.strip_suffix("_as_blob") {
        (true, text)
    } else if let Some(text) = name.strip_prefix("blob_as_") {
        (false, text)
    } else if let Some(text) = name.strip_suffix("asblob") {
        (true, text)
    } else if let Some(text) = name.strip_prefix("blobas") {
        (false, text)
    } else {
        return None;
    };
    let CqlType::Native(native) = text.parse::<CqlType>().ok()? else { return None };
    let (native, blob) = (CqlType::Native(native), CqlType::from(Native::Blob));
    if native == blob || text.trim() != text {
        return None;
    }
    Some(match to_blob {
        true => Signature { scalar: Scalar::ToBlob, arguments: vec![native], result: blob },
        false => Signature { scalar: Scalar::FromBlob, arguments: vec![blob], result: native },
    })
}

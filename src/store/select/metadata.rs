//! `writetime`, `maxwritetime` and `ttl`.

use super::key_range::KeyRange;
use crate::cql::MetadataFunction;
use crate::message::ServerError;
use crate::store::key::ClusteringKey;
use crate::store::source::{CellTime, CellTimes, Row};
use crate::store::term::CompiledTerm;
use crate::types::{CqlType, NativeType, Value};

/// The cells of a column whose times are returned.
#[derive(Debug, Clone)]
pub(super) enum CellPart {
    Column(usize),
    /// The field at an index of a user-defined type whose fields are cells.
    Field(usize, usize),
    Element(usize, CompiledTerm),
    Slice(usize, Option<CompiledTerm>, Option<CompiledTerm>),
}

/// Returns the type of the result. `is_list` says whether the part can have several cells.
pub(super) fn result_type(function: MetadataFunction, is_list: bool) -> CqlType {
    let native = match function {
        MetadataFunction::WriteTime | MetadataFunction::MaxWriteTime => NativeType::BigInt,
        MetadataFunction::Ttl => NativeType::Int,
    };
    match function {
        MetadataFunction::MaxWriteTime => native.into(),
        _ if is_list => CqlType::List(Box::new(native.into())),
        _ => native.into(),
    }
}

/// Returns the times of the cells of a row. `evaluate` computes the keys of elements.
pub(super) fn value(
    function: MetadataFunction,
    part: &CellPart,
    row: &Row,
    evaluate: impl Fn(&CompiledTerm) -> Result<Value, ServerError>,
) -> Result<Value, ServerError> {
    let (CellPart::Column(column)
    | CellPart::Field(column, _)
    | CellPart::Element(column, _)
    | CellPart::Slice(column, ..)) = part;
    let (Some(times), Some(value)) = (row.times.get(*column), row.values.get(*column)) else {
        return Ok(Value::Null);
    };
    let times = match times {
        CellTimes::Absent => return Ok(Value::Null),
        CellTimes::Cell(time) => return Ok(of_cell(function, Some(time))),
        CellTimes::Elements(times) => times,
    };
    let keys: Vec<&Value> = match value {
        Value::Map(entries) => entries.iter().map(|(key, _)| key).collect(),
        Value::Set(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    Ok(match part {
        CellPart::Column(_) => of_cells(function, times.iter()),
        CellPart::Field(_, index) => of_cell(function, times.get(*index).and_then(Option::as_ref)),
        CellPart::Element(_, term) => {
            let wanted = ClusteringKey::of(&evaluate(term)?);
            let index = keys.iter().position(|key| ClusteringKey::of(key) == wanted);
            let time = index.and_then(|index| times.get(index)).and_then(Option::as_ref);
            of_cell(function, time)
        }
        CellPart::Slice(_, from, to) => {
            let range = KeyRange::new(from.as_ref(), to.as_ref(), evaluate)?;
            let within = keys.iter().zip(times).filter(|(key, _)| range.contains(key));
            of_cells(function, within.map(|(_, time)| time))
        }
    })
}

fn of_cell(function: MetadataFunction, time: Option<&CellTime>) -> Value {
    match (function, time) {
        (_, None) => Value::Null,
        (MetadataFunction::Ttl, Some(time)) => time.ttl.map_or(Value::Null, Value::Int),
        (_, Some(time)) => Value::BigInt(time.written),
    }
}

/// Returns a list of times, or the greatest of them.
fn of_cells<'t>(
    function: MetadataFunction,
    times: impl Iterator<Item = &'t Option<CellTime>>,
) -> Value {
    match function {
        MetadataFunction::MaxWriteTime => {
            let greatest = times.flatten().map(|time| time.written).max();
            greatest.map_or(Value::Null, Value::BigInt)
        }
        _ => {
            let times: Vec<_> = times.map(|time| of_cell(function, time.as_ref())).collect();
            if times.is_empty() { Value::Null } else { Value::List(times) }
        }
    }
}

//! Known differences between the Python driver and cqlwire.

use cqlwire::types::{CqlType, Value};
use cqlwire::wire::Version;
use libtest_mimic::Failed;

use super::round_trip::{Sides, Way};
use super::table::{Cell, Row};
use crate::fleet::Node;
use crate::hex;
use crate::json_values::contains_value;

/// A kind of value that does not round-trip, and the directions in which it fails.
struct Difference {
    name: &'static str,
    reason: &'static str,
    ways: &'static [Way],
    applies: fn(&CqlType, &Value) -> bool,
}

const TO_PYTHON: &[Way] = &[Way::ToPython];
const FROM_PYTHON: &[Way] = &[Way::FromPython];
const BOTH: &[Way] = &[Way::ToPython, Way::FromPython];

/// Distance from 1970, in milliseconds, up to which a float of seconds is exact: about 136 years.
const EXACT_RANGE: u64 = 1 << 42;

const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "far_instants",
        reason: "it computes timestamps as a float of seconds, and supports the years 1 to 9999 only",
        ways: TO_PYTHON,
        applies: |_, value| {
            contains_value(value, &|part| match part {
                Value::Timestamp(instant) => instant.0.unsigned_abs() > EXACT_RANGE,
                _ => false,
            })
        },
    },
    Difference {
        name: "empty_values",
        reason: "it reads empty values as null, and cannot write them",
        ways: BOTH,
        applies: |_, value| contains_value(value, &|part| *part == Value::Empty),
    },
    Difference {
        name: "least_scale",
        reason: "it negates the scale in 32 bits, which overflows for the least scale",
        ways: TO_PYTHON,
        applies: |_, value| {
            contains_value(value, &|part| match part {
                Value::Decimal(number) => number.scale == i32::MIN,
                _ => false,
            })
        },
    },
    Difference {
        name: "user_types_in_class_names",
        reason: "it reads the hex of a type's name as the dimensions of a vector if it has only digits",
        ways: BOTH,
        applies: |cql_type, _| has_number_in_vector(cql_type, false),
    },
    Difference {
        name: "short_user_types",
        reason: "it always writes all fields of a user-defined type",
        ways: FROM_PYTHON,
        applies: |_, value| {
            contains_value(value, &|part| match part {
                Value::Udt { udt, fields } => fields.len() < udt.fields.len(),
                _ => false,
            })
        },
    },
    Difference {
        name: "composites",
        reason: "it splits composites when it reads them, and cannot write them",
        ways: BOTH,
        applies: |cql_type, value| {
            *value != Value::Null
                && matches!(cql_type, CqlType::Custom(class) if class.contains("CompositeType"))
        },
    },
];

/// Returns true if a user-defined type inside a vector has a name whose hex has only digits.
fn has_number_in_vector(cql_type: &CqlType, in_vector: bool) -> bool {
    let has = |of: &CqlType| has_number_in_vector(of, in_vector);
    match cql_type {
        CqlType::List(element) | CqlType::Set(element) => has(element),
        CqlType::Map(pair) => has(&pair.0) || has(&pair.1),
        CqlType::Tuple(elements) => elements.iter().any(has),
        CqlType::Udt(udt) => {
            let is_number = hex::encode(&udt.name).bytes().all(|digit| digit.is_ascii_digit());
            in_vector && is_number || udt.fields.iter().any(|(_, field)| has(field))
        }
        CqlType::Vector(vector) => has_number_in_vector(&vector.element, true),
        _ => false,
    }
}

/// Returns true if the cell is known not to round-trip.
pub(crate) fn differs(way: Way, cell: &Cell<'_>) -> bool {
    DIFFERENCES.iter().any(|of| of.ways.contains(&way) && of.applies(cell))
}

impl Difference {
    fn applies(&self, cell: &Cell<'_>) -> bool {
        (self.applies)(&cell.column.cql_type, cell.value)
    }
}

/// Fails if a known difference no longer exists, so that its entry is deleted.
pub(crate) fn known_differences_still_exist(node: &Node, protocol: Version) -> Result<(), Failed> {
    for difference in DIFFERENCES {
        for &way in difference.ways {
            is_there(node, &Sides::new(node, protocol, way)?, difference)?;
        }
    }
    Ok(())
}

fn is_there(node: &Node, sides: &Sides<'_>, difference: &Difference) -> Result<(), Failed> {
    let Difference { name, reason, .. } = difference;
    let rows = node.shared.tables(node)?.iter().flat_map(|table| table.rows("known"));
    let mut cells = rows.flat_map(|Row { table, key, cells }| {
        let cells = cells.into_iter().filter(|cell| difference.applies(cell));
        cells.map(move |cell| Row { table, key: key.clone(), cells: vec![cell] })
    });
    let mut are_tried = false;
    let is_there = cells.any(|cell| {
        are_tried = true;
        !sides.differences(&cell).is_empty()
    });
    match are_tried {
        true if is_there => Ok(()),
        true => Err(format!("the difference `{name}` is gone ({reason}): delete its entry").into()),
        // Only Cassandra 5 has vectors.
        false if !node.is_at_least("5") => Ok(()),
        false => Err(format!("no value matches the entry `{name}`: delete or correct it").into()),
    }
}

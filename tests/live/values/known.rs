//! What the Python driver is known to have otherwise.

use cqlwire::types::{CqlType, Value};
use cqlwire::wire::Version;
use libtest_mimic::Failed;

use super::round_trip::{Sides, Way};
use super::table::{Cell, Row};
use crate::fleet::Node;
use crate::hex;
use crate::plain::has;

/// Values that do not come through, by the ways that they go.
struct Difference {
    name: &'static str,
    reason: &'static str,
    ways: &'static [Way],
    applies: fn(&CqlType, &Value) -> bool,
}

const TO_PYTHON: &[Way] = &[Way::ToPython];
const FROM_PYTHON: &[Way] = &[Way::FromPython];
const BOTH: &[Way] = &[Way::ToPython, Way::FromPython];

/// Milliseconds around 1970 in which a float of seconds has microseconds: some 136 years.
const NEAR: u64 = 1 << 42;

const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "far_instants",
        reason: "it computes with seconds as a float, and has no years but 1 to 9999",
        ways: TO_PYTHON,
        applies: |_, value| {
            has(value, &|part| match part {
                Value::Timestamp(instant) => instant.0.unsigned_abs() > NEAR,
                _ => false,
            })
        },
    },
    Difference {
        name: "empty_values",
        reason: "it reads values of no bytes as null, and cannot write them",
        ways: BOTH,
        applies: |_, value| has(value, &|part| *part == Value::Empty),
    },
    Difference {
        name: "least_scale",
        reason: "it takes the scale's sign away in 32 bits, which are one too few",
        ways: TO_PYTHON,
        applies: |_, value| {
            has(value, &|part| match part {
                Value::Decimal(number) => number.scale == i32::MIN,
                _ => false,
            })
        },
    },
    Difference {
        name: "user_types_in_class_names",
        reason: "it takes the hex of a type's name for a vector's dimensions, if all of it are digits",
        ways: BOTH,
        applies: |cql_type, _| has_number_in_vector(cql_type, false),
    },
    Difference {
        name: "short_user_types",
        reason: "it writes all fields of a user-defined type, and wants all of them",
        ways: FROM_PYTHON,
        applies: |_, value| {
            has(value, &|part| match part {
                Value::Udt { udt, fields } => fields.len() < udt.fields.len(),
                _ => false,
            })
        },
    },
    Difference {
        name: "composites",
        reason: "it takes them apart when it reads them, and does not put them together",
        ways: BOTH,
        applies: |cql_type, value| {
            *value != Value::Null
                && matches!(cql_type, CqlType::Custom(class) if class.contains("CompositeType"))
        },
    },
];

/// Whether a type in a vector has a name whose hex looks like a number.
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

/// Whether it is known that the cell does not come through.
pub(crate) fn differs(way: Way, cell: &Cell<'_>) -> bool {
    DIFFERENCES.iter().any(|of| of.ways.contains(&way) && of.applies(cell))
}

impl Difference {
    fn applies(&self, cell: &Cell<'_>) -> bool {
        (self.applies)(&cell.column.cql_type, cell.value)
    }
}

/// Every known difference is still one: when a defect of the driver is gone, its entry has to go, too.
pub(crate) fn are_there(node: &Node, protocol: Version) -> Result<(), Failed> {
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
        true => Err(format!("they agree: delete the entry {name} ({reason})").into()),
        // Vectors are in the newest Cassandra only.
        false if !node.is_at_least("5") => Ok(()),
        false => Err(format!("there is nothing that the entry {name} applies to").into()),
    }
}

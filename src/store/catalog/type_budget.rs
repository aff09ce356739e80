//! A bound on the size of the types that one definition contains.

use crate::message::ServerError;
use crate::store::error::invalid;
use crate::types::{CqlType, MAX_TYPE_DEPTH, UdtType};

/// Limit on the parts of one user-defined type, and of all columns of one table. A reference to a
/// user-defined type counts as its whole definition, so a few short definitions can expand
/// exponentially.
const MAX_PARTS: usize = 100_000;

/// The parts that a definition may still have.
///
/// Counting stops at the limit. It therefore takes bounded time, however large the types are.
#[derive(Debug)]
pub(super) struct TypeBudget {
    parts: usize,
}

impl TypeBudget {
    pub(super) const fn new() -> Self {
        Self { parts: MAX_PARTS }
    }

    /// Counts one part at a depth, without the types that it contains. The outermost type has depth
    /// 1.
    ///
    /// # Errors
    /// Returns an INVALID error if the definition is too large or too deep.
    pub(super) fn spend_part(&mut self, depth: usize) -> Result<(), ServerError> {
        if depth > MAX_TYPE_DEPTH {
            return Err(invalid(format!(
                "MockServer does not support types that nest deeper than {MAX_TYPE_DEPTH}"
            )));
        }
        self.parts = self.parts.checked_sub(1).ok_or_else(|| {
            invalid(format!(
                "MockServer does not support user-defined types and tables with more than {MAX_PARTS} \
                 parts"
            ))
        })?;
        Ok(())
    }

    /// Counts a type and the types that it contains.
    ///
    /// # Errors
    /// Returns an INVALID error if the definition is too large or too deep.
    pub(super) fn spend(&mut self, cql_type: &CqlType, depth: usize) -> Result<(), ServerError> {
        self.spend_changed(cql_type, depth, None)
    }

    /// Counts a type in which `changed` replaces the user-defined type of the same name.
    ///
    /// # Errors
    /// Returns an INVALID error if the definition is too large or too deep.
    pub(super) fn spend_changed(
        &mut self,
        cql_type: &CqlType,
        depth: usize,
        changed: Option<&UdtType>,
    ) -> Result<(), ServerError> {
        self.spend_part(depth)?;
        let mut inner = |of: &CqlType| self.spend_changed(of, depth.saturating_add(1), changed);
        match cql_type {
            CqlType::Native(_) | CqlType::Custom(_) => Ok(()),
            CqlType::List(of) | CqlType::Set(of) => inner(of),
            CqlType::Vector(vector) => inner(&vector.element),
            CqlType::Map(types) => inner(&types.0).and_then(|()| inner(&types.1)),
            CqlType::Tuple(types) => types.iter().try_for_each(inner),
            CqlType::Udt(udt) => {
                let is_changed = |of: &&UdtType| of.keyspace == udt.keyspace && of.name == udt.name;
                let fields = &changed.filter(is_changed).unwrap_or(udt).fields;
                fields.iter().try_for_each(|(_, of)| inner(of))
            }
        }
    }
}

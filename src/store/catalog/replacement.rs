//! The replacement of a user-defined type in the types that contain it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::types::{CqlType, UdtType};

/// Returns true if a type is, or contains, the user-defined type of this name.
pub(super) fn references(cql_type: &CqlType, keyspace: &str, name: &str) -> bool {
    let inner = |of: &CqlType| references(of, keyspace, name);
    match cql_type {
        CqlType::Udt(udt) => {
            udt.keyspace == keyspace && udt.name == name
                || udt.fields.iter().any(|(_, field)| inner(field))
        }
        CqlType::List(of) | CqlType::Set(of) => inner(of),
        CqlType::Map(types) => inner(&types.0) || inner(&types.1),
        CqlType::Tuple(types) => types.iter().any(inner),
        CqlType::Vector(vector) => inner(&vector.element),
        CqlType::Native(_) | CqlType::Custom(_) => false,
    }
}

/// The replacement of a user-defined type by its changed definition. Types that share a definition
/// share the new one, too.
pub(super) struct Replacement<'c> {
    changed: &'c Arc<UdtType>,
    /// The new definitions by the address of the old ones, which are kept so that no other type gets
    /// their address.
    replaced: HashMap<*const UdtType, (Arc<UdtType>, Arc<UdtType>)>,
}

impl<'c> Replacement<'c> {
    pub(super) fn new(changed: &'c Arc<UdtType>) -> Self {
        Self { changed, replaced: HashMap::new() }
    }

    /// Returns a type with the changed definition.
    pub(super) fn apply(&mut self, cql_type: &CqlType) -> CqlType {
        let changed = self.changed;
        let mut inner = |of: &CqlType| self.apply(of);
        match cql_type {
            CqlType::Udt(udt) if udt.keyspace == changed.keyspace && udt.name == changed.name => {
                CqlType::Udt(Arc::clone(changed))
            }
            CqlType::Udt(udt) => CqlType::Udt(self.definition(udt)),
            CqlType::List(of) => CqlType::List(Box::new(inner(of))),
            CqlType::Set(of) => CqlType::Set(Box::new(inner(of))),
            CqlType::Map(types) => CqlType::Map(Box::new((inner(&types.0), inner(&types.1)))),
            CqlType::Tuple(types) => CqlType::Tuple(types.iter().map(inner).collect()),
            CqlType::Vector(vector) => CqlType::vector(inner(&vector.element), vector.dimensions),
            CqlType::Native(_) | CqlType::Custom(_) => cql_type.clone(),
        }
    }

    /// Returns another user-defined type with the changed definition.
    pub(super) fn definition(&mut self, udt: &Arc<UdtType>) -> Arc<UdtType> {
        if let Some((_, new)) = self.replaced.get(&Arc::as_ptr(udt)) {
            return Arc::clone(new);
        }
        let fields = udt.fields.iter().map(|(name, of)| (name.clone(), self.apply(of))).collect();
        let (keyspace, name) = (udt.keyspace.clone(), udt.name.clone());
        let new = Arc::new(UdtType { keyspace, name, fields });
        self.replaced.insert(Arc::as_ptr(udt), (Arc::clone(udt), Arc::clone(&new)));
        new
    }
}

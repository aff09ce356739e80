//! CREATE, ALTER and DROP TYPE.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::lookup::{keyspace_of, modifiable_keyspace};
use super::replacement::{Replacement, references};
use super::type_budget::TypeBudget;
use super::type_name::{DefinedType, define, is_open_user_type, qualified_text};
use super::{Catalog, Changed, Keyspace, UserType, type_change};
use crate::cql::{AlterType, CreateType, DropElement, TableName, TypeChange};
use crate::message::{SchemaChangeKind, ServerError};
use crate::store::error::invalid;
use crate::store::schema::ColumnKind;
use crate::types::{CqlType, UdtType};

impl Keyspace {
    /// Returns the type with this name of a column of a table. The table's columns share a budget.
    pub(super) fn define(
        &self,
        type_name: &str,
        budget: &mut TypeBudget,
    ) -> Result<DefinedType, ServerError> {
        self.define_at(type_name, (budget, 1))
    }

    fn define_at(
        &self,
        type_name: &str,
        place: (&mut TypeBudget, usize),
    ) -> Result<DefinedType, ServerError> {
        let find = |name: &str| self.types.get(name).map(|of| Arc::clone(&of.udt));
        define(type_name, &self.name, &find, place)
    }

    /// Returns an error if a type or a table of the keyspace becomes too large when a type changes.
    fn check_growth(&self, changed: &UdtType) -> Result<(), ServerError> {
        for user_type in self.types.values() {
            let of = CqlType::Udt(Arc::clone(&user_type.udt));
            TypeBudget::new().spend_changed(&of, 1, Some(changed))?;
        }
        for table in self.tables.values() {
            let mut budget = TypeBudget::new();
            for column in &table.schema.columns {
                budget.spend_changed(&column.cql_type, 1, Some(changed))?;
            }
        }
        Ok(())
    }

    /// Replaces the definition of a type everywhere in the keyspace.
    fn replace_type(&mut self, changed: &Arc<UdtType>) {
        let mut replacement = Replacement::new(changed);
        let uses = |of: &CqlType| references(of, &changed.keyspace, &changed.name);
        for user_type in self.types.values_mut() {
            if user_type.udt.fields.iter().any(|(_, field)| uses(field)) {
                user_type.udt = replacement.definition(&user_type.udt);
            }
        }
        for table in self.tables.values_mut() {
            if table.schema.columns.iter().any(|column| uses(&column.cql_type)) {
                let mut schema = (*table.schema).clone();
                for column in &mut schema.columns {
                    column.cql_type = replacement.apply(&column.cql_type);
                }
                table.schema = Arc::new(schema);
            }
        }
    }
}

impl Catalog {
    /// Creates a user-defined type.
    pub(in crate::store) fn create_type(
        &mut self,
        create: &CreateType,
        current: Option<&str>,
    ) -> Changed {
        let CreateType { if_not_exists, name, fields } = create;
        let keyspace = self.target(keyspace_of(name, current)?)?;
        let name = &name.name;
        if keyspace.types.contains_key(name) {
            return match if_not_exists {
                true => Ok(None),
                false => Err(invalid(format!("A user type with name '{name}' already exists"))),
            };
        }
        let mut types = Vec::with_capacity(fields.len());
        let mut known = HashSet::with_capacity(fields.len());
        let mut budget = TypeBudget::new();
        budget.spend_part(1)?;
        for (field, cql_type) in fields {
            if !known.insert(field) {
                return Err(invalid(format!("Duplicate field name '{field}' in type '{name}'")));
            }
            types.push(define_field(keyspace, &cql_type.0, &mut budget)?);
        }
        let names = fields.iter().map(|(field, _)| field.clone());
        let udt = Arc::new(UdtType {
            keyspace: keyspace.name.clone(),
            name: name.clone(),
            fields: names.zip(types.iter().map(|of| of.cql_type.clone())).collect(),
        });
        let field_types = types.iter().map(DefinedType::text).collect();
        keyspace.types.insert(name.clone(), UserType { udt, field_types });
        Ok(Some(type_change(SchemaChangeKind::Created, &keyspace.name, name)))
    }

    /// Changes the fields of a user-defined type.
    pub(in crate::store) fn alter_type(
        &mut self,
        alter: &AlterType,
        current: Option<&str>,
    ) -> Changed {
        let AlterType { if_exists, name: type_name, change } = alter;
        let keyspace_name = modifiable_keyspace(type_name, current)?;
        let name = &type_name.name;
        let keyspace = self.keyspaces.get_mut(keyspace_name);
        let Some(keyspace) = keyspace.filter(|keyspace| keyspace.types.contains_key(name)) else {
            return match if_exists {
                true => Ok(None),
                false => Err(invalid(format!("Type {keyspace_name}.{name} doesn't exist"))),
            };
        };
        let Some(mut user_type) = keyspace.types.get(name).cloned() else { return Ok(None) };
        let mut udt = (*user_type.udt).clone();
        match change {
            TypeChange::AlterType { .. } => {
                return Err(invalid("Altering field types is no longer supported"));
            }
            TypeChange::Add { if_not_exists, field, cql_type } => {
                if udt.fields.iter().any(|(known, _)| known == field) {
                    return match if_not_exists {
                        true => Ok(None),
                        false => Err(invalid(format!(
                            "Cannot add field {field} to type {keyspace_name}.{name}: a field with \
                             name {field} already exists"
                        ))),
                    };
                }
                let mut budget = TypeBudget::new();
                budget.spend(&CqlType::Udt(Arc::clone(&user_type.udt)), 1)?;
                let defined = define_field(keyspace, &cql_type.0, &mut budget)?;
                check_field(keyspace, name, field, &cql_type.0, &defined)?;
                user_type.field_types.push(defined.text());
                udt.fields.push((field.clone(), defined.cql_type));
                keyspace.check_growth(&udt)?;
            }
            TypeChange::Rename { if_exists, fields } => {
                rename(&mut udt, fields, *if_exists)?;
            }
        }
        user_type.udt = Arc::new(udt);
        keyspace.replace_type(&user_type.udt);
        let changed = type_change(SchemaChangeKind::Updated, &keyspace.name, name);
        keyspace.types.insert(name.clone(), user_type);
        Ok(Some(changed))
    }

    /// Drops a user-defined type that nothing uses.
    pub(in crate::store) fn drop_type(
        &mut self,
        drop: &DropElement<TableName>,
        current: Option<&str>,
    ) -> Changed {
        let keyspace_name = modifiable_keyspace(&drop.name, current)?;
        let name = &drop.name.name;
        let keyspace = self.keyspaces.get_mut(keyspace_name);
        let Some(keyspace) = keyspace.filter(|keyspace| keyspace.types.contains_key(name)) else {
            return match drop.if_exists {
                true => Ok(None),
                false => Err(invalid(format!("Type '{keyspace_name}.{name}' doesn't exist"))),
            };
        };
        let uses = |of: &CqlType| references(of, keyspace_name, name);
        let types = keyspace.types.iter().filter(|(known, of)| {
            *known != name && of.udt.fields.iter().any(|(_, field)| uses(field))
        });
        let types: Vec<_> = types.map(|(known, _)| known.as_str()).collect();
        let tables = keyspace
            .tables
            .iter()
            .filter(|(_, of)| of.schema.columns.iter().any(|column| uses(&column.cql_type)));
        let tables: Vec<_> = tables.map(|(known, _)| known.as_str()).collect();
        for (kind, users) in [("user types", types), ("tables", tables)] {
            if !users.is_empty() {
                return Err(invalid(format!(
                    "Cannot drop user type '{keyspace_name}.{name}' as it is still used by {kind} {}",
                    users.join(", ")
                )));
            }
        }
        keyspace.types.remove(name);
        Ok(Some(type_change(SchemaChangeKind::Dropped, keyspace_name, name)))
    }
}

/// Returns the type of a field.
fn define_field(
    keyspace: &Keyspace,
    type_name: &str,
    budget: &mut TypeBudget,
) -> Result<DefinedType, ServerError> {
    if is_open_user_type(type_name)? {
        return Err(invalid("A user type cannot contain non-frozen UDTs"));
    }
    let defined = keyspace.define_at(type_name, (budget, 2))?;
    match defined.is_counter() {
        true => Err(invalid("A user type cannot contain counters")),
        false => Ok(defined),
    }
}

/// Returns an error if a type may not have a new field.
fn check_field(
    keyspace: &Keyspace,
    name: &str,
    field: &str,
    type_text: &str,
    defined: &DefinedType,
) -> Result<(), ServerError> {
    let type_text = qualified_text(type_text, &keyspace.name)?;
    let name_text = format!("{}.{name}", keyspace.name);
    if references(&defined.cql_type, &keyspace.name, name) {
        return Err(invalid(format!(
            "Cannot add new field {field} of type {type_text} to user type {name_text} as it would \
             create a circular reference"
        )));
    }
    let uses = |of: &&super::Table| {
        let mut columns = of.schema.columns.iter();
        columns.any(|column| {
            column.kind == ColumnKind::PartitionKey
                && references(&column.cql_type, &keyspace.name, name)
        })
    };
    let tables: Vec<_> =
        keyspace.tables.values().filter(uses).map(|of| of.schema.name.to_string()).collect();
    match tables.is_empty() {
        true => Ok(()),
        false => Err(invalid(format!(
            "Cannot add new field {field} of type {type_text} to user type {name_text} as the type is \
             being used in partition key by the following tables: {}",
            tables.join(", ")
        ))),
    }
}

fn rename(
    udt: &mut UdtType,
    renames: &[(String, String)],
    if_exists: bool,
) -> Result<(), ServerError> {
    let old: Vec<_> = udt.fields.iter().map(|(name, _)| name.clone()).collect();
    let positions: HashMap<_, _> = old.iter().zip(0_usize..).collect();
    for (from, to) in renames {
        match positions.get(from).copied() {
            Some(index) => {
                if let Some((name, _)) = udt.fields.get_mut(index) {
                    name.clone_from(to);
                }
            }
            None if if_exists => {}
            None => {
                let (keyspace, name) = (&udt.keyspace, &udt.name);
                return Err(invalid(format!("Unkown field {from} in user type {keyspace}.{name}")));
            }
        }
    }
    let mut known = HashSet::with_capacity(old.len());
    match udt.fields.iter().find(|(name, _)| !known.insert(name)) {
        // The server formats this error with its arguments in the wrong order.
        Some((name, _)) => {
            Err(invalid(format!("Duplicate field name {name} in type {}", udt.keyspace)))
        }
        None => Ok(()),
    }
}

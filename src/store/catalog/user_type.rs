//! CREATE, ALTER and DROP TYPE.

use std::sync::Arc;

use super::lookup::{check_modifiable, keyspace_of};
use super::type_name::{
    DefinedType, define, is_open_user_type, qualified_text, references, replace,
};
use super::{Catalog, Changed, Keyspace, UserType, type_change};
use crate::cql::{AlterType, CreateType, DropElement, TableName, TypeChange};
use crate::message::{SchemaChangeKind, ServerError};
use crate::store::error::invalid;
use crate::store::schema::ColumnKind;
use crate::types::{CqlType, UdtType};

impl Keyspace {
    /// Returns the type with this name in a definition.
    pub(super) fn define(&self, type_name: &str) -> Result<DefinedType, ServerError> {
        let find = |name: &str| self.types.get(name).map(|of| Arc::clone(&of.udt));
        define(type_name, &self.name, &find)
    }

    /// Replaces the definition of a type everywhere in the keyspace.
    fn replace_type(&mut self, changed: &Arc<UdtType>) {
        for user_type in self.types.values_mut() {
            if references(
                &CqlType::Udt(Arc::clone(&user_type.udt)),
                &changed.keyspace,
                &changed.name,
            ) && let CqlType::Udt(udt) =
                replace(&CqlType::Udt(Arc::clone(&user_type.udt)), changed)
            {
                user_type.udt = udt;
            }
        }
        for table in self.tables.values_mut() {
            let uses = |of: &CqlType| references(of, &changed.keyspace, &changed.name);
            if table.schema.columns.iter().any(|column| uses(&column.cql_type)) {
                let mut schema = (*table.schema).clone();
                for column in &mut schema.columns {
                    column.cql_type = replace(&column.cql_type, changed);
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
        for (index, (field, cql_type)) in fields.iter().enumerate() {
            if fields.iter().take(index).any(|(known, _)| known == field) {
                return Err(invalid(format!("Duplicate field name '{field}' in type '{name}'")));
            }
            types.push(define_field(keyspace, &cql_type.0)?);
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
        let keyspace_name = keyspace_of(type_name, current)?;
        check_modifiable(keyspace_name)?;
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
                let defined = define_field(keyspace, &cql_type.0)?;
                check_field(keyspace, name, field, &cql_type.0, &defined)?;
                user_type.field_types.push(defined.text());
                udt.fields.push((field.clone(), defined.cql_type));
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
        let keyspace_name = keyspace_of(&drop.name, current)?;
        check_modifiable(keyspace_name)?;
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
fn define_field(keyspace: &Keyspace, type_name: &str) -> Result<DefinedType, ServerError> {
    if is_open_user_type(type_name)? {
        return Err(invalid("A user type cannot contain non-frozen UDTs"));
    }
    let defined = keyspace.define(type_name)?;
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
    let old = udt.fields.clone();
    for (from, to) in renames {
        match old.iter().position(|(known, _)| known == from) {
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
    let mut fields = udt.fields.iter().enumerate();
    let repeated = fields
        .find(|(index, (name, _))| udt.fields.iter().take(*index).any(|(known, _)| known == name));
    match repeated {
        // The server formats this error with its arguments in the wrong order.
        Some((_, (name, _))) => {
            Err(invalid(format!("Duplicate field name {name} in type {}", udt.keyspace)))
        }
        None => Ok(()),
    }
}

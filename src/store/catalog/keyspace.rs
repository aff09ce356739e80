//! CREATE, ALTER and DROP KEYSPACE.

use std::collections::BTreeSet;

use super::lookup::{already_exists, check_modifiable, is_valid_name};
use super::options::{self, OptionMap, boolean, check_names, class, map};
use super::{Catalog, Changed, Keyspace};
use crate::cql::{AlterKeyspace, CreateKeyspace, DropElement, Options};
use crate::message::{SchemaChange, SchemaChangeKind, SchemaTarget, ServerError};
use crate::store::error::{config, invalid};

const PACKAGE: &str = "org.apache.cassandra.locator";
const STRATEGIES: [&str; 3] = ["LocalStrategy", "NetworkTopologyStrategy", "SimpleStrategy"];

/// The replication factor of a keyspace that has none.
const DEFAULT_FACTOR: &str = "1";

impl Catalog {
    /// Creates a keyspace.
    pub(in crate::store) fn create_keyspace(&mut self, create: &CreateKeyspace) -> Changed {
        let CreateKeyspace { if_not_exists, name, options } = create;
        let (replication, durable_writes) = read(options)?;
        let replication =
            replication.ok_or_else(|| invalid("Missing mandatory option 'replication'"))?;
        if name.starts_with("system_") || name == "system" {
            return Err(invalid(format!("System keyspace '{name}' is not user-modifiable")));
        }
        if !is_valid_name(name) {
            return Err(invalid(format!(
                "Keyspace name must not be empty and must contain alphanumeric or underscore characters \
                 only (got \"{name}\")"
            )));
        }
        if self.keyspaces.contains_key(name) {
            return match if_not_exists {
                true => Ok(None),
                false => Err(already_exists(name, "")),
            };
        }
        let keyspace = Keyspace {
            name: name.clone(),
            replication: check_replication(name, replication, &self.datacenters)?,
            durable_writes: durable_writes.unwrap_or(true),
            types: Default::default(),
            tables: Default::default(),
        };
        self.keyspaces.insert(name.clone(), keyspace);
        Ok(Some(change(SchemaChangeKind::Created, name)))
    }

    /// Changes the options of a keyspace.
    pub(in crate::store) fn alter_keyspace(&mut self, alter: &AlterKeyspace) -> Changed {
        let AlterKeyspace { if_exists, name, options } = alter;
        check_modifiable(name)?;
        let (replication, durable_writes) = read(options)?;
        let Some(keyspace) = self.keyspaces.get_mut(name) else {
            return missing(*if_exists, name);
        };
        if let Some(replication) = replication {
            keyspace.replication = check_replication(name, replication, &self.datacenters)?;
        }
        keyspace.durable_writes = durable_writes.unwrap_or(keyspace.durable_writes);
        Ok(Some(change(SchemaChangeKind::Updated, name)))
    }

    /// Drops a keyspace with all its tables.
    pub(in crate::store) fn drop_keyspace(&mut self, drop: &DropElement<String>) -> Changed {
        let DropElement { if_exists, name } = drop;
        check_modifiable(name)?;
        match self.keyspaces.remove(name) {
            Some(_) => Ok(Some(change(SchemaChangeKind::Dropped, name))),
            None => missing(*if_exists, name),
        }
    }
}

fn missing(if_exists: bool, name: &str) -> Changed {
    match if_exists {
        true => Ok(None),
        false => Err(invalid(format!("Keyspace '{name}' doesn't exist"))),
    }
}

fn change(kind: SchemaChangeKind, keyspace: &str) -> SchemaChange {
    SchemaChange { kind, target: SchemaTarget::Keyspace { keyspace: keyspace.to_owned() } }
}

/// Reads the options of a keyspace: those of the replication strategy, and `durable_writes`.
fn read(options: &Options) -> Result<(Option<OptionMap>, Option<bool>), ServerError> {
    check_names(options, &["replication", "durable_writes"])?;
    let replication = map(options, "replication")?;
    if let Some(given) = &replication
        && !given.is_empty()
        && !given.iter().any(|(name, _)| name == "class")
    {
        return Err(config("Missing replication strategy class"));
    }
    Ok((replication, boolean(options, "durable_writes")?))
}

/// Returns the options of a replication strategy as `system_schema.keyspaces` has them.
fn check_replication(
    keyspace: &str,
    mut given: OptionMap,
    datacenters: &BTreeSet<String>,
) -> Result<OptionMap, ServerError> {
    let name = options::remove(&mut given, "class").unwrap_or_default();
    let full = class(&name, PACKAGE, &STRATEGIES, "replication strategy")?;
    let short = full.rsplit('.').next().unwrap_or_default();
    match short {
        "LocalStrategy" => {
            return Err(invalid(
                "Unable to use given strategy class: LocalStrategy is reserved for internal use.",
            ));
        }
        "SimpleStrategy" => {
            if !given.iter().any(|(name, _)| name == "replication_factor") {
                given.push(("replication_factor".to_owned(), DEFAULT_FACTOR.to_owned()));
            }
            if let Some((name, _)) = given.iter().find(|(name, _)| name != "replication_factor") {
                return Err(config(format!(
                    "Unrecognized strategy option {{{name}}} passed to SimpleStrategy for keyspace \
                     {keyspace}"
                )));
            }
        }
        _ => {
            // `replication_factor` is stored for each datacenter that has no factor of its own.
            let factor = options::remove(&mut given, "replication_factor");
            let factor = factor.or_else(|| given.is_empty().then(|| DEFAULT_FACTOR.to_owned()));
            for datacenter in datacenters {
                let has_own = given.iter().any(|(name, _)| name == datacenter);
                if let Some(factor) = factor.as_ref().filter(|_| !has_own) {
                    given.push((datacenter.clone(), factor.clone()));
                }
            }
            if let Some((name, _)) = given.iter().find(|(name, _)| !datacenters.contains(name)) {
                return Err(config(format!(
                    "Unrecognized strategy option {{{name}}} passed to NetworkTopologyStrategy for \
                     keyspace {keyspace}"
                )));
            }
        }
    }
    for (_, factor) in &given {
        match factor.parse::<i32>() {
            Ok(0..) => {}
            Ok(number) => {
                return Err(config(format!(
                    "Replication factor must be non-negative, found {number}"
                )));
            }
            Err(_) => return Err(config(format!("For input string: \"{factor}\""))),
        }
    }
    given.sort();
    given.insert(0, ("class".to_owned(), full));
    Ok(given)
}

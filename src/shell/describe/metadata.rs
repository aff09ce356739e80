//! The schema of a server that does not execute DESCRIBE, in the words of cqlsh 5.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::layout::{head, in_columns, ranges};
use super::request::{Kind, Names, Request};
use super::schema_rows::{read_keyspace, read_keyspace_names, read_keyspaces};
use crate::cli::Failure;
use crate::cluster::schema::{Index, Keyspace, UserType};
use crate::cluster::{ClusterState, Node};
use crate::schema::ExportedName;
use crate::session::Session;

/// The keyspaces of the server itself, which DESCRIBE SCHEMA leaves out.
const SYSTEM_KEYSPACES: [&str; 5] =
    ["system", "system_schema", "system_traces", "system_auth", "system_distributed"];

/// Returns the text that cqlsh prints for a command. `current` is the current keyspace.
///
/// # Errors
/// Returns an error in the words of cqlsh if there is no such object, or an error if the schema cannot be
/// read.
pub(super) async fn description(
    session: &Session,
    request: &Request,
    current: Option<&str>,
) -> Result<String, Failure> {
    Ok(match request {
        Request::Keyspaces => {
            let names = read_keyspace_names(session).await?;
            format!("\n{}\n", in_columns(&names.iter().map(exported).collect::<Vec<_>>()))
        }
        Request::Names(names) => match current {
            Some(keyspace) => {
                let keyspace = existing_keyspace(session, keyspace).await?;
                format!("\n{}\n", in_columns(&names.of(&keyspace)))
            }
            None => {
                let in_keyspace = |keyspace: &Arc<Keyspace>| {
                    let head = head(&exported(&keyspace.name));
                    format!("{head}{}\n", in_columns(&names.of(keyspace)))
                };
                let keyspaces = read_keyspaces(session).await?;
                format!("\n{}", keyspaces.iter().map(in_keyspace).collect::<String>())
            }
        },
        Request::Cluster => cluster(session, current).await?,
        Request::Schema { full } => {
            let keyspaces = read_keyspaces(session).await?;
            let is_shown = |keyspace: &&Arc<Keyspace>| {
                *full || !SYSTEM_KEYSPACES.contains(&keyspace.name.as_str())
            };
            let texts = keyspaces.iter().filter(is_shown).map(|keyspace| keyspace.export());
            format!("\n{}", texts.map(|text| text + "\n\n").collect::<String>())
        }
        Request::Keyspace { name, only } => {
            let name = name.as_deref().or(current);
            let name = name.ok_or_else(|| Failure::Text("Not in any keyspace.".to_owned()))?;
            let keyspace = existing_keyspace(session, name).await?;
            let text = if *only { keyspace.export_alone() } else { keyspace.export() };
            format!("\n{text}\n\n")
        }
        Request::Element { kind, keyspace, name } => {
            let keyspace = keyspace.as_deref().or(current).ok_or_else(no_keyspace)?;
            element(&*existing_keyspace(session, keyspace).await?, *kind, name)?
        }
        Request::Any(name) => match (read_keyspace(session, name).await?, current) {
            (Some(keyspace), _) => format!("\n{}\n\n", keyspace.export()),
            (None, Some(current)) => {
                element(&*existing_keyspace(session, current).await?, Kind::Any, name)?
            }
            (None, None) => return Err(Failure::Text(format!("'{name}' not found in keyspaces"))),
        },
    })
}

fn no_keyspace() -> Failure {
    Failure::Text("No keyspace specified and no current keyspace".to_owned())
}

/// Reads a keyspace.
///
/// # Errors
/// Returns an error if there is none, or if it cannot be read.
async fn existing_keyspace(session: &Session, name: &str) -> Result<Arc<Keyspace>, Failure> {
    let keyspace = read_keyspace(session, name).await?;
    keyspace.ok_or_else(|| Failure::Text(format!("Keyspace '{name}' not found.")))
}

impl Names {
    /// Returns the names that a keyspace contains.
    fn of(self, keyspace: &Keyspace) -> Vec<String> {
        match self {
            Self::Tables => keyspace.tables.keys().map(exported).collect(),
            Self::Types => keyspace.types.keys().map(exported).collect(),
            Self::Functions => {
                let functions = keyspace.functions_in_order();
                functions.into_iter().map(|function| function.exported_signature()).collect()
            }
            Self::Aggregates => {
                let aggregates = keyspace.aggregates_in_order();
                aggregates.into_iter().map(|aggregate| aggregate.exported_signature()).collect()
            }
        }
    }
}

/// Returns the statements that create an element of a keyspace, between line ends. cqlsh prints an empty
/// line after everything but a type.
///
/// # Errors
/// Returns an error if the keyspace has no such element.
fn element(keyspace: &Keyspace, kind: Kind, name: &str) -> Result<String, Failure> {
    match kinds(kind).iter().find_map(|kind| Some((kind, export(keyspace, *kind, name)?))) {
        Some((Kind::Type, text)) => Ok(format!("\n{text}\n")),
        Some((_, text)) => Ok(format!("\n{text}\n\n")),
        None => Err(Failure::Text(not_found(keyspace, kind, name))),
    }
}

/// Returns the kinds of the elements that a command may name, in the order in which they are searched.
const fn kinds(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Table => &[Kind::Table],
        Kind::Type => &[Kind::Type],
        Kind::Index => &[Kind::Index],
        Kind::View => &[Kind::View],
        Kind::Function => &[Kind::Function],
        Kind::Aggregate => &[Kind::Aggregate],
        Kind::Any => &[Kind::Table, Kind::Index, Kind::View],
    }
}

/// Returns the statements that create an element, or `None` if there is none of this kind. Functions and
/// aggregates may share a name, and are all described.
fn export(keyspace: &Keyspace, kind: Kind, name: &str) -> Option<String> {
    let joined = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join("\n\n"));
    match kind {
        Kind::Table => keyspace.tables.get(name).map(|table| keyspace.export_table(table)),
        Kind::Type => keyspace.types.get(name).map(UserType::export),
        Kind::Index => {
            let mut indexes = keyspace.tables.values().filter_map(|table| table.indexes.get(name));
            indexes.next().map(Index::export)
        }
        Kind::View => keyspace.views.get(name).map(|view| view.export()),
        Kind::Function => {
            let functions = keyspace.functions_in_order().into_iter();
            joined(functions.filter(|of| of.name == name).map(|of| of.export()).collect())
        }
        Kind::Aggregate => {
            let aggregates = keyspace.aggregates_in_order().into_iter();
            joined(aggregates.filter(|of| of.name == name).map(|of| of.export()).collect())
        }
        Kind::Any => None,
    }
}

fn not_found(keyspace: &Keyspace, kind: Kind, name: &str) -> String {
    let element = match kind {
        Kind::Table => "Column family",
        Kind::Type => "User type",
        Kind::Index => "Index",
        Kind::View => "Materialized view",
        Kind::Function => "User defined function",
        Kind::Aggregate => "User defined aggregate",
        Kind::Any => return format!("'{name}' not found in keyspace '{}'", keyspace.name),
    };
    format!("{element} '{name}' not found")
}

async fn cluster(session: &Session, current: Option<&str>) -> Result<String, Failure> {
    let select = "SELECT cluster_name, partitioner FROM system.local";
    let mut rows = session.stream::<(String, String)>(select, ());
    let (cluster, partitioner) = rows.try_next().await?.unwrap_or_default();
    let partitioner = partitioner.strip_prefix("org.apache.cassandra.dht.").unwrap_or(&partitioner);
    let keyspace = current.filter(|keyspace| *keyspace != "system");
    let owners = keyspace.map(|keyspace| ranges(range_owners(&session.cluster(), keyspace)));
    let owners = owners.unwrap_or_default();
    Ok(format!("\nCluster: {cluster}\nPartitioner: {partitioner}\n\n{owners}"))
}

/// Returns the last token of each range of the ring, and the addresses of the replicas of the range.
/// There are none if each node has rows of its own, as in `system_schema`.
fn range_owners(cluster: &ClusterState, keyspace: &str) -> Vec<(String, Vec<String>)> {
    let tokens = cluster.nodes().iter().flat_map(|node| node.info().tokens.iter().copied());
    let tokens: BTreeSet<_> = tokens.collect();
    let address = |node: &Arc<Node>| node.address().ip().to_string();
    let owners = tokens.into_iter().map(|token| {
        (token.value().to_string(), cluster.replicas(keyspace, token).map(address).collect())
    });
    owners.filter(|(_, replicas): &(_, Vec<_>)| !replicas.is_empty()).collect()
}

fn exported(name: impl AsRef<str>) -> String {
    ExportedName(name.as_ref()).to_string()
}

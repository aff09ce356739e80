//! SHOW: properties of the connection.

use std::sync::Arc;

use super::command::Show;
use super::connector::Connector;
use super::failure::UnitError;
use super::format::Style;
use super::output::Output;
use super::python::repr;
use super::settings::Settings;
use super::trace;
use crate::cluster::Node;
use crate::session::Session;

/// The version of cqlsh whose behaviour the shell has.
const CQLSH_VERSION: &str = "6.2.2";

/// Prints a property of the connection, which `connector` opened.
///
/// # Errors
/// Returns an error if it cannot be read, or if the output cannot be written.
pub(super) async fn show(
    session: &Session,
    connector: &Connector,
    settings: &Settings,
    output: &mut Output,
    subject: Show,
) -> Result<(), UnitError> {
    let line = match subject {
        Show::Version => version(session).await?,
        Show::Host => {
            let name = session.cluster().name().to_owned();
            let name = match settings.values.is_colored {
                true => Style::Collection.paint(&name),
                false => name,
            };
            let host = connector.first_host().unwrap_or_default();
            format!("Connected to {name} at {host}")
        }
        Show::Session(id) => return trace::print(session, settings, output, id).await,
        Show::Replicas(token, keyspace) => replicas(session, token, keyspace)?,
    };
    Ok(output.print(line)?)
}

/// Returns the line of SHOW VERSION.
async fn version(session: &Session) -> Result<String, UnitError> {
    let select = "SELECT release_version, cql_version FROM system.local WHERE key = 'local'";
    let failed = |error| UnitError::of_statement(select, &error, session);
    let result = session.execute(select, ()).await.map_err(failed)?;
    let (release, cql) = result.one::<(String, String)>().map_err(failed)?;
    let cluster = session.cluster();
    let connection = cluster.connected_nodes().first().and_then(|node| node.connection());
    let protocol = connection.map_or(0, |connection| connection.context().version.number());
    Ok(format!(
        "[cqlsh {CQLSH_VERSION} | Cassandra {release} | CQL spec {cql} | Native protocol v{protocol}]"
    ))
}

/// Returns the line of SHOW REPLICAS.
fn replicas(session: &Session, token: i64, keyspace: Option<String>) -> Result<String, UnitError> {
    let Some(keyspace) = keyspace.or_else(|| session.keyspace()) else {
        let text = "SHOW REPLICAS needs a keyspace: name one after the token, or USE one";
        return Err(UnitError::failed(text));
    };
    let cluster = session.cluster();
    let address = |node: &Arc<Node>| repr(&node.address().ip().to_string());
    let replicas: Vec<_> = cluster.replicas(&keyspace, token.into()).map(address).collect();
    Ok(format!("[{}]", replicas.join(", ")))
}

//! SHOW: properties of the connection.

use super::command::Show;
use super::engine::Engine;
use super::failure::UnitError;
use super::format::Style;
use super::python::repr;
use super::trace;
use crate::cli::ConnectArgs;

/// The version of cqlsh whose behaviour the shell has.
const CQLSH_VERSION: &str = "6.2.2";

/// Prints a property of the connection.
///
/// # Errors
/// Returns an error if it cannot be read, or if the output cannot be written.
pub(super) async fn show(engine: &mut Engine, subject: Show) -> Result<(), UnitError> {
    let line = match subject {
        Show::Version => version(engine).await?,
        Show::Host => {
            let name = engine.session.cluster().name().to_owned();
            let name = match engine.settings.values.is_colored {
                true => Style::Collection.paint(&name),
                false => name,
            };
            let host = engine.connect.as_ref().map(ConnectArgs::first_host);
            format!("Connected to {name} at {}", host.unwrap_or_default())
        }
        Show::Session(id) => {
            let Engine { session, settings, output, .. } = engine;
            return trace::print(session, settings, output, id).await;
        }
        Show::Replicas(token, keyspace) => replicas(engine, token, keyspace)?,
    };
    Ok(engine.output.print(line)?)
}

/// Returns the line of SHOW VERSION.
async fn version(engine: &Engine) -> Result<String, UnitError> {
    let select = "SELECT release_version, cql_version FROM system.local WHERE key = 'local'";
    let failed = |error| UnitError::of_statement(select, &error, &engine.session);
    let result = engine.session.execute(select, ()).await.map_err(failed)?;
    let (release, cql) = result.one::<(String, String)>().map_err(failed)?;
    let cluster = engine.session.cluster();
    let connection = cluster.connected_nodes().first().and_then(|node| node.connection());
    let protocol = connection.map_or(0, |connection| connection.context().version.number());
    Ok(format!(
        "[cqlsh {CQLSH_VERSION} | Cassandra {release} | CQL spec {cql} | Native protocol v{protocol}]"
    ))
}

/// Returns the line of SHOW REPLICAS.
fn replicas(engine: &Engine, token: i64, keyspace: Option<String>) -> Result<String, UnitError> {
    let Some(keyspace) = keyspace.or_else(|| engine.session.keyspace()) else {
        let text = "SHOW REPLICAS needs a keyspace: name one after the token, or USE one";
        return Err(UnitError::failed(text));
    };
    let cluster = engine.session.cluster();
    let address =
        |node: &std::sync::Arc<crate::cluster::Node>| repr(&node.address().ip().to_string());
    let replicas: Vec<_> = cluster.replicas(&keyspace, token.into()).map(address).collect();
    Ok(format!("[{}]", replicas.join(", ")))
}

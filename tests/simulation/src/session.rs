//! The cluster and the session of a simulation.

use cqlwire::{
    session::{ExecutionProfile, Session, SessionBuilder, SpeculativeExecution, Throttle},
    testing::MockCluster,
};
use cqlwire_model::{SECRET, Tables};

use crate::settings::{SessionKeyspace, Settings, datacenter};

/// The keyspace of the load.
pub(crate) const KEYSPACE: &str = "simulation";

/// The user name of the sessions, and their password, which no text may show.
pub(crate) const USER: (&str, &str) = ("ada", SECRET);

pub(crate) async fn start_cluster(settings: &Settings) -> MockCluster {
    let (version, has_login) = (settings.version, settings.has_login);
    let datacenters = settings.datacenters.iter().enumerate();
    let cluster = datacenters.fold(MockCluster::builder(), |cluster, (index, nodes)| {
        cluster.datacenter(&datacenter(index), *nodes)
    });
    let cluster = cluster.configure(move |node| {
        let node = node.version(version).graceful_disconnect();
        if has_login { node.credentials(USER.0, USER.1) } else { node }
    });
    cluster.start().await.expect("the addresses of a new network are free")
}

/// Returns the builder of the session under test.
pub(crate) fn builder(settings: &Settings, contact_points: &[String]) -> SessionBuilder {
    let mut profile = ExecutionProfile::new();
    if let Some(delay) = settings.speculation {
        profile = profile.speculative_execution(SpeculativeExecution::after(delay));
    }
    let mut builder = Session::builder()
        .contact_points(contact_points)
        .protocol_version(settings.version)
        .compression(settings.compression)
        .credentials(USER.0, USER.1)
        .timeout(settings.timeout)
        .prepared_cache_size(settings.prepared_cache)
        .connections_per_node(settings.connections_per_node)
        .fetch_schema(settings.reads_schema)
        .default_profile(&profile)
        .connection(|options| options.max_in_flight = settings.max_in_flight);
    if let Some(index) = settings.local_datacenter {
        builder = builder.local_datacenter(datacenter(index));
    }
    if settings.keyspace == SessionKeyspace::InBuilder {
        builder = builder.keyspace(KEYSPACE);
    }
    match settings.throttle {
        Some(requests) => builder.throttle(Throttle::concurrent(requests)),
        None => builder,
    }
}

/// Switches the session to its keyspace, and prepares the statements of the load.
pub(crate) async fn prepare(
    session: &Session,
    settings: &Settings,
) -> Result<Tables, cqlwire::Error> {
    if settings.keyspace == SessionKeyspace::ByUse {
        session.execute(format!("USE {KEYSPACE}"), ()).await?;
    }
    let tables = match settings.keyspace {
        SessionKeyspace::InStatements => Tables::prepare(session, KEYSPACE).await?,
        _ => Tables::prepare_unqualified(session, KEYSPACE).await?,
    };
    Ok(match settings.page_size {
        Some(rows) => tables.page_size(rows),
        None => tables,
    })
}

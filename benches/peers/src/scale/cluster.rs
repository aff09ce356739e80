//! Clusters of many nodes and tokens: connecting, and events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use rustix::time::ClockId;

use super::sample::runtime;
use super::server::Server;
use super::{Servers, head};
use crate::driver::load::{SELECT, time};
use crate::driver::median;

/// Numbers of nodes, and of tokens of each.
const CLUSTERS: [(usize, usize); 8] =
    [(3, 16), (3, 256), (10, 16), (10, 256), (100, 16), (100, 256), (1_000, 16), (1_000, 256)];

/// Number of turns of each driver.
const TURNS: usize = 5;

/// Time after an event in which a driver reads the tables.
const EVENT_TIME: Duration = Duration::from_millis(500);

/// The CPU times of one turn, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// From the start of connecting to the first answer.
    connect: f64,
    /// The same, and the first read of the schema.
    schema_read: f64,
    schema_event: f64,
    up_event: f64,
    new_node: f64,
}

pub fn table(filter: &str, servers: &Servers) -> Result<(), String> {
    let name = |(nodes, tokens): (usize, usize)| format!("{nodes} nodes, {tokens} tokens");
    let title = format!(
        "CPU time of a session that connects to one of many nodes, in milliseconds, ours / scylla: the median \
         of {TURNS} turns."
    );
    let columns = [
        "cluster",
        "to the first answer",
        "with the schema",
        "schema event",
        "node is up",
        "new node",
    ];
    if servers.real_node.is_some()
        || !head(&title, &columns, filter, CLUSTERS.into_iter().map(name))
    {
        return Ok(());
    }
    for cluster in CLUSTERS.into_iter().filter(|cluster| name(*cluster).contains(filter)) {
        let (nodes, tokens) = cluster;
        let mut server = Server::start(&format!("nodes {nodes} {tokens}"))?;
        let turns: Vec<_> = (0..TURNS).map(|_| [ours(&mut server), scylla(&mut server)]).collect();
        let cell = |value: fn(&Turn) -> f64| {
            let of = |driver: usize| {
                median(turns.iter().map(|turn| value(&turn[driver])).collect()).unwrap_or(f64::NAN)
            };
            format!("{:.2} / {:.2}", of(0), of(1))
        };
        let cells = [
            cell(|turn| turn.connect),
            cell(|turn| turn.schema_read),
            cell(|turn| turn.schema_event),
            cell(|turn| turn.up_event),
            cell(|turn| turn.new_node),
        ];
        println!("| {} | {} |", name(cluster), cells.join(" | "));
    }
    Ok(())
}

/// Runs a turn. `connect` returns a session after its first answer.
fn turn<S>(server: &mut Server, connect: impl AsyncFnOnce(SocketAddr) -> S) -> Turn {
    server.command("reset");
    let (runtime, address) = (runtime(), server.address());
    let begin = time(ClockId::ProcessCPUTime);
    let millis = || (time(ClockId::ProcessCPUTime) - begin).as_secs_f64() * 1e3;
    let session = runtime.block_on(connect(address));
    let connect = millis();
    sleep(EVENT_TIME);
    let schema_read = millis();
    let mut event = |command| {
        let before = millis();
        server.command(command);
        sleep(EVENT_TIME);
        millis() - before
    };
    let (schema_event, up_event, new_node) = (event("schema"), event("up"), event("new"));
    drop(session);
    Turn { connect, schema_read, schema_event, up_event, new_node }
}

fn ours(server: &mut Server) -> Turn {
    use cqlwire::cluster::{ClusterState, Distance, LoadBalancing, Node, NodeInfo, Routing};
    use cqlwire::session::Session;

    /// Connects to the node of the contact point only, because the others do not exist.
    #[derive(Debug)]
    struct OneNode(SocketAddr);

    impl LoadBalancing for OneNode {
        fn distance(&self, node: &NodeInfo, _: Option<&str>) -> Distance {
            match node.address == self.0 {
                true => Distance::Local,
                false => Distance::Ignored,
            }
        }

        fn pick(
            &self,
            request: &Routing<'_>,
            cluster: &ClusterState,
            tried: &[Arc<Node>],
        ) -> Option<Arc<Node>> {
            // The replicas, as a policy that knows the token needs them.
            if let (Some(keyspace), Some(token)) = (request.keyspace, request.token) {
                assert_eq!(cluster.replicas(keyspace, token).len(), 3);
            }
            let is_usable = |node: &&Arc<Node>| node.is_connected() && tried.is_empty();
            cluster.nodes().iter().find(is_usable).cloned()
        }
    }

    turn(server, async |address| {
        let builder = Session::builder().contact_points([address]).keyspace("bench");
        let session = builder.load_balancing(OneNode(address)).connect().await.unwrap();
        let select = session.prepare(SELECT).await.unwrap();
        session.execute(&select, (1_i64,)).await.unwrap();
        session
    })
}

fn scylla(server: &mut Server) -> Turn {
    use scylla::client::session_builder::SessionBuilder;
    use scylla::policies::host_filter::AllowListHostFilter;

    turn(server, async |address| {
        let filter = AllowListHostFilter::new([address]).unwrap();
        let builder = SessionBuilder::new().known_node(address.to_string());
        let builder = builder.use_keyspace("bench", false).host_filter(Arc::new(filter));
        let session = builder.build().await.unwrap();
        let select = session.prepare(SELECT).await.unwrap();
        session.execute_unpaged(&select, (1_i64,)).await.unwrap();
        assert!(session.get_cluster_state().get_keyspace("bench").is_some());
        session
    })
}

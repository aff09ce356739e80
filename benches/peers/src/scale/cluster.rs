//! Clusters of many nodes and tokens: connecting, and events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use rustix::time::ClockId;

use super::Servers;
use super::curves::{self, Point};
use super::report::{Bar, Table, pair};
use super::sample::{median_figures, runtime};
use super::server::Server;
use crate::driver::load::{SELECT, time};

/// Numbers of nodes, and of tokens of each.
const CLUSTERS: [(usize, usize); 8] =
    [(3, 16), (3, 256), (10, 16), (10, 256), (100, 16), (100, 256), (1_000, 16), (1_000, 256)];

/// Number of turns of each driver.
const TURNS: usize = 5;

/// Time after an event in which a driver reads the tables.
const EVENT_TIME: Duration = Duration::from_millis(500);

/// Maximum figures of ours for the largest cluster: the figures of [`turn`].
const BARS: [(&str, f64); 5] = [
    ("first answer", 100.0),
    ("", f64::INFINITY),
    ("schema event", 3.0),
    ("node is up", 20.0),
    ("new node", 20.0),
];

/// Number of tokens of the clusters of the cost curve.
const CURVE_TOKENS: usize = 256;

pub fn table(filter: &str, servers: &Servers) -> Result<usize, String> {
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
    if servers.real_node.is_some() {
        return Ok(0);
    }
    let Some(mut table) = Table::new(&title, &columns, filter, CLUSTERS.into_iter().map(name))
    else {
        return Ok(0);
    };
    let mut curve = Vec::new();
    for cluster in CLUSTERS.into_iter().filter(|cluster| name(*cluster).contains(filter)) {
        let (nodes, tokens) = cluster;
        let mut server = Server::start(&format!("nodes {nodes} {tokens}"))?;
        let turns: Vec<_> = (0..TURNS).map(|_| [ours(&mut server), scylla(&mut server)]).collect();
        let figures = median_figures(&turns);
        let cells = figures.map(|figures| pair(figures, 2));
        table.row(&name(cluster), &cells, &Bar::of_ours(BARS, figures));
        if tokens == CURVE_TOKENS {
            curve.push(Point::new(nodes, figures[0]));
        }
    }
    if filter.is_empty() {
        curves::write("nodes", &curve)?;
    }
    Ok(table.missed())
}

/// Runs a turn. `connect` returns a session after its first answer. Returns the CPU times to the first answer, the
/// same with the first read of the schema, and of a schema event, of a node that is up, and of a new node, in
/// milliseconds.
fn turn<S>(server: &mut Server, connect: impl AsyncFnOnce(SocketAddr) -> S) -> [f64; 5] {
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
    [connect, schema_read, schema_event, up_event, new_node]
}

fn ours(server: &mut Server) -> [f64; 5] {
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

fn scylla(server: &mut Server) -> [f64; 5] {
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

//! The nodes that get the requests while all nodes are up.

use std::collections::{BTreeMap, BTreeSet};

use cqlwire::cluster::DefaultBalancing;
use cqlwire::session::{ErrorKind, Session, Statement};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;

use super::super::nodes::Nodes;
use super::{in_datacenter, patient};
use crate::fleet::runtime;
use crate::only::Only;

/// Number of requests of which the nodes get equal shares.
const REQUESTS: usize = 100;

/// The datacenters and the numbers of their nodes.
const DATACENTERS: [(&str, [usize; 2]); 2] = [("dc1", [1, 2]), ("dc2", [3, 4])];

pub(super) fn local_nodes_get_equal_shares(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        for (datacenter, local) in DATACENTERS {
            let change = |builder| in_datacenter(datacenter)(patient(builder));
            let session = nodes.session(local[0], change).await?;
            for consistency in [Consistency::One, Consistency::LocalOne, Consistency::LocalQuorum] {
                assert_equal_shares(nodes, &session, consistency, &local).await?;
            }
        }
        Ok(())
    })
}

/// Asserts that these nodes get equal shares of requests without a partition key, and of requests for
/// one partition that has a replica on every node. The session must be [`patient`].
pub(super) async fn assert_equal_shares(
    nodes: &Nodes,
    session: &Session,
    consistency: Consistency,
    numbers: &[usize],
) -> Result<(), Failed> {
    // Without bind variables, the statement has no partition key.
    let any = session.prepare("SELECT k FROM load.outage LIMIT 1").await?;
    let one = session.prepare("SELECT k FROM load.outage WHERE k = ?").await?;
    let expected: BTreeSet<_> = numbers.iter().map(|number| nodes.address(*number)).collect();
    let share = REQUESTS / numbers.len();
    for (name, select, values) in [("any node", any, &[][..]), ("replicas", one, &[1][..])] {
        let select = select.consistency(consistency);
        let mut counts = BTreeMap::<_, usize>::new();
        for _ in 0..REQUESTS {
            let selected = session.execute(&select, values).await?;
            *counts.entry(selected.coordinator().address()).or_default() += 1;
        }
        eprintln!("{REQUESTS} requests at {consistency} to {name}: {counts:?}");
        assert_eq!(counts.keys().copied().collect::<BTreeSet<_>>(), expected);
        // The rotation restarts when the topology is read again, which a late event may cause.
        let is_fair = |count: &usize| count.abs_diff(share) <= REQUESTS / 20;
        assert!(counts.values().all(is_fair), "{counts:?}");
    }
    Ok(())
}

pub(super) fn local_replicas_get_the_requests(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        for (datacenter, [first, _]) in DATACENTERS {
            let session =
                nodes.session(first, |builder| in_datacenter(datacenter)(patient(builder))).await?;
            let select = session.prepare("SELECT k FROM one_in_each.by_one WHERE k = ?").await?;
            for key in 0..50 {
                let values = (format!("key {key}"),);
                let cluster = session.cluster();
                let token = select.token(&values, &cluster)?.ok_or("no token")?;
                let replicas = cluster.replicas("one_in_each", token);
                let mut local = replicas.filter(|node| node.datacenter() == datacenter);
                let local = local.next().ok_or("no local replica")?.address();
                let selected = session.execute(&select, values).await?;
                assert_eq!(selected.coordinator().address(), local, "key {key} in {datacenter}");
            }
        }
        Ok(())
    })
}

pub(super) fn refuses_an_unknown_local_datacenter(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let points = nodes.addresses();
        let builder = Session::builder().contact_points(points).local_datacenter("dc3");
        let remote = DefaultBalancing::new().remote_datacenters(true);
        let error = builder.load_balancing(remote).connect().await.expect_err("`dc3` is unknown");
        assert_eq!(error.kind(), ErrorKind::Config);
        let expected = "no node is in the local datacenter `dc3`: the cluster has `dc1`, `dc2`";
        assert!(error.to_string().contains(expected), "{error}");
        Ok(())
    })
}

/// A session without connections to the remote datacenter waits for its nodes nevertheless.
pub(super) fn schema_agreement_includes_the_remote_datacenter(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let local = nodes.connect(1, patient).await?;
        let remote = nodes.session(1, |builder| in_datacenter("dc1")(patient(builder))).await?;
        for number in 0..5 {
            let add = format!("ALTER TABLE one_in_each.by_one ADD c{number} int");
            assert!(local.execute(add, ()).await?.schema_agreed());
            let select =
                Statement::new(format!("SELECT c{number} FROM one_in_each.by_one LIMIT 1"));
            for node in [2, 3, 4] {
                let select = select.clone().load_balancing(Only(nodes.address(node)));
                remote.execute(select, ()).await?;
            }
        }
        assert_eq!(local.metrics().connected_nodes, 2);
        Ok(())
    })
}

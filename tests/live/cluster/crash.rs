//! A node that is killed and comes back: what sessions make of it.

use std::collections::BTreeSet;

use cassandra_harness::Node as Process;
use cqlwire::message::{Event, StatusChange};
use cqlwire::session::{Session, Statement};
use libtest_mimic::Failed;
use tokio::time::Instant;

use super::load::{self, Load};
use super::nodes::{Nodes, Only, soon, until};
use super::schema::is_heard_of;
use crate::fleet::runtime;

/// A node is killed that a session watches the cluster from, and that other sessions have under load.
pub(super) fn no_request_fails(nodes: &Nodes) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let session = nodes.session(1, |builder| builder).await?;
        load::create(nodes, &session, "crash").await?;
        let watcher = nodes.session(2, |builder| builder).await?;
        let user = nodes.session(1, |builder| builder.connections_per_node(2)).await?;
        user.execute("USE system", ()).await?;
        every_connection_uses(nodes, &user, "local", &[1, 2, 3]).await?;

        let load = Load::start(&session, "crash").await?;
        load.goes_on_for(1_500).await?;
        nodes.on(2, Process::kill).await?;
        load.goes_on_for(3_000).await?;
        let acknowledged = load.finish().await?;

        let mut events = watcher.events();
        is_watched_from_elsewhere(nodes, &watcher).await?;
        user.execute("USE load", ()).await?;
        every_connection_uses(nodes, &user, "crash", &[1, 3]).await?;

        let select = session.prepare("SELECT v FROM load.crash WHERE k = ?").await?;
        nodes.on(2, Process::start).await?;
        let answers = Instant::now();
        let has_requests = async {
            for k in 0.. {
                let asked = session.execute(&select, (k,)).await?;
                if asked.coordinator().address() == nodes.address(2) {
                    break;
                }
            }
            Ok::<_, Failed>(())
        };
        soon("node 2 has requests again", has_requests).await??;
        // Two seconds are what we want it to be; how busy the machine is is not ours to say.
        eprintln!("a node that is back has requests after {:?}", answers.elapsed());
        let is_up = async {
            while let Some(event) = events.next().await {
                let address = nodes.address(2);
                if event == (Event::Status { change: StatusChange::Up, address }) {
                    return;
                }
            }
            panic!("the events have ended");
        };
        soon("the node is said to be up", is_up).await?;
        every_connection_uses(nodes, &user, "crash", &[1, 2, 3]).await?;
        nodes.all_are_up(&session, "load.crash").await?;
        load::are_there(&session, "crash", &acknowledged).await
    })
}

/// The nodes are still known, and what happens is still heard.
async fn is_watched_from_elsewhere(nodes: &Nodes, watcher: &Session) -> Result<(), Failed> {
    let mut events = watcher.events();
    let other = nodes.session_of(1).await?;
    // What happens before the watch is set up again is not heard of.
    let is_heard = async {
        let heard = is_heard_of(&mut events, "watched");
        let change = async {
            for n in 0.. {
                let create = "CREATE TABLE IF NOT EXISTS load.watched (k int PRIMARY KEY)";
                other.execute(create, ()).await?;
                other.execute(format!("ALTER TABLE load.watched ADD v{n} int"), ()).await?;
            }
            Ok::<_, Failed>(())
        };
        tokio::select! {
            () = heard => Ok(()),
            changed = change => changed,
        }
    };
    soon("changes are heard of", is_heard).await??;
    until("the change is read", || watcher.cluster().schema().table("load", "watched").is_some())
        .await?;
    let known = watcher.cluster();
    let known: BTreeSet<_> = known.nodes().iter().map(|node| node.address()).collect();
    assert_eq!(known, nodes.addresses().into_iter().collect());
    Ok(())
}

/// Both connections of each node find a table of the keyspace by its name alone.
async fn every_connection_uses(
    nodes: &Nodes,
    user: &Session,
    table: &str,
    numbers: &[usize],
) -> Result<(), Failed> {
    for number in numbers {
        let address = nodes.address(*number);
        until("both connections are open", || {
            let state = user.cluster();
            let node = state.nodes().iter().find(|node| node.address() == address);
            node.is_some_and(|node| node.open_connections() == 2)
        })
        .await?;
        let select = Statement::new(format!("SELECT * FROM {table} LIMIT 1"));
        let select = select.load_balancing(Only(address));
        // They take turns.
        for _ in 0..4 {
            user.execute(&select, ()).await?;
        }
    }
    Ok(())
}

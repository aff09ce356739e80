//! Applies the faults of nodes, answers and clocks at their times.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cqlwire::{
    message::Event,
    testing::{Fault, FaultId, MockCluster, MockServer},
    wire::Version,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

use uuid::Uuid;

use crate::{
    network::Network,
    node_event::NodeEvent,
    report::Report,
    schedule::{Schedule, ScheduledFault},
    server_fault::ServerFault,
    world::WallClock,
};

/// Time within which the session must have connected and prepared its statements in spite of the faults.
/// Each connection that has faults may have to be closed after a silence of 35 seconds.
const LONGEST: Duration = Duration::from_secs(24 * 35);

/// The task that applies faults, until they are ended.
pub(crate) struct Director {
    stage: Stage,
    task: JoinHandle<()>,
    begin: Instant,
}

/// The objects of faults. Clones share them.
#[derive(Clone)]
struct Stage {
    cluster: Arc<MockCluster>,
    network: Network,
    clock: WallClock,
    /// The version of the session.
    version: Version,
    /// The first addresses of the nodes.
    addresses: Arc<[SocketAddr]>,
    done: Arc<Mutex<Done>>,
}

/// The faults that were applied.
#[derive(Default)]
struct Done {
    node_events: Vec<NodeEvent>,
    /// The nodes that answer wrongly.
    answers: Vec<(usize, FaultId, ServerFault)>,
    /// The refusals of a version that have not ended.
    refusals: Vec<(usize, FaultId)>,
    /// Number of changes of addresses.
    moves: u8,
    jumps: u64,
}

impl Director {
    pub(crate) fn start(
        schedule: &Schedule,
        network: &Network,
        clock: &WallClock,
        cluster: MockCluster,
    ) -> Self {
        let (network, clock) = (network.clone(), clock.clone());
        let (cluster, version) = (Arc::new(cluster), schedule.settings.version);
        let addresses = cluster.nodes().iter().map(MockServer::address).collect();
        let done = Arc::default();
        let stage = Stage { cluster, network, clock, version, addresses, done };
        let mut events: Vec<_> = schedule
            .faults
            .iter()
            .filter_map(|fault| Some((fault.time()?, fault.clone())))
            .collect();
        events.sort_by_key(|(at, _)| *at);
        let (begin, of_task) = (Instant::now(), stage.clone());
        let task = tokio::spawn(async move {
            for (at, fault) in events {
                sleep_until(begin + at).await;
                of_task.apply(&fault).await;
            }
        });
        Self { stage, task, begin }
    }

    /// Returns the present addresses of all nodes.
    pub(crate) fn contact_points(&self) -> Vec<String> {
        self.stage.cluster.contact_points()
    }

    /// Returns true if a request may fail because of a fault.
    pub(crate) fn has_faults(&self) -> bool {
        self.begin.elapsed() < LONGEST
    }

    /// Ends all faults, and adds those that were applied to a report.
    pub(crate) async fn end_faults(&self, report: &mut Report) {
        self.task.abort();
        // Lets the tasks of a node that was being stopped release its address.
        sleep(Duration::from_millis(1)).await;
        let Stage { cluster, network, .. } = &self.stage;
        network.heal();
        for index in 0..cluster.nodes().len() {
            cluster.add_node(index).await.expect("the address of the node is its own");
            cluster.nodes()[index].set_schema_version(None);
        }
        let done = std::mem::take(&mut *self.stage.done());
        report.jumps = done.jumps;
        for event in done.node_events {
            *report.node_events.entry(event).or_default() += 1;
        }
        for (node, id, fault) in done.answers {
            let times = cluster.nodes()[node].fault_count(id).unwrap_or_default() as u64;
            let key = (fault.kind, fault.target, fault.executes);
            *report.answers.entry(key).or_default() += times;
        }
        cluster.nodes().iter().for_each(MockServer::clear_faults);
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stage {
    async fn apply(&self, fault: &ScheduledFault) {
        match *fault {
            ScheduledFault::Node { node, event, .. } => {
                self.done().node_events.push(event);
                self.apply_node_event(node, event).await;
            }
            ScheduledFault::Server { node, fault, .. } => {
                let id = self.cluster.nodes()[node].add_fault(fault.to_fault());
                self.done().answers.push((node, id, fault));
            }
            ScheduledFault::Clock { micros, .. } => {
                self.done().jumps += 1;
                self.clock.jump(micros);
            }
            ScheduledFault::Connection { .. } | ScheduledFault::Cancel { .. } => {}
        }
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn apply_node_event(&self, index: usize, event: NodeEvent) {
        let server = &self.cluster.nodes()[index];
        let node = self.network.node(server.address());
        match event {
            NodeEvent::Stop => self.cluster.stop_node(index).await,
            NodeEvent::Start => {
                let started = self.cluster.start_node(index).await;
                started.expect("the address of the node is its own");
            }
            NodeEvent::Freeze => node.set_frozen(true),
            NodeEvent::Thaw => node.set_frozen(false),
            NodeEvent::Unreachable => node.set_unreachable(true),
            NodeEvent::Reachable => node.set_unreachable(false),
            NodeEvent::CloseConnections => server.close_connections(),
            NodeEvent::ForgetPrepared => server.forget_prepared(),
            NodeEvent::GracefulDisconnect => server.emit(Event::GracefulDisconnect),
            NodeEvent::Remove => self.cluster.remove_node(index).await,
            NodeEvent::Add => {
                let added = self.cluster.add_node(index).await;
                added.expect("the address of the node is its own");
            }
            NodeEvent::ChangeAddress => {
                let address = self.new_address(index);
                self.change_address(index, address).await;
            }
            NodeEvent::RestoreAddress => self.change_address(index, self.addresses[index]).await,
            NodeEvent::Disagree => server.set_schema_version(Some(Uuid::nil())),
            NodeEvent::Agree => server.set_schema_version(None),
            NodeEvent::Downgrade => {
                let id = server.add_fault(Fault::refuse_version(self.version));
                self.done().refusals.push((index, id));
            }
            NodeEvent::Upgrade => {
                let mut done = self.done();
                done.refusals.retain(|(node, id)| *node != index || !server.remove_fault(*id));
            }
        }
    }

    /// Returns an address that no node has had, in a network of its own.
    fn new_address(&self, index: usize) -> SocketAddr {
        let mut done = self.done();
        done.moves += 1;
        let mut address = self.addresses[index];
        if let IpAddr::V4(ip) = address.ip() {
            let [a, b, _, d] = ip.octets();
            address.set_ip([a, b, done.moves, d].into());
        }
        address
    }

    /// Restarts the node at another address, and ends the freeze and the unreachability of its old one.
    async fn change_address(&self, index: usize, address: SocketAddr) {
        let before = self.network.node(self.cluster.nodes()[index].address());
        let changed = self.cluster.change_address(index, address).await;
        changed.expect("the address of the node is its own");
        before.set_frozen(false);
        before.set_unreachable(false);
    }
}

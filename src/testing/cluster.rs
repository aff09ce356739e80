//! Several servers in one process that form a cluster.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::node_info::{DEFAULT_DATACENTER, NodeInfo};
use super::server::MockServer;
use super::shared::SharedState;
use crate::environment::Listener;
use crate::message::{Event, StatusChange, TopologyChange};

/// A cluster of [`MockServer`]s in one process: each node has its own loopback address, and all have
/// the same port.
///
/// The nodes report each other in their system tables, with racks, datacenters, host ids and tokens
/// that give each node an equal share of the ring.
///
/// Linux accepts connections on all addresses from 127.0.0.1 to 127.255.255.254. On macOS, add the
/// addresses first: `sudo ifconfig lo0 alias 127.0.0.2`.
///
/// ```
/// use std::time::Duration;
///
/// use cqlwire::session::Session;
/// use cqlwire::testing::MockCluster;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = MockCluster::start(3).await?;
/// let contact_points = cluster.contact_points();
/// let session = Session::builder().contact_points(contact_points).connect().await?;
/// while session.metrics().connected_nodes < 3 {
///     tokio::time::sleep(Duration::from_millis(1)).await;
/// }
/// cluster.stop_node(0).await; // the other nodes report it as down
/// session.execute("SELECT cluster_name FROM system.local", ()).await?;
/// cluster.start_node(0).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MockCluster {
    nodes: Vec<MockServer>,
    members: Mutex<Vec<Member>>,
}

/// A node, as the other nodes list it.
#[derive(Debug)]
struct Member {
    info: NodeInfo,
    /// True unless the node was removed.
    is_member: bool,
}

/// The configuration of a [`MockCluster`], from [`MockCluster::builder`].
#[must_use]
pub struct MockClusterBuilder {
    address: SocketAddr,
    /// The datacenters and their numbers of nodes.
    datacenters: Vec<(String, usize)>,
    racks: usize,
    configure: Vec<ConfigureNode>,
}

type ConfigureNode = Box<dyn Fn(MockServer) -> MockServer + Send + Sync>;

impl fmt::Debug for MockClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockClusterBuilder")
            .field("address", &self.address)
            .field("datacenters", &self.datacenters)
            .field("racks", &self.racks)
            .finish_non_exhaustive()
    }
}

impl MockCluster {
    /// Starts a cluster of this many nodes in one datacenter, on the current tokio runtime. The nodes
    /// have the addresses from 127.0.0.1, and a port that is free on all of them.
    ///
    /// # Errors
    /// Returns an error if a node cannot listen on its address.
    pub async fn start(nodes: usize) -> io::Result<Self> {
        Self::builder().datacenter(DEFAULT_DATACENTER, nodes).start().await
    }

    /// Returns a builder for a cluster with several datacenters or racks, on chosen addresses, or with
    /// settings of [`MockServer`].
    ///
    /// ```
    /// use cqlwire::testing::{MockCluster, Reply};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let cluster = MockCluster::builder()
    ///     .datacenter("east", 3)
    ///     .datacenter("west", 2)
    ///     .configure(|node| node.credentials("ada", "secret").on_any(Reply::void()))
    ///     .start()
    ///     .await?;
    /// assert_eq!(cluster.nodes().len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> MockClusterBuilder {
        MockClusterBuilder {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            datacenters: Vec::new(),
            racks: 1,
            configure: Vec::new(),
        }
    }

    /// Returns the nodes, datacenter by datacenter.
    pub fn nodes(&self) -> &[MockServer] {
        &self.nodes
    }

    /// Changes the settings of each node, as [`MockClusterBuilder::configure`] does, while the cluster
    /// runs.
    #[must_use]
    pub fn configure(self, configure: impl Fn(MockServer) -> MockServer) -> Self {
        Self { nodes: self.nodes.into_iter().map(configure).collect(), ..self }
    }

    /// Returns the addresses of all nodes as text, for a driver's contact points.
    pub fn contact_points(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.address().to_string()).collect()
    }

    /// Stops a node: it closes its connections, forgets its prepared statements, and accepts no new
    /// connections. The other nodes send the event DOWN to clients that registered for it.
    ///
    /// # Panics
    /// Panics if there is no node with this index.
    pub async fn stop_node(&self, index: usize) {
        self.node(index).stop().await;
        self.emit_status(index, &StatusChange::Down);
    }

    /// Starts a node that was [stopped](Self::stop_node), on its address. The other nodes send the event
    /// UP to clients that registered for it. Does nothing if the node runs.
    ///
    /// # Errors
    /// Returns an error if the node cannot listen on its address.
    ///
    /// # Panics
    /// Panics if there is no node with this index.
    pub async fn start_node(&self, index: usize) -> io::Result<()> {
        if self.node(index).restart().await? {
            self.emit_status(index, &StatusChange::Up);
        }
        Ok(())
    }

    /// Removes a node from the cluster, as `nodetool decommission` does: the other nodes no longer list it,
    /// and send the event REMOVED_NODE; the node [stops](Self::stop_node). Its rows stay in the database.
    ///
    /// # Panics
    /// Panics if there is no node with this index.
    pub async fn remove_node(&self, index: usize) {
        self.change_member(index, |member| member.is_member = false);
        self.node(index).stop().await;
        self.emit_topology(index, TopologyChange::RemovedNode);
    }

    /// Adds a node that was [removed](Self::remove_node), and starts it. The other nodes list it again, and
    /// send the events NEW_NODE and UP.
    ///
    /// # Errors
    /// Returns an error if the node cannot listen on its address.
    ///
    /// # Panics
    /// Panics if there is no node with this index.
    pub async fn add_node(&self, index: usize) -> io::Result<()> {
        let was_member =
            self.change_member(index, |member| std::mem::replace(&mut member.is_member, true));
        if !was_member {
            self.emit_topology(index, TopologyChange::NewNode);
        }
        self.start_node(index).await
    }

    /// Gives a node another address, as when its machine gets another IP address: the node
    /// [stops](Self::stop_node), and starts on `address` with the same host id and tokens. The other nodes
    /// list it with that address, and send the events DOWN for the old address, and NEW_NODE and UP for
    /// the new one. A node that was [removed](Self::remove_node) uses the address when it is added again.
    ///
    /// ```
    /// use cqlwire::testing::MockCluster;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let cluster = MockCluster::start(2).await?;
    /// let mut address = cluster.nodes()[1].address();
    /// address.set_ip([127, 0, 0, 102].into());
    /// cluster.change_address(1, address).await?;
    /// assert_eq!(cluster.nodes()[1].address(), address);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the node cannot listen on the address. The node is then stopped, and the other
    /// nodes list it at the new address.
    ///
    /// # Panics
    /// Panics if there is no node with this index.
    pub async fn change_address(&self, index: usize, address: SocketAddr) -> io::Result<()> {
        let is_member = self.members().get(index).is_some_and(|member| member.is_member);
        if is_member {
            self.stop_node(index).await;
        }
        self.node(index).set_address(address);
        self.change_member(index, |member| member.info.address = address);
        if is_member {
            self.emit_topology(index, TopologyChange::NewNode);
            self.start_node(index).await?;
        }
        Ok(())
    }

    /// Changes what the other nodes report of a node. Returns the result of `change`.
    fn change_member<T>(&self, index: usize, change: impl FnOnce(&mut Member) -> T) -> T {
        let mut members = self.members();
        let nodes = members.len();
        let result = change(members.get_mut(index).unwrap_or_else(|| no_node(index, nodes)));
        let members = members.iter().filter(|member| member.is_member);
        let peers: Arc<[NodeInfo]> = members.map(|member| member.info.clone()).collect();
        self.nodes.iter().for_each(|node| node.set_peers(Arc::clone(&peers)));
        result
    }

    fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event from every node to the clients that registered for its type.
    pub fn emit(&self, event: &Event) {
        self.nodes.iter().for_each(|node| node.emit(event.clone()));
    }

    fn node(&self, index: usize) -> &MockServer {
        let nodes = self.nodes.len();
        self.nodes.get(index).unwrap_or_else(|| no_node(index, nodes))
    }

    /// Sends a status event about the node `index` from all other nodes.
    fn emit_status(&self, index: usize, change: &StatusChange) {
        let address = self.node(index).address();
        self.emit_from_others(index, &Event::Status { change: change.clone(), address });
    }

    /// Sends a topology event about the node `index` from all other nodes.
    fn emit_topology(&self, index: usize, change: TopologyChange) {
        let address = self.node(index).address();
        self.emit_from_others(index, &Event::Topology { change, address });
    }

    fn emit_from_others(&self, index: usize, event: &Event) {
        let others = self.nodes.iter().enumerate().filter(|(other, _)| *other != index);
        others.for_each(|(_, node)| node.emit(event.clone()));
    }
}

#[expect(clippy::panic, reason = "fails the test that names a node that does not exist")]
fn no_node(index: usize, nodes: usize) -> ! {
    panic!("no node {index}: the cluster has {nodes}")
}

impl MockClusterBuilder {
    /// Adds a datacenter with this many nodes. Default: one datacenter, `datacenter1`, with one node.
    ///
    /// A keyspace with `NetworkTopologyStrategy` can name the datacenters of the cluster and no others.
    pub fn datacenter(mut self, name: &str, nodes: usize) -> Self {
        self.datacenters.push((name.to_owned(), nodes));
        self
    }

    /// Sets the number of racks in each datacenter: `rack1`, `rack2` and so on. The nodes of a
    /// datacenter are assigned to the racks in turn. Default: 1.
    pub const fn racks(mut self, racks: usize) -> Self {
        self.racks = if racks == 0 { 1 } else { racks };
        self
    }

    /// Sets the address of the first node. Each further node has the next IP address and the same port.
    /// Port 0 selects a port that is free on all addresses. Default: 127.0.0.1, with port 0.
    pub const fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Applies settings of [`MockServer`] to each node, for example replies or
    /// [credentials](MockServer::credentials).
    pub fn configure(
        mut self,
        configure: impl Fn(MockServer) -> MockServer + Send + Sync + 'static,
    ) -> Self {
        self.configure.push(Box::new(configure));
        self
    }

    /// Starts the nodes on the current tokio runtime.
    ///
    /// # Errors
    /// Returns an error if a node cannot listen on its address.
    pub async fn start(mut self) -> io::Result<MockCluster> {
        if self.datacenters.is_empty() {
            self.datacenters.push((DEFAULT_DATACENTER.to_owned(), 1));
        }
        let listeners = listen(self.address, self.places().count()).await?;
        let mut infos = Vec::new();
        let nodes = u64::try_from(listeners.len()).unwrap_or(u64::MAX);
        for (index, (listener, (datacenter, rack))) in
            (0..).zip(listeners.iter().zip(self.places()))
        {
            let mut info = NodeInfo::new(listener.local_addr()?);
            (info.datacenter, info.rack) = (datacenter, rack);
            info.set_equal_share(index, nodes);
            infos.push(info);
        }
        let infos: Arc<[NodeInfo]> = infos.into();
        let shared = Arc::new(SharedState::new(&*infos));
        let start = |(listener, info): (Listener, &NodeInfo)| {
            let server =
                MockServer::start(listener, info.clone(), Arc::clone(&infos), Arc::clone(&shared));
            self.configure.iter().fold(server, |server, configure| configure(server))
        };
        let nodes = listeners.into_iter().zip(&*infos).map(start).collect();
        let member = |info: &NodeInfo| Member { info: info.clone(), is_member: true };
        let members = Mutex::new(infos.iter().map(member).collect());
        Ok(MockCluster { nodes, members })
    }

    /// Returns the datacenter and the rack of each node.
    fn places(&self) -> impl Iterator<Item = (String, String)> {
        self.datacenters.iter().flat_map(move |(name, nodes)| {
            (0..*nodes).map(move |index| {
                let rack = index.checked_rem(self.racks).unwrap_or_default().saturating_add(1);
                (name.clone(), format!("rack{rack}"))
            })
        })
    }
}

/// Number of ports that are tried until one is free on all addresses.
const ATTEMPTS: usize = 100;

/// Listens on `count` consecutive IP addresses, the first of which is that of `first`.
async fn listen(first: SocketAddr, count: usize) -> io::Result<Vec<Listener>> {
    let mut attempt = 1;
    loop {
        match try_listen(first, count).await {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && first.port() == 0
                    && attempt < ATTEMPTS =>
            {
                attempt = attempt.saturating_add(1);
            }
            result => return result,
        }
    }
}

async fn try_listen(first: SocketAddr, count: usize) -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    let mut address = first;
    for _ in 0..count {
        let listener = Listener::bind(address).await.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        })?;
        address.set_port(listener.local_addr()?.port());
        address.set_ip(next_ip(address.ip()));
        listeners.push(listener);
    }
    Ok(listeners)
}

fn next_ip(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => IpAddr::V4(ip.to_bits().wrapping_add(1).into()),
        IpAddr::V6(ip) => IpAddr::V6(ip.to_bits().wrapping_add(1).into()),
    }
}

//! A node of a cluster.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustls::ClientConfig;

use crate::{error::Error, log::Log, probe, recipe::Recipe, tool, watchdog::Watchdog};

/// Time that a node has to shut down before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Time limit of a `nodetool` command. Most take a second, the time that Java needs to start, but
/// `decommission` waits twice for the ring delay.
const NODETOOL_LIMIT: Duration = Duration::from_secs(180);

/// A node of a [`Cluster`](crate::Cluster). Its methods block and can be called from any thread.
///
/// Methods that control the node return [`Error::NotManaged`] if it came from the
/// [`Environment`](crate::Launcher::Environment).
#[derive(Debug)]
pub struct Node {
    address: Mutex<SocketAddr>,
    managed: Option<ManagedNode>,
}

impl Node {
    /// Creates a node that the harness runs.
    pub(crate) fn managed(address: SocketAddr, managed: ManagedNode) -> Self {
        Self { address: Mutex::new(address), managed: Some(managed) }
    }

    /// Creates a node that the harness does not control.
    pub(crate) fn external(address: SocketAddr) -> Self {
        Self { address: Mutex::new(address), managed: None }
    }

    /// Returns the node's address for clients. Only [`set_address`](Self::set_address) changes it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the path of the node's log, or `None` if the harness does not run the node.
    #[must_use]
    pub fn log_file(&self) -> Option<&Path> {
        self.managed.as_ref().map(|managed| managed.log.path())
    }

    /// Kills the node at once (SIGKILL), like a crash. Its data is kept. Does nothing if the node
    /// does not run.
    ///
    /// # Errors
    /// Returns [`Error::NotManaged`] if the harness does not run the node.
    pub fn kill(&self) -> Result<(), Error> {
        self.lock()?.take();
        Ok(())
    }

    /// Shuts the node down (SIGTERM) and waits until its process has ended. The node closes its
    /// connections and flushes its data. It is killed if it still runs after a minute.
    ///
    /// # Errors
    /// Returns [`Error::NotManaged`] if the harness does not run the node, or an error if the signal
    /// cannot be sent.
    pub fn stop(&self) -> Result<(), Error> {
        let mut process = self.lock()?;
        if let Some(watchdog) = &mut *process {
            watchdog.signal("TERM")?;
            // A paused node handles SIGTERM only after it is resumed.
            watchdog.signal("CONT")?;
            watchdog.wait(STOP_LIMIT);
        }
        process.take();
        Ok(())
    }

    /// Restarts the node on the same address and data, and waits until it answers clients. Does
    /// nothing if the node runs.
    ///
    /// # Errors
    /// Returns [`Error::NotManaged`] if the harness does not run the node, or
    /// [`Error::NodeNotReady`] if the node ends or does not answer in time.
    pub fn start(&self) -> Result<(), Error> {
        match &self.managed {
            Some(managed) => managed.start(self.address()),
            None => Err(Error::NotManaged(self.address())),
        }
    }

    /// Moves a stopped node to another loopback address, from its next start. It keeps its ports, its
    /// data and its host id. Other nodes must not be configured to find it at its old address, so the
    /// first node, which is the seed, must not move. On macOS, bring the address up first.
    ///
    /// # Errors
    /// Returns [`Error::NotManaged`] if the harness does not run the node, and an error if the node
    /// is in a container or its configuration cannot be written.
    pub fn set_address(&self, address: IpAddr) -> Result<(), Error> {
        let managed = self.managed.as_ref().ok_or(Error::NotManaged(self.address()))?;
        if !managed.recipe.set_address(address)? {
            return Err(Error::Unsupported(format!(
                "cannot move {}: the node is in a container; set CQLWIRE_CASSANDRA=java to run it \
                 with Java",
                self.address()
            )));
        }
        self.address.lock().unwrap_or_else(PoisonError::into_inner).set_ip(address);
        Ok(())
    }

    /// Freezes the node (SIGSTOP): its connections stay open, but it does not answer.
    ///
    /// # Errors
    /// Returns [`Error::NotManaged`] if the harness does not run the node, or an error if the signal
    /// cannot be sent.
    pub fn pause(&self) -> Result<(), Error> {
        self.signal("STOP")
    }

    /// Resumes a frozen node (SIGCONT).
    ///
    /// # Errors
    /// Returns [`Error::NotManaged`] if the harness does not run the node, or an error if the signal
    /// cannot be sent.
    pub fn resume(&self) -> Result<(), Error> {
        self.signal("CONT")
    }

    /// Returns true if the node's process runs, even if it is paused or still starting. For a node
    /// from the environment, returns true if it answers an OPTIONS request within a second.
    #[must_use]
    pub fn is_running(&self) -> bool {
        match &self.managed {
            Some(managed) => managed.lock().as_mut().is_some_and(|w| w.exit_status().is_none()),
            None => probe::is_ready(self.address(), None, Duration::from_secs(1)),
        }
    }

    /// Runs Cassandra's `nodetool` with these arguments on the node and returns its output, as in
    /// `node.nodetool(&["getendpoints", "k8s_test", "users", "ada"])`.
    ///
    /// # Errors
    /// Returns [`Error::NotManaged`] if the harness does not run the node, and an error if the node
    /// is in a container or the command fails.
    pub fn nodetool(&self, arguments: &[&str]) -> Result<String, Error> {
        let managed = self.managed.as_ref().ok_or(Error::NotManaged(self.address()))?;
        let Some(mut nodetool) = managed.recipe.nodetool() else {
            return Err(Error::Unsupported(format!(
                "cannot run nodetool on {}: the node is in a container; set CQLWIRE_CASSANDRA=java \
                 to run it with Java",
                self.address()
            )));
        };
        let name = format!("nodetool {}", arguments.join(" "));
        tool::run_successfully(&name, nodetool.args(arguments), NODETOOL_LIMIT)
    }

    /// Waits until the node's log contains `text`.
    pub(crate) fn wait_for_log(&self, text: &str) -> Result<(), Error> {
        match &self.managed {
            Some(managed) => managed.wait_for_log(text, self.address()),
            None => Err(Error::NotManaged(self.address())),
        }
    }

    fn signal(&self, name: &str) -> Result<(), Error> {
        self.lock()?.as_mut().map_or(Ok(()), |watchdog| watchdog.signal(name))
    }

    fn lock(&self) -> Result<MutexGuard<'_, Option<Watchdog>>, Error> {
        self.managed.as_ref().map(ManagedNode::lock).ok_or(Error::NotManaged(self.address()))
    }
}

/// A node that the harness starts and stops.
pub(crate) struct ManagedNode {
    version: String,
    log: Log,
    start_timeout: Duration,
    /// The TLS configuration for clients of the node, or `None` for plain connections.
    tls: Option<Arc<ClientConfig>>,
    /// Declared before `recipe`, because the process must be dropped before a container.
    process: Mutex<Option<Watchdog>>,
    recipe: Recipe,
}

impl ManagedNode {
    pub(crate) fn new(
        version: &str,
        recipe: Recipe,
        log: Log,
        start_timeout: Duration,
        tls: Option<Arc<ClientConfig>>,
    ) -> Self {
        let version = version.to_owned();
        Self { version, log, start_timeout, tls, process: Mutex::new(None), recipe }
    }

    /// Starts the node unless it runs already, and waits until it answers clients on `address`.
    pub(crate) fn start(&self, address: SocketAddr) -> Result<(), Error> {
        let mut process = self.lock();
        if process.as_mut().is_some_and(|watchdog| watchdog.exit_status().is_none()) {
            return Ok(());
        }
        let mut watchdog = self.recipe.start(&self.log)?;
        let answers = || probe::is_ready(address, self.tls.as_ref(), Duration::from_secs(1));
        self.wait_until(answers, "did not answer clients", address, &mut watchdog)?;
        *process = Some(watchdog);
        Ok(())
    }

    /// Waits until the log contains `text`. Returns at once if the node does not run.
    pub(crate) fn wait_for_log(&self, text: &str, address: SocketAddr) -> Result<(), Error> {
        let mut process = self.lock();
        let Some(watchdog) = &mut *process else { return Ok(()) };
        let failure = format!("did not log `{text}`");
        self.wait_until(|| self.log.contains(text), &failure, address, watchdog)
    }

    fn wait_until(
        &self,
        is_done: impl Fn() -> bool,
        failure: &str,
        address: SocketAddr,
        watchdog: &mut Watchdog,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + self.start_timeout;
        while !is_done() {
            if let Some(status) = watchdog.exit_status() {
                return Err(self.not_ready(address, &format!("ended while starting ({status})")));
            }
            if Instant::now() > deadline {
                let limit = self.start_timeout.as_secs();
                return Err(self.not_ready(address, &format!("{failure} within {limit} s")));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Watchdog>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn not_ready(&self, address: SocketAddr, problem: &str) -> Error {
        Error::NodeNotReady {
            problem: format!("Cassandra {} on {address} {problem}", self.version),
            log: self.log.path().to_owned(),
            last_lines: self.log.last_lines(),
        }
    }
}

impl fmt::Debug for ManagedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedNode")
            .field("version", &self.version)
            .field("log", &self.log)
            .finish()
    }
}

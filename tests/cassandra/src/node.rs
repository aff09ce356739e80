//! One node.

use std::{
    fmt,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustls::ClientConfig;

use crate::{error::Error, log::Log, probe, recipe::Recipe, tool, watchdog::Watchdog};

/// How long a node may take to end by itself before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// How long `nodetool` may take: most commands take a second, which is Java's start.
const NODETOOL_LIMIT: Duration = Duration::from_secs(60);

/// One node of a [`Cluster`](crate::Cluster). Its methods can be called from any thread; they block.
///
/// Those that change its state fail with [`Error::NotOurs`] on a node of the
/// [`Environment`](crate::Launcher::Environment).
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    ours: Option<OurNode>,
}

impl Node {
    /// A node that the harness runs.
    pub(crate) fn ours(address: SocketAddr, ours: OurNode) -> Self {
        Self { address, ours: Some(ours) }
    }

    /// A node that somebody else runs.
    pub(crate) fn external(address: SocketAddr) -> Self {
        Self { address, ours: None }
    }

    /// Where clients reach the node. It stays the same when the node is started again.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The node's log, or `None` for a node of the environment.
    #[must_use]
    pub fn log_file(&self) -> Option<&Path> {
        self.ours.as_ref().map(|ours| ours.log.path())
    }

    /// Kills the node at once (SIGKILL), as a crash would; its data stays. Does nothing when the
    /// node does not run.
    ///
    /// # Errors
    /// [`Error::NotOurs`].
    pub fn kill(&self) -> Result<(), Error> {
        self.lock()?.take();
        Ok(())
    }

    /// Asks the node to end (SIGTERM), which closes connections and writes out data, and waits
    /// until it has. A node that is not done after a minute is killed.
    ///
    /// # Errors
    /// [`Error::NotOurs`], or the signal cannot be sent.
    pub fn stop(&self) -> Result<(), Error> {
        let mut process = self.lock()?;
        if let Some(watchdog) = &mut *process {
            watchdog.signal("TERM")?;
            // A paused node has to go on to end.
            watchdog.signal("CONT")?;
            watchdog.wait(STOP_LIMIT);
        }
        process.take();
        Ok(())
    }

    /// Starts the node again, on the same address with its old data, and waits until it answers
    /// clients. Does nothing when it runs.
    ///
    /// # Errors
    /// [`Error::NotOurs`], or [`Error::NodeNotReady`].
    pub fn start(&self) -> Result<(), Error> {
        match &self.ours {
            Some(ours) => ours.start(self.address),
            None => Err(Error::NotOurs(self.address)),
        }
    }

    /// Freezes the node (SIGSTOP): its connections stay open but nothing answers.
    ///
    /// # Errors
    /// [`Error::NotOurs`], or the signal cannot be sent.
    pub fn pause(&self) -> Result<(), Error> {
        self.signal("STOP")
    }

    /// Lets a frozen node go on (SIGCONT).
    ///
    /// # Errors
    /// [`Error::NotOurs`], or the signal cannot be sent.
    pub fn resume(&self) -> Result<(), Error> {
        self.signal("CONT")
    }

    /// Whether the node's process runs, be it ready, paused or still starting. A node of the
    /// environment counts as running when it answers within a second.
    #[must_use]
    pub fn is_running(&self) -> bool {
        match &self.ours {
            Some(ours) => ours.lock().as_mut().is_some_and(|w| w.exit_status().is_none()),
            None => probe::is_ready(self.address, None, Duration::from_secs(1)),
        }
    }

    /// Runs Cassandra's `nodetool` with these arguments on the node, and gives what it prints:
    /// `node.nodetool(&["getendpoints", "k8s_test", "users", "ada"])`.
    ///
    /// # Errors
    /// [`Error::NotOurs`]; the node is in a container; the command fails.
    pub fn nodetool(&self, arguments: &[&str]) -> Result<String, Error> {
        let ours = self.ours.as_ref().ok_or(Error::NotOurs(self.address))?;
        let Some(mut nodetool) = ours.recipe.nodetool() else {
            let text = "nodetool does not reach into a container: let Java run the node";
            return Err(Error::Unsupported(text.to_owned()));
        };
        let what = format!("nodetool {}", arguments.join(" "));
        tool::run_successfully(&what, nodetool.args(arguments), NODETOOL_LIMIT)
    }

    /// Waits until the node's log has `words`.
    pub(crate) fn wait_for_log(&self, words: &str) -> Result<(), Error> {
        match &self.ours {
            Some(ours) => ours.wait_for_log(words, self.address),
            None => Err(Error::NotOurs(self.address)),
        }
    }

    fn signal(&self, name: &str) -> Result<(), Error> {
        self.lock()?.as_mut().map_or(Ok(()), |watchdog| watchdog.signal(name))
    }

    fn lock(&self) -> Result<MutexGuard<'_, Option<Watchdog>>, Error> {
        self.ours.as_ref().map(OurNode::lock).ok_or(Error::NotOurs(self.address))
    }
}

/// What only the nodes that we run have.
pub(crate) struct OurNode {
    version: String,
    log: Log,
    start_timeout: Duration,
    /// How to reach the node, if that is by TLS.
    tls: Option<Arc<ClientConfig>>,
    /// Before `recipe`: the process goes first, then the container that the recipe may hold.
    process: Mutex<Option<Watchdog>>,
    recipe: Recipe,
}

impl OurNode {
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

    /// Starts the node unless it runs, and waits until it answers clients on `address`.
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

    /// Waits until the log of the running node has `words`.
    pub(crate) fn wait_for_log(&self, words: &str, address: SocketAddr) -> Result<(), Error> {
        let mut process = self.lock();
        let Some(watchdog) = &mut *process else { return Ok(()) };
        let failure = format!("did not log `{words}`");
        self.wait_until(|| self.log.has(words), &failure, address, watchdog)
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

impl fmt::Debug for OurNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OurNode").field("version", &self.version).field("log", &self.log).finish()
    }
}

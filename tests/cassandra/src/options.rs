//! What to start.

use std::time::Duration;

use crate::{DEFAULT_VERSION, Launcher, Tls};

/// What [`Cluster::start`](crate::Cluster::start) starts. The default is one node of
/// [`DEFAULT_VERSION`] that lets everybody in.
#[derive(Clone, Debug)]
pub struct Options {
    /// The version in full, such as `4.1.9`. Versions 3.11.x, 4.x.y and 5.x.y can start; those in
    /// [`VERSIONS`](crate::VERSIONS) are the tested ones.
    pub version: String,
    /// How many nodes, 1 by default. Node `i` listens on `127.0.0.i`, all on the same ports.
    pub nodes: u8,
    /// Whether clients must log in (`PasswordAuthenticator`), as user `cassandra` with password
    /// `cassandra`. Off by default.
    pub authentication: bool,
    /// Whether clients reach the nodes by TLS, and how. Off by default.
    pub tls: Option<Tls>,
    /// Where the nodes come from. `None`, the default, takes the first of [`Launcher`]'s ways
    /// that works here, or the one that `CQLWIRE_CASSANDRA` names.
    pub launcher: Option<Launcher>,
    /// Lines to add to every node's `cassandra.yaml`. They must not repeat a key that the harness
    /// writes (see `src/config/yaml.rs`). Empty by default.
    pub yaml: String,
    /// Arguments to add to every node's JVM, after the harness's own, so that they win. The
    /// harness tunes for a fast start (`-XX:TieredStopAtLevel=1`); a benchmark wants
    /// `-XX:TieredStopAtLevel=4`. Empty by default.
    pub jvm_args: Vec<String>,
    /// How long one node may take to be ready, 180 seconds by default.
    pub start_timeout: Duration,
    /// Is told, in one line, of every step that takes long: a download, a start. By default it
    /// writes to stderr.
    pub progress: fn(&str),
}

impl Options {
    /// One node of `version`, the rest as by default.
    pub fn new(version: impl Into<String>) -> Self {
        Self { version: version.into(), ..Self::default() }
    }

    /// Sets how many nodes to start.
    #[must_use]
    pub fn nodes(mut self, nodes: u8) -> Self {
        self.nodes = nodes;
        self
    }

    /// Sets whether clients must log in.
    #[must_use]
    pub fn authentication(mut self, required: bool) -> Self {
        self.authentication = required;
        self
    }

    /// Has clients reach the nodes by TLS.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: DEFAULT_VERSION.to_owned(),
            nodes: 1,
            authentication: false,
            tls: None,
            launcher: None,
            yaml: String::new(),
            jvm_args: Vec::new(),
            start_timeout: Duration::from_secs(180),
            progress: |line| eprintln!("{line}"),
        }
    }
}

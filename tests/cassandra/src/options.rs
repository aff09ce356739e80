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
    /// The versions of the second node, the third and so on, where they are others than that of
    /// the first; see [`versions`](Self::versions). Empty by default.
    pub other_versions: Vec<String>,
    /// How many nodes, 1 by default. Node `i` listens on `127.0.0.i`, all on the same ports.
    pub nodes: u8,
    /// How many tokens each node has, 1 by default. One divides the ring evenly; several are spread
    /// over it at random, the same in every run, and then there can be no `authentication`.
    pub tokens: u8,
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

    /// Sets how many tokens each node has.
    #[must_use]
    pub fn tokens(mut self, tokens: u8) -> Self {
        self.tokens = tokens;
        self
    }

    /// Sets the version of each node, as in the middle of an upgrade. The first is the seed, and
    /// has to be one that the others can join.
    #[must_use]
    pub fn versions<V: Into<String>>(mut self, versions: impl IntoIterator<Item = V>) -> Self {
        let mut versions = versions.into_iter().map(Into::into);
        self.version = versions.next().unwrap_or(self.version);
        self.other_versions = versions.collect();
        self.nodes = 1 + u8::try_from(self.other_versions.len()).unwrap_or(u8::MAX - 1);
        self
    }

    /// The version of a node, numbered from 1.
    pub(crate) fn version_of(&self, number: u8) -> &str {
        let other = usize::from(number).checked_sub(2).and_then(|at| self.other_versions.get(at));
        other.unwrap_or(&self.version)
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
            other_versions: Vec::new(),
            nodes: 1,
            tokens: 1,
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

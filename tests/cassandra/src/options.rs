//! The options of a cluster.

use std::time::Duration;

use crate::{DEFAULT_VERSION, Launcher, Tls};

/// The cluster that [`Cluster::start`](crate::Cluster::start) starts. The default is one node of
/// [`DEFAULT_VERSION`], without authentication.
#[derive(Clone, Debug)]
pub struct Options {
    /// The version in full, such as `4.1.9`. Versions 3.11.x, 4.x.y, 5.x.y and 6.x.y can start, also
    /// `6.0-alpha2`; those in [`VERSIONS`](crate::VERSIONS) are the tested ones.
    pub version: String,
    /// The versions of the second and later nodes, if they differ from that of the first node; see
    /// [`versions`](Self::versions). Empty by default: all nodes run `version`.
    pub other_versions: Vec<String>,
    /// The number of nodes, 1 by default. Node `i` listens on `127.0.0.i`, all on the same ports.
    pub nodes: u8,
    /// The number of nodes in each datacenter; see [`datacenters`](Self::datacenters). Empty by
    /// default: all nodes are in rack `rack1` of datacenter `datacenter1`.
    pub datacenters: Vec<u8>,
    /// The number of tokens of each node, 1 by default. With one token each, the nodes divide the
    /// ring evenly. Several tokens are pseudo-random, the same in every run, and cannot be combined
    /// with `authentication`.
    pub tokens: u8,
    /// True if clients must log in (`PasswordAuthenticator`), as user `cassandra` with password
    /// `cassandra`. False by default.
    pub authentication: bool,
    /// The settings of TLS, or `None`, the default, for plain connections.
    pub tls: Option<Tls>,
    /// The source of the nodes. `None`, the default, selects the [`Launcher`] that
    /// `CQLWIRE_CASSANDRA` names, or else the first that works on this machine.
    pub launcher: Option<Launcher>,
    /// Settings of every node's `cassandra.yaml`, as keys and values. A setting replaces the one that
    /// the harness writes for the same key (see `src/config/yaml.rs`). Empty by default.
    pub settings: Vec<(String, String)>,
    /// Arguments to add to every node's JVM, whose heap has 512 MB (256 MB in clusters of more than
    /// three nodes). They follow the harness's own arguments and override them. The harness tunes for
    /// a fast start (`-XX:TieredStopAtLevel=1`); use `-XX:TieredStopAtLevel=4` for benchmarks. Empty
    /// by default.
    pub jvm_args: Vec<String>,
    /// The time that one node has to become ready, 180 seconds by default.
    pub start_timeout: Duration,
    /// Called with one line before each step that takes long, such as a download or a start. By
    /// default it writes to stderr.
    pub progress: fn(&str),
}

impl Options {
    /// Returns the options for one node of `version`, with the defaults for the rest.
    pub fn new(version: impl Into<String>) -> Self {
        Self { version: version.into(), ..Self::default() }
    }

    /// Sets the number of nodes.
    #[must_use]
    pub fn nodes(mut self, nodes: u8) -> Self {
        self.nodes = nodes;
        self
    }

    /// Spreads the nodes over several datacenters, and sets the number of nodes with it: with
    /// `[2, 3]`, nodes 1 and 2 are in `dc1`, and nodes 3, 4 and 5 in `dc2`. The nodes of a datacenter
    /// are in racks `rack1` and `rack2` in turn. The first node is the seed of all.
    #[must_use]
    pub fn datacenters(mut self, nodes: impl IntoIterator<Item = u8>) -> Self {
        self.datacenters = nodes.into_iter().collect();
        self.nodes = self.datacenters.iter().fold(0, |sum, nodes| sum.saturating_add(*nodes));
        self
    }

    /// Returns the datacenter of node `number`, counted from 1, and the node's position in it,
    /// counted from 0. Returns `None` if [`datacenters`](Self::datacenters) is empty.
    fn position(&self, number: u8) -> Option<(usize, u8)> {
        let mut index = number.checked_sub(1)?;
        for (datacenter, &nodes) in (1..).zip(&self.datacenters) {
            match index.checked_sub(nodes) {
                Some(rest) => index = rest,
                None => return Some((datacenter, index)),
            }
        }
        None
    }

    /// Returns the datacenter and the rack of node `number`, counted from 1. Returns `None` if
    /// [`datacenters`](Self::datacenters) is empty.
    pub(crate) fn location(&self, number: u8) -> Option<Location> {
        let (datacenter, index) = self.position(number)?;
        let rack = format!("rack{}", 1 + index % 2);
        Some(Location { datacenter: format!("dc{datacenter}"), rack })
    }

    /// Sets the number of tokens of each node.
    #[must_use]
    pub fn tokens(mut self, tokens: u8) -> Self {
        self.tokens = tokens;
        self
    }

    /// Sets the version of each node, as in the middle of an upgrade, and with it the number of
    /// nodes. The first node is the seed, so the others must be able to join its version.
    #[must_use]
    pub fn versions<V: Into<String>>(mut self, versions: impl IntoIterator<Item = V>) -> Self {
        let mut versions = versions.into_iter().map(Into::into);
        self.version = versions.next().unwrap_or(self.version);
        self.other_versions = versions.collect();
        self.nodes = 1 + u8::try_from(self.other_versions.len()).unwrap_or(u8::MAX - 1);
        self
    }

    /// Returns the version of node `number`, counted from 1.
    pub(crate) fn version_of(&self, number: u8) -> &str {
        let other = usize::from(number).checked_sub(2).and_then(|at| self.other_versions.get(at));
        other.unwrap_or(&self.version)
    }

    /// Sets whether clients must log in. Default: false.
    #[must_use]
    pub fn authentication(mut self, required: bool) -> Self {
        self.authentication = required;
        self
    }

    /// Adds a setting of `cassandra.yaml`, such as `native_transport_timeout` with `150ms`. A nested
    /// setting is written in braces: `accord` with `{enabled: true}`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    /// Parses a setting of the form `KEY=VALUE`, for a program's argument.
    ///
    /// # Errors
    /// Returns an error if the text has no `=`.
    pub fn parse_setting(text: &str) -> Result<(String, String), String> {
        let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
        Ok((key.to_owned(), value.to_owned()))
    }

    /// Makes the nodes accept TLS connections only.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }
}

/// The datacenter and the rack of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) datacenter: String,
    pub(crate) rack: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: DEFAULT_VERSION.to_owned(),
            other_versions: Vec::new(),
            nodes: 1,
            datacenters: Vec::new(),
            tokens: 1,
            authentication: false,
            tls: None,
            launcher: None,
            settings: Vec::new(),
            jvm_args: Vec::new(),
            start_timeout: Duration::from_secs(180),
            progress: |line| eprintln!("{line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datacenters_are_filled_in_the_order_of_the_nodes_and_racks_alternate() {
        let options = Options::default().datacenters([3, 1]);
        assert_eq!(options.nodes, 4);
        let locations = [1, 2, 3, 4].map(|number| {
            let Location { datacenter, rack } = options.location(number).unwrap();
            format!("{datacenter} {rack}")
        });
        assert_eq!(locations, ["dc1 rack1", "dc1 rack2", "dc1 rack1", "dc2 rack1"]);
        assert_eq!((options.location(0), options.location(5)), (None, None));
        assert_eq!(Options::default().location(1), None);
    }
}

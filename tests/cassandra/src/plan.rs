//! The settings that the nodes of a cluster share: addresses, ports, tokens, folders.

use std::{
    env,
    fmt::Write,
    iter,
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
};

use crate::{
    Error, Launcher, Node, Options,
    config::{self, NodeConfig, TlsConfig},
    log::Log,
    node::ManagedNode,
    ports::free_port,
    recipe::Recipe,
    run_dir::{RunDir, create_dir},
    tls::Keystores,
    version::Generation,
};

/// The settings of a cluster, fixed before the first node starts. Nodes are numbered from 1.
pub(crate) struct Plan<'a> {
    pub(crate) options: &'a Options,
    pub(crate) launcher: Launcher,
    pub(crate) run: RunDir,
    storage_port: u16,
    native_port: u16,
    keystores: Option<Keystores>,
}

impl<'a> Plan<'a> {
    /// Chooses the ports, creates the folder and the keystores, and reports the start.
    pub(crate) fn new(options: &'a Options, launcher: Launcher) -> Result<Self, Error> {
        let addresses: Vec<_> = (1..=options.nodes).map(listen_address).collect();
        let (storage_port, native_port) = (free_port(&addresses)?, free_port(&addresses)?);
        let run = RunDir::create(&options.version)?;
        let nodes = match options.nodes {
            1 => String::new(),
            several => format!("{several} nodes, "),
        };
        let logs = relative(&run.logs());
        let version = versions(options);
        (options.progress)(&format!(
            "Starting Cassandra {version} ({nodes}{launcher}, logs in {})",
            logs.display()
        ));
        let create_keystores = |certificates| {
            create_dir(&run.tls())?;
            Keystores::create(run.tls(), certificates, &addresses)
        };
        let keystores =
            options.tls.as_ref().map(|tls| create_keystores(&tls.certificates)).transpose()?;
        Ok(Self { options, launcher, run, storage_port, native_port, keystores })
    }

    /// Writes a node's configuration files and keystores into `dir`.
    pub(crate) fn write_config(&self, dir: &Path, config: &NodeConfig<'_>) -> Result<(), Error> {
        config::write(dir, config)?;
        self.keystores.as_ref().map_or(Ok(()), |keystores| keystores.copy_to(dir))
    }

    /// Returns the configuration of a node that runs as a local process. The node finds its
    /// keystores in `config_dir`.
    pub(crate) fn config<'b>(
        &'b self,
        number: u8,
        config_dir: &'b str,
        storage_dir: &'b str,
    ) -> NodeConfig<'b> {
        let tls = self.options.tls.as_ref();
        NodeConfig {
            generation: self.generation(number),
            tokens: tokens(number, self.options.nodes, self.options.tokens),
            listen_address: listen_address(number),
            storage_port: self.storage_port,
            native_port: self.native_port,
            any_rpc_address: false,
            seed: listen_address(1),
            storage_dir,
            location: self.options.location(number),
            authentication: self.options.authentication,
            tls: tls.map(|tls| TlsConfig {
                dir: config_dir,
                client_certificates: tls.client_certificates,
            }),
            settings: &self.options.settings,
        }
    }

    /// Starts a node and waits until it is ready for clients.
    pub(crate) fn start_node(&self, number: u8, recipe: Recipe) -> Result<Node, Error> {
        let log = Log::new(self.run.logs().join(format!("node{number}.log")));
        let address = SocketAddrV4::new(listen_address(number), self.native_port).into();
        let tls = self.options.tls.as_ref().map(|tls| tls.certificates.client()).transpose()?;
        let version = self.options.version_of(number);
        let node = ManagedNode::new(version, recipe, log, self.options.start_timeout, tls);
        node.start(address)?;
        if self.options.authentication && number == 1 {
            // The first node creates the role; later nodes read it.
            node.wait_for_log("Created default superuser role", address)?;
        }
        Ok(Node::managed(address, node))
    }

    /// Waits until every node has all other nodes in its ring and sees them up.
    pub(crate) fn wait_until_all_nodes_are_up(&self, nodes: &[Node]) -> Result<(), Error> {
        for (node, own) in nodes.iter().zip(1..) {
            for number in (1..=self.options.nodes).filter(|&number| number != own) {
                let mut peer = format!("/{}", listen_address(number));
                if self.generation(own) != Generation::V3 {
                    let _ = write!(peer, ":{}", self.storage_port);
                }
                node.wait_for_log(&format!("Node {peer} state NORMAL"))?;
                node.wait_for_log(&format!("{peer} is now UP"))?;
            }
        }
        Ok(())
    }

    fn generation(&self, number: u8) -> Generation {
        // `Cluster::start` has already refused versions without a generation.
        Generation::of(self.options.version_of(number)).unwrap_or(Generation::V5)
    }
}

/// Returns the version, or the versions of all nodes if they differ.
fn versions(options: &Options) -> String {
    let others = options.other_versions.iter().map(String::as_str);
    iter::once(&*options.version).chain(others).collect::<Vec<_>>().join(" + ")
}

fn listen_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number)
}

/// Returns the tokens of a node.
fn tokens(number: u8, nodes: u8, count: u8) -> Vec<i64> {
    match count {
        1 => vec![token(number, nodes)],
        _ => (0..count)
            .map(|index| pseudorandom_token(u64::from(number) << 8 | u64::from(index)))
            .collect(),
    }
}

/// Returns a pseudo-random token (SplitMix64). Distinct numbers have distinct tokens.
fn pseudorandom_token(number: u64) -> i64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ z >> 31).cast_signed()
}

/// Returns the token of a node with one token. The nodes divide the ring evenly.
///
/// The first node must be the replica of the role `cassandra`, whose token is 356242581507269238. It
/// creates the role while it is alone. Roles have one replica, and nodes that join without
/// bootstrap do not receive data.
fn token(number: u8, nodes: u8) -> i64 {
    let share = (1_i128 << 64) / i128::from(nodes);
    // The cast drops the upper bits, which wraps around at the ring's end.
    (share / 3 + share * i128::from(number - 1)) as i64
}

/// Returns `path` relative to the current directory, if it lies below it.
fn relative(path: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_tokens_divide_the_ring_evenly_and_the_first_node_owns_the_default_role() {
        assert_eq!(token(1, 1), 6_148_914_691_236_517_205);
        let tokens = [1, 2, 3].map(|number| token(number, 3));
        let expected =
            [2_049_638_230_412_172_401, 8_198_552_921_648_689_606, -4_099_276_460_824_344_805];
        assert_eq!(tokens, expected);
        assert!((tokens[2]..tokens[0]).contains(&356_242_581_507_269_238));
        assert_eq!(super::tokens(2, 3, 1), [tokens[1]]);
    }

    #[test]
    fn several_tokens_per_node_are_distinct_and_spread_over_the_ring() {
        let mut all: Vec<_> = (1..=3).flat_map(|number| tokens(number, 3, 16)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 48);
        assert!(all.windows(2).all(|pair| pair[1].abs_diff(pair[0]) < u64::MAX / 8), "{all:?}");
    }
}

//! What the nodes of one cluster agree on: addresses, ports, tokens, folders.

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
    node::OurNode,
    ports::free_port,
    recipe::Recipe,
    run_dir::{RunDir, create_dir},
    tls::Keystores,
    version::Generation,
};

/// What is fixed before the first node starts. Nodes are numbered from 1.
pub(crate) struct Plan<'a> {
    pub(crate) options: &'a Options,
    pub(crate) launcher: Launcher,
    pub(crate) run: RunDir,
    storage_port: u16,
    native_port: u16,
    keystores: Option<Keystores>,
}

impl<'a> Plan<'a> {
    /// Picks ports and a folder, and says so.
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
        let make = |certificates| {
            create_dir(&run.tls())?;
            Keystores::make(run.tls(), certificates, &addresses)
        };
        let keystores = options.tls.as_ref().map(|tls| make(&tls.certificates)).transpose()?;
        Ok(Self { options, launcher, run, storage_port, native_port, keystores })
    }

    /// Writes a node's configuration into `dir`.
    pub(crate) fn write_config(&self, dir: &Path, config: &NodeConfig<'_>) -> Result<(), Error> {
        config::write(dir, config)?;
        self.keystores.as_ref().map_or(Ok(()), |keystores| keystores.copy_to(dir))
    }

    /// What to write into the node's `cassandra.yaml`, for a node of this machine that finds its
    /// configuration in `config_dir`.
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
            authentication: self.options.authentication,
            tls: tls.map(|tls| TlsConfig {
                dir: config_dir,
                client_certificates: tls.client_certificates,
            }),
            extra: &self.options.yaml,
        }
    }

    /// Starts a node and waits until clients can use it.
    pub(crate) fn start_node(&self, number: u8, recipe: Recipe) -> Result<Node, Error> {
        let log = Log::new(self.run.logs().join(format!("node{number}.log")));
        let address = SocketAddrV4::new(listen_address(number), self.native_port).into();
        let tls = self.options.tls.as_ref().map(|tls| tls.certificates.client()).transpose()?;
        let version = self.options.version_of(number);
        let node = OurNode::new(version, recipe, log, self.options.start_timeout, tls);
        node.start(address)?;
        if self.options.authentication && number == 1 {
            // Later nodes find the role.
            node.wait_for_log("Created default superuser role", address)?;
        }
        Ok(Node::ours(address, node))
    }

    /// Waits until every node has every other in its ring, and can reach it.
    pub(crate) fn wait_until_all_are_known(&self, nodes: &[Node]) -> Result<(), Error> {
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
        // Versions that have none were refused before.
        Generation::of(self.options.version_of(number)).unwrap_or(Generation::V5)
    }
}

/// The version, or those of all nodes where they differ.
fn versions(options: &Options) -> String {
    let others = options.other_versions.iter().map(String::as_str);
    iter::once(&*options.version).chain(others).collect::<Vec<_>>().join(" + ")
}

fn listen_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number)
}

/// Where the node sits on the ring.
fn tokens(number: u8, nodes: u8, count: u8) -> Vec<i64> {
    match count {
        1 => vec![token(number, nodes)],
        _ => (0..count).map(|index| scattered(u64::from(number) << 8 | u64::from(index))).collect(),
    }
}

/// The token of this number: SplitMix64, whose numbers look random and are never the same.
fn scattered(number: u64) -> i64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ z >> 31).cast_signed()
}

/// The token of a node that has one: all nodes divide the ring evenly.
///
/// The first one holds token 356242581507269238, that of the role `cassandra`, which it creates while
/// it is alone: roles have one replica and do not move to nodes that join without bootstrap.
fn token(number: u8, nodes: u8) -> i64 {
    let share = (1_i128 << 64) / i128::from(nodes);
    // Going past the ring's end leads to its start, and so does cutting off the upper bits.
    (share / 3 + share * i128::from(number - 1)) as i64
}

/// `path` as one would type it here.
fn relative(path: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_divide_the_ring_evenly_and_the_first_node_holds_the_role() {
        assert_eq!(token(1, 1), 6_148_914_691_236_517_205);
        let tokens = [1, 2, 3].map(|number| token(number, 3));
        let expected =
            [2_049_638_230_412_172_401, 8_198_552_921_648_689_606, -4_099_276_460_824_344_805];
        assert_eq!(tokens, expected);
        assert!((tokens[2]..tokens[0]).contains(&356_242_581_507_269_238));
        assert_eq!(super::tokens(2, 3, 1), [tokens[1]]);
    }

    #[test]
    fn several_tokens_of_several_nodes_are_all_over_the_ring() {
        let mut all: Vec<_> = (1..=3).flat_map(|number| tokens(number, 3, 16)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 48);
        assert!(all.windows(2).all(|pair| pair[1].abs_diff(pair[0]) < u64::MAX / 8), "{all:?}");
    }
}

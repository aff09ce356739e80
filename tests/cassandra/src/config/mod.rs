//! The configuration files of a node.

mod yaml;

pub(crate) use yaml::{NodeConfig, TlsConfig};

use std::{fs, net::IpAddr, path::Path};

use crate::error::{Error, IoContext};

/// The name of the file with a node's datacenter and rack.
pub(crate) const RACKDC: &str = "cassandra-rackdc.properties";

const YAML: &str = "cassandra.yaml";
const LOGBACK: &str = include_str!("logback.xml");

/// Writes `cassandra.yaml` and `logback.xml` into `dir`, and [`RACKDC`] if the node reads it.
pub(crate) fn write(dir: &Path, config: &NodeConfig<'_>) -> Result<(), Error> {
    let rackdc = config.rackdc();
    let rackdc = rackdc.iter().map(|text| (RACKDC, text.as_str()));
    for (name, text) in
        [(YAML, config.yaml().as_str()), ("logback.xml", LOGBACK)].into_iter().chain(rackdc)
    {
        let path = dir.join(name);
        fs::write(&path, text).context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Replaces the addresses on which the node whose `cassandra.yaml` is in `dir` listens for nodes and
/// for clients.
pub(crate) fn set_address(dir: &Path, address: IpAddr) -> Result<(), Error> {
    let path = dir.join(YAML);
    let yaml = fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
    let line = |line: &str| match line.split_once(": ") {
        Some((key @ ("listen_address" | "rpc_address"), _)) => format!("{key}: {address}\n"),
        _ => format!("{line}\n"),
    };
    let yaml: String = yaml.lines().map(line).collect();
    fs::write(&path, yaml).context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_both_addresses_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(YAML);
        let yaml = "listen_address: 127.0.0.2\nstorage_port: 7000\nrpc_address: 127.0.0.2\n";
        fs::write(&path, yaml).unwrap();
        set_address(dir.path(), [127, 0, 0, 9].into()).unwrap();
        let expected = "listen_address: 127.0.0.9\nstorage_port: 7000\nrpc_address: 127.0.0.9\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }
}

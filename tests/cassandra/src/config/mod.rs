//! The configuration files of a node.

mod yaml;

pub(crate) use yaml::{NodeConfig, TlsConfig};

use std::{fs, path::Path};

use crate::error::{Error, IoContext};

const LOGBACK: &str = include_str!("logback.xml");

/// Writes `cassandra.yaml` and `logback.xml` into `dir`.
pub(crate) fn write(dir: &Path, config: &NodeConfig<'_>) -> Result<(), Error> {
    for (name, text) in [("cassandra.yaml", config.yaml().as_str()), ("logback.xml", LOGBACK)] {
        let path = dir.join(name);
        fs::write(&path, text).context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

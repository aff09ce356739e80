//! The state that the tests of one node share: tables, and a Python process per protocol version.

use std::sync::OnceLock;

use cqlwire::wire::Version;
use libtest_mimic::Failed;

use super::python::Python;
use super::schema;
use super::table::Table;
use crate::fleet::{Node, runtime};

/// The shared state. Each part is created on its first use, and dropped with the node.
#[derive(Default)]
pub(crate) struct Shared {
    tables: OnceLock<Result<Vec<Table>, String>>,
    pythons: [OnceLock<Result<Python, String>>; Version::ALL.len()],
}

impl Shared {
    pub(super) fn tables(&self, node: &Node) -> Result<&[Table], Failed> {
        let tables = self.tables.get_or_init(|| {
            create(node).map_err(|failed| failed.message().unwrap_or_default().to_owned())
        });
        Ok(tables.as_ref()?)
    }

    pub(super) fn python(&self, node: &Node, protocol: Version) -> Result<&Python, Failed> {
        let mut pythons = Version::ALL.into_iter().zip(&self.pythons);
        let python = pythons.find(|(version, _)| *version == protocol);
        let (_, python) = python.ok_or("the protocol version is not in Version::ALL")?;
        Ok(python.get_or_init(|| Python::start(node.address, protocol)).as_ref()?)
    }
}

fn create(node: &Node) -> Result<Vec<Table>, Failed> {
    let runtime = runtime()?;
    let keyspace = node.keyspace(&runtime)?;
    let session = node.connect(&runtime, |builder| builder)?;
    runtime.block_on(schema::create(&session, &keyspace, node.is_at_least("5")))
}

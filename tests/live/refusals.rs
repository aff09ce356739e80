//! Protocol versions that the node refuses.

use std::io::{Read, Write};
use std::net::TcpStream;

use libtest_mimic::Failed;

use crate::fleet::Node;
use crate::recorded;

/// The node answers as recorded in `protocol-spec/refusals/`, if that folder has answers of its version.
pub(crate) fn refuses_versions_as_recorded(node: &Node) -> Result<(), Failed> {
    let suffix = format!("_{}.refusal", node.version);
    for recorded in recorded::all() {
        let name = recorded.path.file_name().unwrap_or_default().to_string_lossy();
        if !name.ends_with(&suffix) {
            continue;
        }
        let mut socket = TcpStream::connect(node.address)?;
        socket.write_all(&recorded.request)?;
        let mut response = vec![0; recorded.response.len()];
        socket.read_exact(&mut response)?;
        assert_eq!(response, recorded.response, "{name}");
    }
    Ok(())
}

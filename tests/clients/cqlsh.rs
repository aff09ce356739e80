//! cqlsh 6.2, which leaves the compression to the Python driver.

use crate::client::Client;
use crate::interpreter;

pub(crate) const CLIENT: Client = Client {
    name: "cqlsh",
    missing: interpreter::missing,
    command: || Ok(interpreter::command("tests/clients/cqlsh/client.py")?),
    settings: &[("default", "default"), ("3", "default"), ("4", "default"), ("5", "default")],
    unsupported: &["events", "payload"],
};

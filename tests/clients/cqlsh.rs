//! cqlsh 6.2, which leaves the compression to the Python driver.

use crate::client::Client;
use crate::interpreter;
use crate::setup::SetupError;

pub(crate) const CLIENT: Client = Client {
    name: "cqlsh",
    missing: interpreter::missing,
    command: || {
        interpreter::command("tests/clients/cqlsh/client.py").map_err(SetupError::NotDownloaded)
    },
    settings: &[("default", "default"), ("3", "default"), ("4", "default"), ("5", "default")],
    unsupported: &["events", "payload"],
};

//! The Python driver, 3.30.

use crate::client::Client;
use crate::interpreter;
use crate::setup::SetupError;

pub(crate) const CLIENT: Client = Client {
    name: "python",
    missing: interpreter::missing,
    command: || {
        interpreter::command("tests/clients/python/client.py").map_err(SetupError::NotDownloaded)
    },
    settings: &[
        ("default", "default"),
        ("3", "none"),
        ("3", "lz4"),
        ("3", "snappy"),
        ("4", "none"),
        ("4", "lz4"),
        ("4", "snappy"),
        ("5", "none"),
        ("5", "lz4"),
    ],
    unsupported: &[],
};

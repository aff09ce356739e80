//! The Python driver, 3.30.

use crate::client::{Client, UP_TO_V5};
use crate::interpreter;
use crate::setup::SetupError;

pub(crate) const CLIENT: Client = Client {
    name: "python",
    missing: interpreter::missing,
    command: || {
        interpreter::command("tests/clients/python/client.py").map_err(SetupError::NotDownloaded)
    },
    settings: UP_TO_V5,
    unsupported: &[],
};

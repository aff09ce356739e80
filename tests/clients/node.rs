//! The Node.js driver, 4.10. It supports v3 and v4, without compression.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::client::Client;
use crate::setup::{SetupError, download};
use crate::toolchain::{has_tools, install_packages, sources};

pub(crate) const CLIENT: Client = Client {
    name: "node",
    missing: || (!has_tools(&["node", "npm"], "--version")).then_some("Node.js with npm"),
    command,
    settings: &[("default", "default"), ("3", "none"), ("4", "none")],
    unsupported: &[],
};

fn command() -> Result<Command, SetupError> {
    static INSTALLED: LazyLock<Result<PathBuf, SetupError>> = LazyLock::new(|| {
        install_packages("node", "package.json", |folder| {
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-package-lock", "--no-audit", "--no-fund"]);
            download(npm.current_dir(folder))
        })
    });
    let folder = INSTALLED.as_ref().map_err(Clone::clone)?;
    let mut node = Command::new("node");
    node.arg(sources("node").join("client.js")).env("NODE_PATH", folder.join("node_modules"));
    Ok(node)
}

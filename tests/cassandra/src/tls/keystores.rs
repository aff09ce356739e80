//! The keystore and truststore files of a node.

use std::{
    ffi::OsStr,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rcgen::SanType;

use super::Certificates;
use crate::{
    error::{Error, IoContext},
    java::Jdk,
    tool,
};

/// The password of both files. Java requires one.
pub(crate) const PASSWORD: &str = "cassandra";

const LIMIT: Duration = Duration::from_secs(60);

/// A folder with `keystore.p12` and `truststore.p12`, which all nodes share.
#[derive(Debug)]
pub(crate) struct Keystores {
    dir: PathBuf,
}

impl Keystores {
    /// Creates the files. Java's `keytool` generates the key, because it cannot import a private key
    /// in PEM; only the certificate comes from `certificates`.
    pub(crate) fn create(
        dir: PathBuf,
        certificates: &Certificates,
        addresses: &[Ipv4Addr],
    ) -> Result<Self, Error> {
        let keystores = Self { dir };
        let write = |name: &str, text: &str| {
            let path = keystores.dir.join(name);
            fs::write(&path, text).context(|| format!("writing {}", path.display()))
        };
        let key = ["-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=node"];
        keystores.keytool("-genkeypair", "keystore.p12", key.map(OsStr::new))?;
        let own = keystores.keytool("-exportcert", "keystore.p12", [OsStr::new("-rfc")])?;
        let addresses = addresses.iter().map(|&address| SanType::IpAddress(address.into()));
        let localhost = "localhost".try_into().map(SanType::DnsName);
        let names = addresses.chain(localhost).collect();
        write("ca.pem", &certificates.ca())?;
        let chain = certificates.sign(&own, names)? + &certificates.ca();
        write("node.pem", &chain)?;
        for (file, store) in [("node.pem", "keystore.p12"), ("ca.pem", "truststore.p12")] {
            let path = keystores.dir.join(file);
            let import = [OsStr::new("-noprompt"), OsStr::new("-file"), path.as_os_str()];
            keystores.keytool("-importcert", store, import)?;
        }
        Ok(keystores)
    }

    /// Copies the files into the folder of a node.
    pub(crate) fn copy_to(&self, dir: &Path) -> Result<(), Error> {
        for name in ["keystore.p12", "truststore.p12"] {
            let copied = fs::copy(self.dir.join(name), dir.join(name));
            copied.context(|| format!("copying {name} to {}", dir.display()))?;
        }
        Ok(())
    }

    fn keytool<'a>(
        &self,
        action: &str,
        store: &str,
        arguments: impl IntoIterator<Item = &'a OsStr>,
    ) -> Result<String, Error> {
        let mut keytool = Command::new(Jdk::find()?.home().join("bin/keytool"));
        keytool.args([action, "-alias", "node", "-storetype", "PKCS12"]);
        keytool.args(["-storepass", PASSWORD, "-keystore"]).arg(self.dir.join(store));
        keytool.args(arguments);
        tool::run_successfully(&format!("keytool {action}"), &mut keytool, LIMIT)
    }
}

//! The arguments for TLS.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use crate::connection::Tls;

/// The arguments for TLS.
#[derive(Debug, Clone, Args)]
pub(super) struct TlsArgs {
    /// Encrypt connections with TLS; implied by the other --tls options
    #[arg(long)]
    tls: bool,

    /// PEM or DER file of the CAs to trust [default: the CAs that this system trusts]
    #[arg(long, value_name = "FILE", env = "CQLWIRE_TLS_CA")]
    tls_ca: Option<PathBuf>,

    /// PEM or DER file of the client certificate, with its intermediate certificates
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "CQLWIRE_TLS_CERT")]
    tls_cert: Option<PathBuf>,

    /// PEM or DER file of the private key of the client certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "CQLWIRE_TLS_KEY")]
    tls_key: Option<PathBuf>,

    /// Name or address to expect in server certificates [default: the host connected to]
    #[arg(long, value_name = "NAME")]
    tls_server_name: Option<String>,
}

impl TlsArgs {
    /// Sets the arguments that are not given.
    pub(super) fn set_defaults(
        &mut self,
        is_on: bool,
        ca: Option<PathBuf>,
        client: Option<(PathBuf, PathBuf)>,
    ) {
        self.tls |= is_on;
        if self.tls {
            self.tls_ca = self.tls_ca.take().or(ca);
            if let (None, Some((certificate, key))) = (&self.tls_cert, client) {
                (self.tls_cert, self.tls_key) = (Some(certificate), Some(key));
            }
        }
    }

    /// Returns the TLS settings, or `None` if no argument turns TLS on.
    pub(super) fn tls(&self) -> Result<Option<Tls>, Failure> {
        let Self { tls: is_on, tls_ca, tls_cert, tls_key, tls_server_name } = self;
        let mut is_on = *is_on;
        let mut tls = Tls::new();
        if let Some(file) = tls_ca {
            is_on = true;
            tls = tls
                .root_certificates_pem(read(file)?)
                .map_err(|error| Failure::Arguments(format!("{}: {error}", file.display())))?;
        }
        if let (Some(cert), Some(key)) = (tls_cert, tls_key) {
            is_on = true;
            let (chain, private) = (read(cert)?, read(key)?);
            tls = tls.client_certificate_pem(chain, private).map_err(|error| {
                Failure::Arguments(format!("{} and {}: {error}", cert.display(), key.display()))
            })?;
        }
        if let Some(name) = tls_server_name {
            is_on = true;
            tls = tls
                .server_name(name)
                .map_err(|error| Failure::Arguments(format!("--tls-server-name: {error}")))?;
        }
        Ok(is_on.then_some(tls))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file)
        .map_err(|error| Failure::Arguments(format!("cannot read {}: {error}", file.display())))
}

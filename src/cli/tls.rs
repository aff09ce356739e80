//! The arguments that say how connections are kept secret.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::connection::{Tls, TlsError};

/// How connections are kept secret.
#[derive(Debug, Clone, Args)]
pub(super) struct TlsArgs {
    /// Connect by TLS; the arguments below imply it
    #[arg(long)]
    tls: bool,

    /// File of the CAs to trust (PEM), in place of those that this system trusts
    #[arg(long, value_name = "FILE", env = "CQLWIRE_TLS_CA")]
    tls_ca: Option<PathBuf>,

    /// File of the client's certificate and those that lead to its CA (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "CQLWIRE_TLS_CERT")]
    tls_cert: Option<PathBuf>,

    /// File of the private key of the client's certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "CQLWIRE_TLS_KEY")]
    tls_key: Option<PathBuf>,

    /// Name or address that the servers' certificates must have; by default that of the host
    #[arg(long, value_name = "NAME")]
    tls_server_name: Option<String>,
}

impl TlsArgs {
    /// What was asked for, if anything was.
    pub(super) fn tls(&self) -> Result<Option<Tls>, Failure> {
        let Self { tls: asked, tls_ca, tls_cert, tls_key, tls_server_name } = self;
        let mut is_asked = *asked;
        let mut tls = Tls::new();
        if let Some(file) = tls_ca {
            is_asked = true;
            tls = tls.root_certificates_pem(read(file)?).map_err(|error| bad(file, &error))?;
        }
        if let (Some(cert), Some(key)) = (tls_cert, tls_key) {
            is_asked = true;
            let (chain, private) = (read(cert)?, read(key)?);
            tls = tls.client_certificate_pem(chain, private).map_err(|error| {
                Failure::Text(format!("{} and {}: {error}", cert.display(), key.display()))
            })?;
        }
        if let Some(name) = tls_server_name {
            is_asked = true;
            tls = tls
                .server_name(name)
                .map_err(|error| Failure::Text(format!("--tls-server-name: {error}")))?;
        }
        Ok(is_asked.then_some(tls))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file)
        .map_err(|error| Failure::Text(format!("cannot read {}: {error}", file.display())))
}

fn bad(file: &Path, error: &TlsError) -> Failure {
    Failure::Text(format!("{}: {error}", file.display()))
}

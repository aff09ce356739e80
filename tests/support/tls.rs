//! A TLS proxy for a server without TLS.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;

use cassandra_harness::{Certificates, Identity};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Starts a proxy that accepts TLS as `identity` and forwards to `server`. If `clients` is given,
/// clients need a certificate from this CA.
pub(crate) fn start_tls_proxy(
    server: SocketAddr,
    identity: &Identity,
    clients: Option<&Certificates>,
) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config(identity, clients)));
    let (sender, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Clients may refuse the certificate, so errors are ignored.
                    let mut client = acceptor.accept(client).await?;
                    let mut server = TcpStream::connect(server).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
    });
    address.recv().unwrap()
}

fn config(identity: &Identity, clients: Option<&Certificates>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let signing = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let signing = provider.key_provider.load_private_key(signing).unwrap();
    // Unlike `with_single_cert`, this accepts certificates that clients refuse.
    let identity = CertifiedKey::new(vec![certificate(&identity.certificate)], signing);
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate(&clients.ca())).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

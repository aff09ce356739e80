//! A CA, and certificates that it signs.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SignatureAlgorithm,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject,
    },
    server::ParsedCertificate,
};

use crate::error::Error;

/// A private certificate authority (CA), generated in memory.
#[derive(Debug)]
pub struct Certificates {
    ca: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key. Only clients and servers of the tests trust its certificate.
    pub key: String,
}

impl Certificates {
    /// Generates a CA. All CAs of the harness have the same name.
    ///
    /// # Errors
    /// Returns an error if the system cannot generate a key.
    pub fn new() -> Result<Self, Error> {
        let generate = || {
            let mut params = CertificateParams::new([])?;
            params.distinguished_name.push(DnType::CommonName, "CA of cqlwire's tests");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        Ok(Self { ca: generate().map_err(certificate_error)? })
    }

    /// Returns the CA's certificate, in PEM.
    #[must_use]
    pub fn ca(&self) -> String {
        self.ca.pem()
    }

    /// Issues a certificate for these host names and addresses. A client certificate needs none.
    ///
    /// # Errors
    /// Returns an error if a name is not a valid host name.
    pub fn issue(&self, names: &[&str]) -> Result<Identity, Error> {
        let issue = || {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            let key = KeyPair::generate()?;
            let certificate = CertificateParams::new(names)?.signed_by(&key, &self.ca)?;
            Ok::<_, rcgen::Error>(Identity {
                certificate: certificate.pem(),
                key: key.serialize_pem(),
            })
        };
        issue().map_err(certificate_error)
    }

    /// Issues a certificate for a client with this identity, a URI such as `spiffe://example.org/ada`.
    ///
    /// # Errors
    /// Returns an error if the identity is not ASCII.
    pub fn issue_identity(&self, uri: &str) -> Result<Identity, Error> {
        let issue = || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new([])?;
            params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
            let certificate = params.signed_by(&key, &self.ca)?;
            Ok::<_, rcgen::Error>(Identity {
                certificate: certificate.pem(),
                key: key.serialize_pem(),
            })
        };
        issue().map_err(certificate_error)
    }

    /// Issues a certificate, in PEM, for the public key of the self-signed certificate
    /// `self_signed`. The key must be on the curve secp256r1.
    pub(crate) fn sign(&self, self_signed: &str, names: Vec<SanType>) -> Result<String, Error> {
        let certificate =
            CertificateDer::from_pem_slice(self_signed.as_bytes()).map_err(certificate_error)?;
        let certificate = ParsedCertificate::try_from(&certificate).map_err(certificate_error)?;
        let key = PublicKey(certificate.subject_public_key_info());
        let mut params = CertificateParams::new([]).map_err(certificate_error)?;
        params.distinguished_name.push(DnType::CommonName, "node");
        params.subject_alt_names = names;
        params
            .signed_by(&key, &self.ca)
            .map(|certificate| certificate.pem())
            .map_err(certificate_error)
    }

    /// Returns the configuration of a client that trusts this CA and has a certificate from it.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, Error> {
        let key = KeyPair::generate().map_err(certificate_error)?;
        let params = CertificateParams::new([]).map_err(certificate_error)?;
        let certificate = params.signed_by(&key, &self.ca).map_err(certificate_error)?;
        let configure = || {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::clone(self.ca.der()))?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_client_auth_cert(
                    vec![certificate.der().clone()],
                    PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
                )
        };
        configure().map(Arc::new).map_err(certificate_error)
    }
}

/// A public key on the curve secp256r1.
struct PublicKey(SubjectPublicKeyInfoDer<'static>);

impl PublicKeyData for PublicKey {
    /// Returns the point at the end of the structure: a byte for its format, and two coordinates.
    fn der_bytes(&self) -> &[u8] {
        &self.0[self.0.len().saturating_sub(1 + 2 * 32)..]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

fn certificate_error(error: impl std::fmt::Display) -> Error {
    Error::Tool { tool: "creating certificates".to_owned(), problem: error.to_string() }
}

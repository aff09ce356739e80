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

/// A CA of its own, made in memory and known to nobody else.
#[derive(Debug)]
pub struct Certificates {
    ca: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key. It is worth nothing outside of the tests.
    pub key: String,
}

impl Certificates {
    /// A new CA. All of them have the same name.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, Error> {
        let make = || {
            let mut params = CertificateParams::new([])?;
            params.distinguished_name.push(DnType::CommonName, "CA of cqlwire's tests");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        Ok(Self { ca: make().map_err(failed)? })
    }

    /// The CA's certificate, in PEM.
    #[must_use]
    pub fn ca(&self) -> String {
        self.ca.pem()
    }

    /// A certificate for these names and addresses; clients need none.
    ///
    /// # Errors
    /// A name that none can be.
    pub fn issue(&self, names: &[&str]) -> Result<Identity, Error> {
        let make = || {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            let key = KeyPair::generate()?;
            let certificate = CertificateParams::new(names)?.signed_by(&key, &self.ca)?;
            Ok::<_, rcgen::Error>(Identity {
                certificate: certificate.pem(),
                key: key.serialize_pem(),
            })
        };
        make().map_err(failed)
    }

    /// A certificate, in PEM, for the key that signed itself in `self_signed`: one on the curve
    /// secp256r1, which somebody else keeps.
    pub(crate) fn sign(&self, self_signed: &str, names: Vec<SanType>) -> Result<String, Error> {
        let certificate = CertificateDer::from_pem_slice(self_signed.as_bytes()).map_err(failed)?;
        let certificate = ParsedCertificate::try_from(&certificate).map_err(failed)?;
        let key = PublicKey(certificate.subject_public_key_info());
        let mut params = CertificateParams::new([]).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, "node");
        params.subject_alt_names = names;
        params.signed_by(&key, &self.ca).map(|certificate| certificate.pem()).map_err(failed)
    }

    /// For a client that trusts this CA, and has a certificate of it.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, Error> {
        let key = KeyPair::generate().map_err(failed)?;
        let params = CertificateParams::new([]).map_err(failed)?;
        let certificate = params.signed_by(&key, &self.ca).map_err(failed)?;
        let make = || {
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
        make().map(Arc::new).map_err(failed)
    }
}

/// A public key on the curve secp256r1.
struct PublicKey(SubjectPublicKeyInfoDer<'static>);

impl PublicKeyData for PublicKey {
    /// The point, which stands at the end: a byte that says how it is written, and two coordinates.
    fn der_bytes(&self) -> &[u8] {
        &self.0[self.0.len().saturating_sub(1 + 2 * 32)..]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Tool { what: "making certificates".to_owned(), problem: error.to_string() }
}

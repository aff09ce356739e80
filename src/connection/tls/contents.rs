//! Certificates and private keys from the contents of files, in PEM or DER.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;

/// Returns the certificates in a file: all of a PEM file, or the one of a DER file.
///
/// # Errors
/// Returns an error that names `purpose` if the file has no certificate or an invalid one.
pub(super) fn certificates(
    purpose: &str,
    file: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    if let Contents::DerCertificate = Contents::of(file) {
        return Ok(vec![CertificateDer::from(file.to_vec())]);
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(file).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(TlsError::unusable(purpose, &Contents::of(file).instead_of_certificate()))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsError::unusable(purpose, &error)),
    }
}

/// Returns the private key in a file, in PEM or DER.
///
/// # Errors
/// Returns an error if the file has no private key, an invalid one or an encrypted one.
pub(super) fn private_key(file: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let contents = Contents::of(file);
    let key = match contents {
        Contents::DerKey => PrivateKeyDer::try_from(file.to_vec()).ok(),
        Contents::EncryptedKey { .. } => None,
        _ => PrivateKeyDer::from_pem_slice(file).ok(),
    };
    key.ok_or_else(|| TlsError::unusable("private key", &contents.instead_of_key()))
}

/// The contents of a file, as far as error messages distinguish them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    Empty,
    DerCertificate,
    DerKey,
    PemCertificate,
    PemKey,
    /// A private key that is encrypted with a password; `is_der` if not in PEM.
    EncryptedKey {
        is_der: bool,
    },
    OpenSshKey,
    PublicKey,
    CertificateRequest,
    /// Certificates in PKCS#7; `is_der` if not in PEM.
    Pkcs7 {
        is_der: bool,
    },
    Pkcs12,
    JavaKeyStore,
    Unknown,
}

/// The beginning of each section of a PEM file.
const PEM_MARK: &[u8] = b"-----BEGIN ";

impl Contents {
    fn of(file: &[u8]) -> Self {
        match file {
            [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => Self::JavaKeyStore,
            // A PEM file may begin with any text, which may begin with this byte too.
            [0x30, ..] if !file.windows(PEM_MARK.len()).any(|part| part == PEM_MARK) => {
                Self::of_der(file)
            }
            _ if file.iter().all(u8::is_ascii_whitespace) => Self::Empty,
            _ => Self::of_pem(&String::from_utf8_lossy(file)),
        }
    }

    /// Distinguishes the contents of a PEM file by the labels of its sections.
    fn of_pem(text: &str) -> Self {
        let has = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
        let kinds = [
            (has("ENCRYPTED PRIVATE KEY"), Self::EncryptedKey { is_der: false }),
            (text.contains("Proc-Type: 4,ENCRYPTED"), Self::EncryptedKey { is_der: false }),
            (has("OPENSSH PRIVATE KEY"), Self::OpenSshKey),
            (text.contains("PRIVATE KEY-----"), Self::PemKey),
            (has("CERTIFICATE"), Self::PemCertificate),
            (text.contains("CERTIFICATE REQUEST-----"), Self::CertificateRequest),
            (has("PKCS7"), Self::Pkcs7 { is_der: false }),
            (text.contains("PUBLIC KEY-----"), Self::PublicKey),
        ];
        kinds.iter().find(|(is_found, _)| *is_found).map_or(Self::Unknown, |(_, kind)| *kind)
    }

    /// Distinguishes the contents of a DER file, a SEQUENCE, by its first elements.
    fn of_der(file: &[u8]) -> Self {
        match inner(file) {
            // A version, and for PKCS#8 the algorithm, PKCS#1 the modulus, SEC1 the key.
            [2, 1, 0, 0x30 | 2, ..] | [2, 1, 1, 4, ..] => Self::DerKey,
            [2, 1, 3, 0x30, ..] => Self::Pkcs12,
            // The object identifier of signed data.
            [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2, ..] => Self::Pkcs7 { is_der: true },
            nested @ [0x30, ..] => match inner(nested) {
                // An algorithm of PKCS#5 or PKCS#12, which encrypts with a password.
                [6, _, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5 | 12, ..] => {
                    Self::EncryptedKey { is_der: true }
                }
                [6, ..] => Self::PublicKey,
                // A version, and the name of the subject.
                [2, 1, 0, 0x30, ..] if is_name(nested) => Self::CertificateRequest,
                // The version of a v2 or v3 certificate, or the serial number of a v1 certificate.
                [0xa0 | 2, ..] => Self::DerCertificate,
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// Returns the reason why no certificate can be read from the file, with the remedy if there is one.
    fn instead_of_certificate(self) -> &'static str {
        match self {
            Self::PemKey | Self::DerKey | Self::EncryptedKey { .. } | Self::OpenSshKey => {
                "no PEM certificate (-----BEGIN CERTIFICATE-----) found, but a private key; are the \
                 files of the certificate and the key swapped?"
            }
            Self::CertificateRequest => {
                "no PEM certificate (-----BEGIN CERTIFICATE-----) found, but a certificate request; a \
                 CA signs it with `openssl x509 -req`"
            }
            Self::Pkcs7 { is_der: false } => {
                "it is in PKCS#7 format; convert it with `openssl pkcs7 -print_certs -in FILE -out \
                 certificates.pem`"
            }
            Self::Pkcs7 { is_der: true } => {
                "it is in PKCS#7 format; convert it with `openssl pkcs7 -inform DER -print_certs -in \
                 FILE -out certificates.pem`"
            }
            Self::Pkcs12 => {
                "it is a PKCS#12 keystore; extract the certificates with `openssl pkcs12 -in FILE \
                 -nokeys -out certificates.pem`"
            }
            Self::JavaKeyStore => {
                "it is a Java keystore; extract the certificate with `keytool -exportcert -rfc \
                 -keystore FILE -alias ALIAS -file certificate.pem`"
            }
            Self::Empty => "no PEM certificate (-----BEGIN CERTIFICATE-----) found; it is empty",
            _ => "no PEM certificate (-----BEGIN CERTIFICATE-----) found",
        }
    }

    /// Returns the reason why no private key can be read from the file, with the remedy if there is one.
    fn instead_of_key(self) -> &'static str {
        match self {
            Self::EncryptedKey { is_der: false } => {
                "it is encrypted with a password; decrypt it with `openssl pkey -in FILE -out \
                 decrypted.key`"
            }
            Self::EncryptedKey { is_der: true } => {
                "it is encrypted with a password; decrypt it with `openssl pkey -inform DER -in FILE \
                 -out decrypted.key`"
            }
            Self::PemCertificate | Self::DerCertificate => {
                "no PEM private key (-----BEGIN PRIVATE KEY-----) found, but a certificate; are the \
                 files of the certificate and the key swapped?"
            }
            Self::OpenSshKey => {
                "it is in OpenSSH format; convert a copy with `ssh-keygen -p -m PKCS8 -f COPY`"
            }
            Self::PublicKey => {
                "no PEM private key (-----BEGIN PRIVATE KEY-----) found, but a public key"
            }
            Self::Pkcs12 => {
                "it is a PKCS#12 keystore; extract the key with `openssl pkcs12 -in FILE -nocerts \
                 -nodes -out private.key`"
            }
            Self::JavaKeyStore => {
                "it is a Java keystore; convert it with `keytool -importkeystore -srckeystore FILE \
                 -destkeystore key.p12 -deststoretype PKCS12`, and extract the key with `openssl \
                 pkcs12 -in key.p12 -nocerts -nodes -out private.key`"
            }
            Self::PemKey | Self::DerKey => "it is not a valid PKCS#8, PKCS#1 or SEC1 key",
            Self::Empty => "no PEM private key (-----BEGIN PRIVATE KEY-----) found; it is empty",
            _ => "no PEM private key (-----BEGIN PRIVATE KEY-----) found",
        }
    }
}

/// Returns the bytes after the tag and the length of a DER element.
fn inner(element: &[u8]) -> &[u8] {
    let length_bytes = match element.get(1) {
        Some(first) if *first >= 0x80 => usize::from(first & 0x7f),
        _ => 0,
    };
    element.get(2_usize.saturating_add(length_bytes)..).unwrap_or_default()
}

/// Returns true if the third element of a certification request is the name of a subject, whose
/// first element is a SET. In a certificate, the third element is an algorithm.
fn is_name(request: &[u8]) -> bool {
    // The version takes three bytes.
    let name = inner(request).get(3..).unwrap_or_default();
    matches!(inner(name), [0x31, ..])
}

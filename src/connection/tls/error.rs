//! TLS errors as one-line messages that say what to do.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, OtherError, PeerIncompatible};

use crate::protocol::CloseReason;

/// The error of an invalid [`Tls`](super::Tls) configuration. The message says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError(String);

impl TlsError {
    /// Returns the error of a file with certificates or a key, which serves this purpose.
    pub(super) fn unusable(purpose: &str, error: &dyn fmt::Display) -> Self {
        Self(format!("the {purpose} cannot be used: {error}"))
    }

    /// Returns the error of a client certificate and its key.
    pub(super) fn client_certificate(error: &Error) -> Self {
        let reason = match error {
            Error::InvalidCertificate(CertificateError::Other(other)) if is_v1(other) => {
                "it is an X.509 v1 certificate, which `openssl x509 -req` makes without extensions; \
                 issue it again with `-extfile FILE`, where FILE contains \
                 `basicConstraints=CA:FALSE`"
            }
            Error::InconsistentKeys(_) => {
                "the private key does not belong to it; `openssl x509 -pubkey -noout -in CERTIFICATE` \
                 and `openssl pkey -pubout -in KEY` have to print the same public key"
            }
            Error::General(text) if text.contains("private key") => {
                "its private key is of an unsupported kind; use RSA with at least 2048 bits, ECDSA with \
                 the curve P-256 or P-384, or Ed25519"
            }
            other => return Self::unusable("client certificate", other),
        };
        Self::unusable("client certificate", &reason)
    }

    pub(super) fn bad_name(name: &str) -> Self {
        Self(format!("`{name}` is neither a host name nor an IP address"))
    }

    pub(super) fn no_roots() -> Self {
        Self("the system trusts no CA; set the root certificates of the cluster".to_owned())
    }

    pub(super) fn has_client_config() -> Self {
        Self("certificates cannot be added to a ClientConfig; set them there".to_owned())
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// Returns the reason for the end of a connection whose socket failed, because of TLS or otherwise.
pub(in crate::connection) fn close_reason(error: &io::Error) -> CloseReason {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(tls) => CloseReason::Tls(explain(tls)),
        None => CloseReason::from_socket(error),
    }
}

/// Returns the message for an error of rustls.
fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => explain_certificate(error),
        Error::AlertReceived(alert) => explain_alert(*alert),
        Error::InvalidMessage(_) => "the server does not speak TLS on this port".to_owned(),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            "the server supports neither TLS 1.2 nor 1.3".to_owned()
        }
        other => format!("TLS failed: {other}"),
    }
}

/// Returns the message for an invalid server certificate.
fn explain_certificate(error: &CertificateError) -> String {
    let text = match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "is not signed by a trusted CA; set the root certificate of the cluster"
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            return format!(
                "the server's certificate is valid {}, not for {}; connect by a name in the \
                 certificate, or set the expected server name",
                names(presented),
                expected.to_str()
            );
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired, or the client's clock is wrong"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet, or the client's clock is wrong"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "or its CA is signed with an unsupported algorithm, such as SHA-1 or RSA with less than \
             2048 bits; issue it again with `openssl x509 -req -sha256`"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not for servers; issue it again with `extendedKeyUsage=serverAuth`, or without \
             `extendedKeyUsage`"
        }
        CertificateError::Other(other) if is_v1(other) => {
            "is an X.509 v1 certificate, which `openssl x509 -req` makes without extensions and which \
             is valid for no host; issue it again with `-extfile FILE`, where FILE contains \
             `subjectAltName=DNS:NAME`"
        }
        CertificateError::Other(other) if has_text(other, "CaUsedAsEndEntity") => {
            "is that of a CA, as `openssl req -x509` makes it; issue another one for the server with \
             `openssl x509 -req -CA ...`, or a self-signed one with `openssl req -x509 -addext \
             basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:NAME`"
        }
        CertificateError::Other(other) if has_text(other, "EndEntityUsedAsCa") => {
            "is signed by a certificate that is not a CA; issue the intermediate certificate again with \
             `basicConstraints=critical,CA:TRUE`"
        }
        other => return format!("the server's certificate is invalid: {other}"),
    };
    format!("the server's certificate {text}")
}

/// Returns true if the reason is that a certificate is X.509 v1.
fn is_v1(reason: &OtherError) -> bool {
    has_text(reason, "UnsupportedCertVersion")
}

/// Returns true if the text of the reason, an error of the crate `rustls-webpki`, is the name of this
/// variant.
fn has_text(reason: &OtherError, variant: &str) -> bool {
    reason.0.to_string() == variant
}

/// Maximum number of a certificate's names in a message.
const MAX_NAMES: usize = 5;

/// Formats the names in a certificate for a message: `DnsName("localhost")` becomes `for localhost`.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "for no host at all (it has no subject alternative name)".to_owned();
    }
    let plain = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest);
        inner.trim_end_matches(')').trim_matches('"').to_owned()
    };
    let shown: Vec<_> = presented.iter().take(MAX_NAMES).map(plain).collect();
    let more = if presented.len() > MAX_NAMES { ", ..." } else { "" };
    format!("for {}{more}", shown.join(", "))
}

/// Returns the message for an alert of the server.
fn explain_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateExpired => {
            "the server rejects the client certificate because it has expired (alert \
             CertificateExpired)"
                .to_owned()
        }
        AlertDescription::CertificateRequired
        | AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRevoked
        | AlertDescription::DecryptError
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::UnknownCA => {
            format!("the server requires a client certificate that it trusts (alert {alert:?})")
        }
        AlertDescription::HandshakeFailure => {
            "the server supports none of the client's ciphers, or requires a client certificate"
                .to_owned()
        }
        AlertDescription::ProtocolVersion => "the server supports neither TLS 1.2 nor 1.3".to_owned(),
        AlertDescription::InternalError => {
            "the server failed in the TLS handshake (alert InternalError), possibly because it does \
             not trust the client certificate"
                .to_owned()
        }
        other => format!("the server ended the TLS handshake (alert {other:?})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_the_names_of_a_certificate_up_to_a_limit() {
        let names = |presented: &[&str]| {
            names(&presented.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(names(&["DnsName(\"a\")", "IpAddress(127.0.0.1)", "b"]), "for a, 127.0.0.1, b");
        assert_eq!(names(&["DnsName(\"a\")"; 6]), "for a, a, a, a, a, ...");
        assert!(names(&[]).contains("no host at all"));
    }

    #[test]
    fn keeps_errors_that_are_not_from_tls() {
        let refused = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(
            close_reason(&refused),
            CloseReason::Io(io::ErrorKind::ConnectionReset, _)
        ));
        let alert = Error::AlertReceived(AlertDescription::BadCertificate);
        let alert = close_reason(&io::Error::new(io::ErrorKind::InvalidData, alert));
        assert!(alert.to_string().contains("client certificate"), "{alert}");
    }
}

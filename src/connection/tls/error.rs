//! What is wrong with TLS, in one line that says what to do.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::protocol::CloseReason;

/// A [`Tls`](super::Tls) that cannot be: why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError(String);

impl TlsError {
    pub(super) fn no_certificate(what: &str) -> Self {
        Self(format!("the {what}: there is no certificate in PEM (-----BEGIN CERTIFICATE-----)"))
    }

    pub(super) fn unusable(what: &str, error: &dyn fmt::Display) -> Self {
        Self(format!("the {what} cannot be used: {error}"))
    }

    pub(super) fn bad_key(is_encrypted: bool) -> Self {
        Self(match is_encrypted {
            true => "the private key is encrypted; `openssl pkey` decrypts it".to_owned(),
            false => "there is no private key in PEM (-----BEGIN PRIVATE KEY-----)".to_owned(),
        })
    }

    pub(super) fn bad_name(name: &str) -> Self {
        Self(format!("`{name}` is neither a host name nor an address"))
    }

    pub(super) fn no_roots() -> Self {
        Self("this system trusts no CA; give the root certificates of the cluster".to_owned())
    }

    pub(super) fn given() -> Self {
        Self("the certificates are those of the ClientConfig that was given".to_owned())
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// Why a socket failed, whether that was TLS or not.
pub(in crate::connection) fn reason(error: &io::Error) -> CloseReason {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(tls) => CloseReason::Tls(explain(tls)),
        None => CloseReason::Io(error.kind(), error.to_string()),
    }
}

fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => certificate(why),
        Error::AlertReceived(alert) => self::alert(*alert),
        Error::InvalidMessage(_) => "the server does not speak TLS on this port".to_owned(),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            "the server speaks neither TLS 1.2 nor 1.3".to_owned()
        }
        other => format!("TLS failed: {other}"),
    }
}

/// What is wrong with the server's certificate.
fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the server's certificate is signed by no CA that is trusted here; give the root \
             certificate of the cluster"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "the server's certificate is {}, not for {}; connect by a name that it has, or say which \
             server name to expect",
            names(presented),
            expected.to_str()
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired, or the clock here is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet, or the clock here is wrong".to_owned()
        }
        other => format!("the server's certificate is refused: {other}"),
    }
}

/// So many names of a certificate are shown.
const SHOWN: usize = 5;

/// `for localhost, 127.0.0.1`, of names that come as `DnsName("localhost")`.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "for no host at all (it has no subject alternative name)".to_owned();
    }
    let bare = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest);
        inner.trim_end_matches(')').trim_matches('"').to_owned()
    };
    let shown: Vec<_> = presented.iter().take(SHOWN).map(bare).collect();
    let more = if presented.len() > SHOWN { ", ..." } else { "" };
    format!("for {}{more}", shown.join(", "))
}

/// What the server does not like.
fn alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::DecryptError
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::UnknownCA => {
            format!("the server wants a client certificate that it trusts (its alert: {alert:?})")
        }
        AlertDescription::HandshakeFailure => {
            "the server has no cipher in common with us, or wants a client certificate".to_owned()
        }
        AlertDescription::ProtocolVersion => "the server speaks neither TLS 1.2 nor 1.3".to_owned(),
        AlertDescription::InternalError => {
            "the server failed in the TLS handshake (its alert: InternalError), as some do that do \
             not trust the client certificate"
                .to_owned()
        }
        other => format!("the server ended TLS (its alert: {other:?})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_certificate_are_shown_bare_and_not_without_end() {
        let names = |presented: &[&str]| {
            names(&presented.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(names(&["DnsName(\"a\")", "IpAddress(127.0.0.1)", "b"]), "for a, 127.0.0.1, b");
        assert_eq!(names(&["DnsName(\"a\")"; 6]), "for a, a, a, a, a, ...");
        assert!(names(&[]).contains("no host at all"));
    }

    #[test]
    fn what_is_not_of_tls_stays_what_it_is() {
        let refused = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(reason(&refused), CloseReason::Io(io::ErrorKind::ConnectionReset, _)));
        let alert = Error::AlertReceived(AlertDescription::BadCertificate);
        let alert = reason(&io::Error::new(io::ErrorKind::InvalidData, alert));
        assert!(alert.to_string().contains("client certificate"), "{alert}");
    }
}

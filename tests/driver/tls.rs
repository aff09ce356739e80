//! TLS connections: valid certificates, and the errors for invalid ones.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cassandra_harness::Certificates;
use cqlwire::connection::Tls;
use cqlwire::message::{Request, ResultMessage};
use cqlwire::session::{Error, ErrorKind, Session, Statement};
use cqlwire::testing::Reply;
use cqlwire::wire::Version;

use crate::mock_server::start_server;
use crate::program::{LIST_USERS, run};
use crate::tcp_server::start_tcp_server;
use crate::tls_proxy::start_tls_proxy;

/// A TLS server that requires client certificates, and its CA.
struct TlsServer {
    certificates: Certificates,
    address: SocketAddr,
}

impl TlsServer {
    fn new() -> Self {
        Self::in_front_of(
            start_server(Version::V5, |_, _| Reply::void()),
            &["localhost", "127.0.0.1"],
        )
    }

    /// Starts a TLS proxy for `server`, with a certificate for these names.
    fn in_front_of(server: SocketAddr, names: &[&str]) -> Self {
        let certificates = Certificates::new().unwrap();
        let identity = certificates.issue(names).unwrap();
        let address = start_tls_proxy(server, &identity, Some(&certificates));
        Self { certificates, address }
    }

    /// Returns a client configuration with a valid certificate.
    fn tls(&self) -> Tls {
        let client = self.certificates.issue(&[]).unwrap();
        let trusting = Tls::new().root_certificates_pem(self.certificates.ca()).unwrap();
        trusting.client_certificate_pem(client.certificate, client.key).unwrap()
    }

    async fn connect(&self, tls: Tls) -> Result<Session, Error> {
        connect(self.address.to_string(), tls).await
    }

    /// Returns the text of the connect error.
    async fn connect_error(&self, tls: Tls) -> String {
        line(&self.connect(tls).await.unwrap_err())
    }
}

async fn connect(point: String, tls: Tls) -> Result<Session, Error> {
    Session::builder().contact_points([point]).tls(tls).connect().await
}

fn line(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let line = error.to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[tokio::test]
async fn connects_by_name_and_by_address_with_valid_certificates() {
    let secure = TlsServer::new();
    for host in ["localhost", "127.0.0.1"] {
        let point = format!("{host}:{}", secure.address.port());
        let session = connect(point, secure.tls()).await.unwrap();
        session.execute("SELECT", ()).await.unwrap();
    }
}

#[tokio::test]
async fn refuses_a_server_certificate_of_an_untrusted_ca() {
    let secure = TlsServer::new();
    // The other CA has the same name and another key.
    let other = Certificates::new().unwrap();
    let trusting_other = || Tls::new().root_certificates_pem(other.ca()).unwrap();
    for tls in [trusting_other(), trusting_other().dangerous_any_host_name(), Tls::new()] {
        let error = secure.connect_error(tls).await;
        assert!(
            error.contains("not signed by a trusted CA") || error.contains("trusts no CA"),
            "{error}"
        );
    }
    // One trusted CA of two is enough.
    let client = secure.certificates.issue(&[]).unwrap();
    let tls = trusting_other().root_certificates_pem(secure.certificates.ca()).unwrap();
    let tls = tls.client_certificate_pem(client.certificate, client.key).unwrap();
    secure.connect(tls).await.unwrap();
}

#[tokio::test]
async fn refuses_a_server_certificate_for_another_host() {
    let server = start_server(Version::V4, |_, _| Reply::void());
    let secure = TlsServer::in_front_of(server, &["db.example.com", "10.0.0.1"]);
    let error = secure.connect_error(secure.tls()).await;
    let expected =
        "the server's certificate is valid for db.example.com, 10.0.0.1, not for 127.0.0.1";
    assert!(error.contains(expected), "{error}");
    let named = secure.tls().server_name("db.example.com").unwrap();
    secure.connect(named).await.unwrap();
    secure.connect(secure.tls().dangerous_any_host_name()).await.unwrap();
    // `server_name` replaces the contact point's host in the check.
    let misnamed = secure.tls().server_name("127.0.0.1").unwrap();
    assert!(secure.connect_error(misnamed).await.contains("not for 127.0.0.1"));
    let nameless = TlsServer::in_front_of(server, &[]);
    let error = nameless.connect_error(nameless.tls()).await;
    assert!(error.contains("for no host at all"), "{error}");
}

#[tokio::test]
async fn reports_that_the_server_requires_a_client_certificate() {
    let secure = TlsServer::new();
    let trusting = || Tls::new().root_certificates_pem(secure.certificates.ca()).unwrap();
    let stranger = Certificates::new().unwrap().issue(&[]).unwrap();
    let stranger = trusting().client_certificate_pem(stranger.certificate, stranger.key).unwrap();
    for tls in [trusting(), stranger] {
        let error = secure.connect_error(tls).await;
        assert!(
            error.contains("the server requires a client certificate that it trusts"),
            "{error}"
        );
    }
    let [one, two] = [(); 2].map(|()| secure.certificates.issue(&[]).unwrap());
    let error = trusting().client_certificate_pem(one.certificate, two.key).unwrap_err();
    assert!(error.to_string().starts_with("the client certificate cannot be used"), "{error}");
}

#[tokio::test]
async fn reports_when_only_one_side_uses_tls() {
    let secure = TlsServer::new();
    let plain = start_server(Version::V4, |_, _| Reply::void());
    let error = connect(plain.to_string(), secure.tls()).await.unwrap_err();
    let error = line(&error);
    assert!(error.contains("does not speak TLS on this port"), "{error}");
    let point = secure.address.to_string();
    let error = Session::builder().contact_points([point]).connect().await.unwrap_err();
    let error = line(&error);
    assert!(error.contains("the server speaks TLS on this port"), "{error}");
}

#[tokio::test]
async fn the_tls_handshake_times_out() {
    let secure = TlsServer::new();
    // The server keeps the connection open and sends nothing.
    let sockets = std::sync::Mutex::new(Vec::new());
    let silent = start_tcp_server(move |socket| sockets.lock().unwrap().push(socket));
    let connecting = Session::builder()
        .contact_points([silent.to_string()])
        .tls(secure.tls())
        .connect_timeout(Duration::from_millis(200))
        .connect();
    let error = line(&connecting.await.unwrap_err());
    assert!(error.contains("did not complete the handshake in time"), "{error}");
}

/// When the socket is full, TLS buffers bytes, which must be flushed later.
#[tokio::test]
async fn requests_larger_than_the_socket_buffer_arrive_complete() {
    let received = Arc::new(AtomicUsize::new(0));
    let sum = Arc::clone(&received);
    let server = start_server(Version::V5, move |request, _| {
        if let Request::Query(query) = request {
            sum.fetch_add(query.text.len(), Ordering::SeqCst);
        }
        ResultMessage::Void.into()
    });
    let secure = TlsServer::in_front_of(server, &["127.0.0.1"]);
    let session = secure.connect(secure.tls()).await.unwrap();
    let long = "x".repeat(3 << 20);
    let statement = Statement::new(long.as_str()).timeout(None);
    for _ in 0..4 {
        let statements = std::array::from_fn::<_, 4, _>(|_| session.execute(&statement, ()));
        let [a, b, c, d] = statements;
        let (a, b, c, d) = tokio::join!(a, b, c, d);
        for answer in [a, b, c, d] {
            answer.unwrap();
        }
    }
    assert_eq!(received.load(Ordering::SeqCst), 16 * long.len());
}

#[cfg(feature = "rustls-023")]
#[tokio::test]
async fn uses_a_given_rustls_configuration_unchanged() {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    let certificates = Certificates::new().unwrap();
    let identity = certificates.issue(&["db.example.com"]).unwrap();
    let server = start_server(Version::V4, |_, _| Reply::void());
    let address = start_tls_proxy(server, &identity, None);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificates.ca().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let given = Tls::from(Arc::new(config));
    let named = given.clone().server_name("db.example.com").unwrap();
    connect(address.to_string(), named).await.unwrap();
    assert!(connect(address.to_string(), given.clone().dangerous_any_host_name()).await.is_err());
    let error = given.root_certificates_pem(certificates.ca()).unwrap_err();
    assert_eq!(error.to_string(), "certificates cannot be added to a ClientConfig; set them there");
}

#[test]
fn programs_give_hints_for_tls_errors() {
    let secure = TlsServer::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let client = secure.certificates.issue(&[]).unwrap();
    let ca = file("ca.pem", &secure.certificates.ca());
    let other = file("other.pem", &Certificates::new().unwrap().ca());
    let (cert, key) = (file("client.pem", &client.certificate), file("client.key", &client.key));
    let host = secure.address.to_string();
    let list = |arguments: &[&str]| run(LIST_USERS, &[&["--host", &host], arguments].concat());
    let ours = ["--tls-cert", &cert, "--tls-key", &key];
    for (arguments, error) in [
        (&["--tls-ca", &ca][..], "(alert CertificateRequired; check --tls-cert and --tls-key)"),
        (&[&["--tls-ca", &other], &ours[..]].concat(), "(--tls-ca sets the file of its CA)"),
        (
            &[&["--tls-ca", &ca, "--tls-server-name", "db1"], &ours[..]].concat(),
            "(check --host and --tls-server-name)",
        ),
        (&[], "(--tls turns on TLS)"),
    ] {
        let output = list(arguments);
        assert_eq!(output.code, 1, "{output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
        assert!(output.stderr.contains(error), "{arguments:?}: {output:?}");
    }
    for (arguments, error) in [
        (
            &["--tls-ca", &key][..],
            "client.key: the root certificates cannot be used: no PEM certificate",
        ),
        (&["--tls-ca", "not-there.pem"], "cannot read not-there.pem: "),
        (&["--tls-server-name", "a b"], "--tls-server-name: `a b` is neither"),
    ] {
        let output = list(arguments);
        assert_eq!(output.code, 2, "{output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
        assert!(output.stderr.contains(error), "{arguments:?}: {output:?}");
    }
    let connected = list(&[&["--tls-ca", &ca], &ours[..]].concat());
    assert!(connected.stderr.contains("the statement returns no rows"), "{connected:?}");
    assert_eq!(list(&["--tls-cert", &cert]).code, 2);
}

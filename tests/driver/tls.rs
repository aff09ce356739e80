//! TLS: who gets in, and what those are told who do not.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cassandra_harness::Certificates;
use cqlwire::connection::Tls;
use cqlwire::message::{Request, ResultMessage};
use cqlwire::session::{Error, ErrorKind, Session};
use cqlwire::testing::Reply;
use cqlwire::wire::Version;

use crate::listen::serve;
use crate::program::{LIST_USERS, run};
use crate::server::speak;
use crate::tls_front::front;

/// A server whose clients must have a certificate, and its CA.
struct Secure {
    certificates: Certificates,
    address: SocketAddr,
}

impl Secure {
    fn new() -> Self {
        Self::of(speak(Version::V5, |_, _| Reply::void()), &["localhost", "127.0.0.1"])
    }

    /// In front of `server`, by these names.
    fn of(server: SocketAddr, names: &[&str]) -> Self {
        let certificates = Certificates::new().unwrap();
        let identity = certificates.issue(names).unwrap();
        let address = front(server, &identity, Some(&certificates));
        Self { certificates, address }
    }

    /// All that it takes to get in.
    fn tls(&self) -> Tls {
        let client = self.certificates.issue(&[]).unwrap();
        let trusting = Tls::new().root_certificates_pem(self.certificates.ca()).unwrap();
        trusting.client_certificate_pem(client.certificate, client.key).unwrap()
    }

    async fn connect(&self, tls: Tls) -> Result<Session, Error> {
        connect(self.address.to_string(), tls).await
    }

    /// What it says when it does not connect.
    async fn refusal(&self, tls: Tls) -> String {
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
    let secure = Secure::new();
    for host in ["localhost", "127.0.0.1"] {
        let point = format!("{host}:{}", secure.address.port());
        let session = connect(point, secure.tls()).await.unwrap();
        session.execute("SELECT", ()).await.unwrap();
    }
}

#[tokio::test]
async fn refuses_a_server_certificate_of_an_untrusted_ca() {
    let secure = Secure::new();
    // It has the same name, and another key.
    let other = Certificates::new().unwrap();
    let trusting_other = || Tls::new().root_certificates_pem(other.ca()).unwrap();
    for tls in [trusting_other(), trusting_other().dangerous_any_host_name(), Tls::new()] {
        let said = secure.refusal(tls).await;
        assert!(
            said.contains("not signed by a trusted CA") || said.contains("trusts no CA"),
            "{said}"
        );
    }
    // Of two, one is enough.
    let client = secure.certificates.issue(&[]).unwrap();
    let tls = trusting_other().root_certificates_pem(secure.certificates.ca()).unwrap();
    let tls = tls.client_certificate_pem(client.certificate, client.key).unwrap();
    secure.connect(tls).await.unwrap();
}

#[tokio::test]
async fn refuses_a_server_certificate_for_another_host() {
    let server = speak(Version::V4, |_, _| Reply::void());
    let secure = Secure::of(server, &["db.example.com", "10.0.0.1"]);
    let said = secure.refusal(secure.tls()).await;
    let expected =
        "the server's certificate is valid for db.example.com, 10.0.0.1, not for 127.0.0.1";
    assert!(said.contains(expected), "{said}");
    let named = secure.tls().server_name("db.example.com").unwrap();
    secure.connect(named).await.unwrap();
    secure.connect(secure.tls().dangerous_any_host_name()).await.unwrap();
    // The name that is asked for counts, and not that of the contact point.
    let misnamed = secure.tls().server_name("127.0.0.1").unwrap();
    assert!(secure.refusal(misnamed).await.contains("not for 127.0.0.1"));
    let nameless = Secure::of(server, &[]);
    let said = nameless.refusal(nameless.tls()).await;
    assert!(said.contains("for no host at all"), "{said}");
}

#[tokio::test]
async fn reports_that_the_server_requires_a_client_certificate() {
    let secure = Secure::new();
    let trusting = || Tls::new().root_certificates_pem(secure.certificates.ca()).unwrap();
    let stranger = Certificates::new().unwrap().issue(&[]).unwrap();
    let stranger = trusting().client_certificate_pem(stranger.certificate, stranger.key).unwrap();
    for tls in [trusting(), stranger] {
        let said = secure.refusal(tls).await;
        assert!(said.contains("the server requires a client certificate that it trusts"), "{said}");
    }
    let [one, two] = [(); 2].map(|()| secure.certificates.issue(&[]).unwrap());
    let error = trusting().client_certificate_pem(one.certificate, two.key).unwrap_err();
    assert!(error.to_string().starts_with("the client certificate cannot be used"), "{error}");
}

#[tokio::test]
async fn reports_when_only_one_side_uses_tls() {
    let secure = Secure::new();
    let plain = speak(Version::V4, |_, _| Reply::void());
    let error = connect(plain.to_string(), secure.tls()).await.unwrap_err();
    let said = line(&error);
    assert!(said.contains("does not speak TLS on this port"), "{said}");
    let point = secure.address.to_string();
    let error = Session::builder().contact_points([point]).connect().await.unwrap_err();
    let said = line(&error);
    assert!(said.contains("the server speaks TLS on this port"), "{said}");
}

#[tokio::test]
async fn the_tls_handshake_times_out() {
    let secure = Secure::new();
    // It is kept open, and nothing is said.
    let sockets = std::sync::Mutex::new(Vec::new());
    let silent = serve(move |socket| sockets.lock().unwrap().push(socket));
    let connecting = Session::builder()
        .contact_points([silent.to_string()])
        .tls(secure.tls())
        .connect_timeout(Duration::from_millis(200))
        .connect();
    let said = line(&connecting.await.unwrap_err());
    assert!(said.contains("did not complete the handshake in time"), "{said}");
}

/// TLS keeps bytes for itself when a socket is full; they must not stay there.
#[tokio::test]
async fn requests_larger_than_the_socket_buffer_arrive_complete() {
    let received = Arc::new(AtomicUsize::new(0));
    let sum = Arc::clone(&received);
    let server = speak(Version::V5, move |request, _| {
        if let Request::Query(query) = request {
            sum.fetch_add(query.text.len(), Ordering::SeqCst);
        }
        ResultMessage::Void.into()
    });
    let secure = Secure::of(server, &["127.0.0.1"]);
    let session = secure.connect(secure.tls()).await.unwrap();
    let long = "x".repeat(3 << 20);
    for _ in 0..4 {
        let statements = std::array::from_fn::<_, 4, _>(|_| session.execute(long.as_str(), ()));
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
    let server = speak(Version::V4, |_, _| Reply::void());
    let address = front(server, &identity, None);
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
    let secure = Secure::new();
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
    for (arguments, said) in [
        (&["--tls-ca", &ca][..], "(see --tls-cert and --tls-key)"),
        (&[&["--tls-ca", &other], &ours[..]].concat(), "(--tls-ca names its file)"),
        (
            &[&["--tls-ca", &ca, "--tls-server-name", "db1"], &ours[..]].concat(),
            "(see --host and --tls-server-name)",
        ),
        (&[], "(--tls turns TLS on)"),
        (
            &["--tls-ca", &key],
            "client.key: the root certificates cannot be used: no PEM certificate",
        ),
        (&["--tls-ca", "not-there.pem"], "cannot read not-there.pem: "),
        (&["--tls-server-name", "a b"], "--tls-server-name: `a b` is neither"),
    ] {
        let output = list(arguments);
        assert_eq!(output.code, 1, "{output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
        assert!(output.stderr.contains(said), "{arguments:?}: {output:?}");
    }
    let let_in = list(&[&["--tls-ca", &ca], &ours[..]].concat());
    assert!(let_in.stderr.contains("the statement gave no rows"), "{let_in:?}");
    assert_eq!(list(&["--tls-cert", &cert]).code, 2);
}

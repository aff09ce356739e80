//! TLS and log-in of the mock server itself.

use cassandra_harness::Certificates;
use cqlwire::connection::Tls;
use cqlwire::protocol::Credentials;
use cqlwire::session::{ErrorKind, Session};
use cqlwire::testing::{MockServer, Reply, ServerTls};
use cqlwire::types::NativeType;

async fn server(tls: ServerTls) -> MockServer {
    let large = vec![7_u8; 5 << 20];
    let reply = Reply::rows([("a", NativeType::Blob)], [[large.as_slice()]]);
    MockServer::bind("127.0.0.1:0").await.unwrap().tls(tls).on("select", reply)
}

#[tokio::test]
async fn serves_clients_over_tls() {
    let certificates = Certificates::new().unwrap();
    let identity = certificates.issue(&["127.0.0.1"]).unwrap();
    let server = server(ServerTls::pem(&identity.certificate, &identity.key).unwrap()).await;
    let tls = Tls::new().root_certificates_pem(certificates.ca()).unwrap();
    let builder = || Session::builder().contact_points([server.address().to_string()]);
    let session = builder().tls(tls).connect().await.unwrap();
    let result = session.execute("select", ()).await.unwrap();
    assert_eq!(result.one::<(&[u8],)>().unwrap().0.len(), 5 << 20);
    assert!(builder().connect().await.is_err(), "clients without TLS are refused");
}

#[tokio::test]
async fn requires_client_certificates_from_its_ca() {
    let certificates = Certificates::new().unwrap();
    let identity = certificates.issue(&["127.0.0.1"]).unwrap();
    let (chain, key) = (&identity.certificate, &identity.key);
    let tls = ServerTls::pem_with_client_ca(chain, key, certificates.ca()).unwrap();
    let server = server(tls).await;
    let trusting = || Tls::new().root_certificates_pem(certificates.ca()).unwrap();
    let builder = || Session::builder().contact_points([server.address().to_string()]);
    assert!(builder().tls(trusting()).connect().await.is_err());
    let client = certificates.issue(&[]).unwrap();
    let tls = trusting().client_certificate_pem(client.certificate, client.key).unwrap();
    builder().tls(tls).connect().await.unwrap();
}

#[test]
fn refuses_files_that_are_not_certificates_and_keys() {
    let certificates = Certificates::new().unwrap();
    let (one, two) = (certificates.issue(&["a"]).unwrap(), certificates.issue(&["b"]).unwrap());
    for (chain, key, expected) in [
        ("", &*one.key, "certificate chain: the file has no certificate"),
        (&*one.certificate, "", "private key"),
        (&*one.certificate, &*two.key, "certificate"),
    ] {
        let error = ServerTls::pem(chain, key).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn several_users_log_in_with_their_own_passwords() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.credentials("ada", "one").credentials("bob", "two");
    let log_in = async |user: &str, password: &str| {
        let builder = Session::builder().contact_points([server.address().to_string()]);
        builder.authenticator(Credentials::new(user, password)).connect().await
    };
    log_in("ada", "one").await.unwrap();
    log_in("bob", "two").await.unwrap();
    for (user, password) in [("ada", "two"), ("eve", "one")] {
        let error = log_in(user, password).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        let expected = format!("Provided username {user} and/or password are incorrect");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

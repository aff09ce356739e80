//! Certificates and keys as `openssl` makes them, in the formats in which users have them. The files
//! are made by `openssl/make.sh`.

use cassandra_harness::Identity;
use cqlwire::connection::Tls;
use cqlwire::session::Session;
use cqlwire::testing::Reply;
use cqlwire::wire::Version;

use crate::mock_server::start_server;
use crate::tls_proxy::start_tls_proxy;

/// Returns the contents of a file that `openssl` has made.
macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("openssl/", $name)).as_slice()
    };
}

/// The beginning of a Java keystore: its magic number, its version, and the number of entries.
const JAVA_KEY_STORE: &[u8] = &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1];

fn client_error(certificate: &[u8], key: &[u8]) -> String {
    let error = Tls::new().client_certificate_pem(certificate, key).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// Connects to a server with this certificate, whose issuer the client trusts, and returns the error.
async fn server_error(certificate: &[u8], key: &[u8]) -> Option<String> {
    let text = |file: &[u8]| String::from_utf8(file.to_vec()).unwrap();
    let identity = Identity { certificate: text(certificate), key: text(key) };
    let server = start_server(Version::V5, |_, _| Reply::void());
    let address = start_tls_proxy(server, &identity, None);
    let tls = Tls::new().root_certificates_pem(file!("ca.pem")).unwrap();
    let connected = Session::builder().contact_points([address.to_string()]).tls(tls).connect();
    connected.await.err().map(|error| error.to_string())
}

#[tokio::test]
async fn reads_certificates_and_keys_in_pem_and_der() {
    for certificate in [file!("good.pem"), file!("good.der")] {
        let tls = Tls::new().root_certificates_pem(certificate).unwrap();
        for key in [file!("good.key"), file!("good.key.der"), file!("good.ec.key")] {
            tls.clone().client_certificate_pem(certificate, key).unwrap();
        }
    }
    // A PEM file may begin with any text.
    let text = [b"0 s:CN = good\n", file!("good.pem"), file!("good.key")].concat();
    Tls::new().client_certificate_pem(&text, &text).unwrap();
    assert_eq!(server_error(file!("good.pem"), file!("good.key")).await, None);
}

#[test]
fn names_the_command_that_converts_a_file_of_another_format() {
    let good = file!("good.pem");
    for (key, expected) in [
        (file!("encrypted.key"), "decrypt it with `openssl pkey -in FILE"),
        (file!("encrypted.ec.key"), "decrypt it with `openssl pkey -in FILE"),
        (file!("encrypted.key.der"), "decrypt it with `openssl pkey -inform DER -in FILE"),
        (file!("good.p12"), "`openssl pkcs12 -in FILE -nocerts -nodes"),
        (JAVA_KEY_STORE, "`keytool -importkeystore"),
        (good, "found, but a certificate; are the files of the certificate and the key swapped?"),
        (file!("good.der"), "found, but a certificate"),
        (b" \n", "it is empty"),
        (b"garbage", "no PEM private key"),
    ] {
        let error = client_error(good, key);
        assert!(error.starts_with("the private key cannot be used: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    for (certificate, expected) in [
        (file!("good.p12"), "`openssl pkcs12 -in FILE -nokeys"),
        (file!("good.p7b"), "`openssl pkcs7 -print_certs -in FILE"),
        (file!("good.p7b.der"), "`openssl pkcs7 -inform DER -print_certs -in FILE"),
        (file!("good.csr"), "a certificate request; a CA signs it"),
        (JAVA_KEY_STORE, "`keytool -exportcert -rfc"),
        (file!("good.key"), "found, but a private key; are the files"),
        (file!("good.key.der"), "found, but a private key"),
        (file!("encrypted.key.der"), "found, but a private key"),
        (b"", "it is empty"),
        (b"0garbage", "no PEM certificate"),
    ] {
        let error = client_error(certificate, file!("good.key"));
        assert!(error.starts_with("the client certificate cannot be used: "), "{error}");
        assert!(error.contains(expected), "{error}");
        let error = Tls::new().root_certificates_pem(certificate).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn explains_why_a_client_certificate_cannot_be_used() {
    let error = client_error(file!("v1.pem"), file!("v1.key"));
    assert!(error.contains("X.509 v1") && error.contains("-extfile"), "{error}");
    let error = client_error(file!("good.pem"), file!("v1.key"));
    assert!(error.contains("the private key does not belong to it"), "{error}");
}

#[tokio::test]
async fn explains_why_a_server_certificate_is_refused() {
    let error = server_error(file!("v1.pem"), file!("v1.key")).await.unwrap();
    assert!(error.contains("the server's certificate is an X.509 v1 certificate"), "{error}");
    assert!(error.contains("-extfile") && error.contains("subjectAltName"), "{error}");
    let error = server_error(file!("ca.pem"), file!("ca.key")).await.unwrap();
    assert!(error.contains("the server's certificate is that of a CA"), "{error}");
    assert!(error.contains("basicConstraints=critical,CA:FALSE"), "{error}");
}

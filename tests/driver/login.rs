//! Custom authenticators, against servers that send challenges.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cqlwire::connection::Connection;
use cqlwire::message::{
    AuthChallenge, AuthResponse, AuthSuccess, Authenticate, ErrorCode, Request, Response,
    ServerError,
};
use cqlwire::protocol::{Authenticator, ConnectionOptions, Credentials, SaslSession};
use cqlwire::session::{Error, ErrorKind, Session};
use cqlwire::testing::Reply;
use cqlwire::wire::Version;

use crate::mock_server::start_frame_server;

const SECRET: &str = "s3cret-w0rd";

/// An authenticator that adds the numbers of the server's challenges.
#[derive(Debug, Clone, Default)]
struct Adder {
    started: Arc<Mutex<Started>>,
}

/// The authenticator classes and addresses of the servers that asked for authentication.
type Started = Vec<(String, Option<SocketAddr>)>;

struct Sum(u8);

impl Authenticator for Adder {
    fn start(
        &self,
        class: &str,
        server: Option<SocketAddr>,
    ) -> Result<Box<dyn SaslSession>, String> {
        self.started.lock().unwrap().push((class.to_owned(), server));
        match class {
            "org.example.Adder" => Ok(Box::new(Sum(0))),
            _ => Err("only Adders are answered".to_owned()),
        }
    }
}

impl SaslSession for Sum {
    fn initial_response(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn challenge(&mut self, challenge: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let [number] = challenge else { return Err("a number has one byte".to_owned()) };
        self.0 += number;
        Ok(Some(vec![self.0]))
    }

    fn success(&mut self, token: &[u8]) -> Result<(), String> {
        match token {
            b"right" => Ok(()),
            _ => Err("the server does not say that it is right".to_owned()),
        }
    }
}

/// Starts a server that requires authentication by `class`, and answers each AUTH_RESPONSE with
/// `answer`.
fn start_authenticating_server(
    version: Version,
    class: &'static str,
    answer: impl Fn(Option<&[u8]>) -> Response + Send + Sync + 'static,
) -> SocketAddr {
    start_frame_server(version, move |frame| match &frame.request {
        Request::Startup(_) => {
            Some(Reply::response(Authenticate { authenticator: class.to_owned() }))
        }
        Request::AuthResponse(AuthResponse { token }) => {
            Some(Reply::response(answer(token.as_deref())))
        }
        _ => None,
    })
}

fn challenge(token: &'static [u8]) -> Response {
    AuthChallenge { token: Some(Bytes::from_static(token)) }.into()
}

fn success(token: &'static [u8]) -> Response {
    AuthSuccess { token: Some(Bytes::from_static(token)) }.into()
}

/// Sends the challenges 1, 2 and 4, and accepts the sum 7.
fn answer_adder(tokens: Option<&[u8]>) -> Response {
    match tokens {
        None => challenge(&[1]),
        Some([1]) => challenge(&[2]),
        Some([3]) => challenge(&[4]),
        Some([7]) => success(b"right"),
        _ => ServerError::new(ErrorCode::Authentication, "no").into(),
    }
}

async fn connect(
    address: SocketAddr,
    authenticator: impl Authenticator + 'static,
) -> Result<Session, Error> {
    let builder = Session::builder().contact_points([address.to_string()]);
    builder.authenticator(authenticator).connect().await
}

/// Returns the text of the authentication error, which must not contain the secret.
async fn connect_error(address: SocketAddr, authenticator: impl Authenticator + 'static) -> String {
    let error = connect(address, authenticator).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    let line = error.to_string();
    assert!(line.lines().count() == 1 && !format!("{line} {error:?}").contains(SECRET), "{line}");
    line
}

#[tokio::test]
async fn authenticates_in_several_steps_in_every_version() {
    for version in Version::ALL {
        let address = start_authenticating_server(version, "org.example.Adder", answer_adder);
        let adder = Adder::default();
        let options = ConnectionOptions {
            version,
            authenticator: Some(Arc::new(adder.clone())),
            ..ConnectionOptions::default()
        };
        for _ in 0..2 {
            Connection::connect(address, &options).await.unwrap();
        }
        // Each connection starts a new SASL session, with the class and address of the server.
        let started = ("org.example.Adder".to_owned(), Some(address));
        assert_eq!(*adder.started.lock().unwrap(), [started.clone(), started]);
    }
}

#[tokio::test]
async fn an_invalid_authentication_step_fails_the_connect() {
    let silly = start_authenticating_server(Version::V4, "org.example.Adder", |_| challenge(b"12"));
    assert!(connect_error(silly, Adder::default()).await.ends_with("a number has one byte"));
    let null = start_authenticating_server(Version::V4, "org.example.Adder", |_| {
        AuthChallenge { token: None }.into()
    });
    assert!(connect_error(null, Adder::default()).await.ends_with("a number has one byte"));
    let liar = start_authenticating_server(Version::V4, "org.example.Adder", |_| success(b"wrong"));
    assert!(connect_error(liar, Adder::default()).await.ends_with("does not say that it is right"));
    let other = start_authenticating_server(Version::V4, "org.example.Other", answer_adder);
    assert!(connect_error(other, Adder::default()).await.ends_with("only Adders are answered"));
}

#[tokio::test]
async fn sends_the_password_only_to_allowed_authenticators() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let server = |class| {
        let tokens = Arc::clone(&tokens);
        start_authenticating_server(Version::V4, class, move |token| {
            tokens.lock().unwrap().push(token.map(<[u8]>::to_vec));
            match token {
                Some(b"PLAIN") => challenge(b"PLAIN-START"),
                _ => success(b""),
            }
        })
    };
    let credentials = Credentials::new("ada", SECRET);
    let stranger = server("org.example.PasswordAuthenticator");
    let error = connect_error(stranger, credentials.clone()).await;
    assert!(
        error.contains("the server's authenticator `org.example.PasswordAuthenticator`"),
        "{error}"
    );
    assert!(tokens.lock().unwrap().is_empty());

    let allowed = credentials.clone().allow_class("org.example.PasswordAuthenticator");
    connect(stranger, allowed).await.unwrap();
    let token = Some(format!("\0ada\0{SECRET}").into_bytes());
    // The control connection, and the one for requests.
    assert_eq!(std::mem::take(&mut *tokens.lock().unwrap()), [token.clone(), token.clone()]);

    assert!(!format!("{:?}", Session::builder().credentials("ada", SECRET)).contains(SECRET));
    connect(server("com.datastax.bdp.cassandra.auth.DseAuthenticator"), credentials).await.unwrap();
    let plain = Some(b"PLAIN".to_vec());
    assert_eq!(*tokens.lock().unwrap(), [plain.clone(), token.clone(), plain, token]);
}

/// Cassandra 5.0 sends AUTHENTICATE to clients that it has identified by their certificates.
#[tokio::test]
async fn answers_servers_that_identify_the_client_by_its_certificate_without_a_password() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let server = |class, answer: fn() -> Response| {
        let tokens = Arc::clone(&tokens);
        start_authenticating_server(Version::V5, class, move |token| {
            tokens.lock().unwrap().push(token.map(<[u8]>::to_vec));
            answer()
        })
    };
    let without_password = async |address: SocketAddr| {
        Session::builder().contact_points([address.to_string()]).connect().await
    };
    let only = server("org.apache.cassandra.auth.MutualTlsAuthenticator", || success(b""));
    without_password(only).await.unwrap();
    connect(only, Credentials::new("ada", SECRET)).await.unwrap();
    let fallback = "org.apache.cassandra.auth.MutualTlsWithPasswordFallbackAuthenticator";
    without_password(server(fallback, || success(b""))).await.unwrap();
    // For each session, the control connection and the one for requests.
    assert_eq!(*tokens.lock().unwrap(), vec![Some(Vec::new()); 6]);

    let refuse = || ServerError::new(ErrorCode::Authentication, "Password must not be null").into();
    let error = without_password(server(fallback, refuse)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    let expected = "the server requires a user name and a password";
    assert!(error.to_string().contains(expected), "{error}");
    let refuse = || {
        let message = "Certificate identity 'spiffe://a' not authorized";
        ServerError::new(ErrorCode::Authentication, message).into()
    };
    let only = server("org.apache.cassandra.auth.MutualTlsAuthenticator", refuse);
    let error = without_password(only).await.unwrap_err();
    assert!(error.to_string().contains("'spiffe://a' not authorized"), "{error}");
}

/// A server that answers every AUTH_RESPONSE with a challenge neither receives the password again nor
/// keeps the client busy.
#[tokio::test]
async fn endless_challenges_end_with_an_authentication_error() {
    let responses = Arc::new(AtomicUsize::new(0));
    let start = |class| {
        let responses = Arc::clone(&responses);
        start_authenticating_server(Version::V4, class, move |_| {
            responses.fetch_add(1, Ordering::Relaxed);
            challenge(b"")
        })
    };
    let credentials = || Credentials::new("ada", SECRET);
    let cassandra = start("org.apache.cassandra.auth.PasswordAuthenticator");
    let error = connect_error(cassandra, credentials()).await;
    assert!(error.contains("`org.apache.cassandra.auth.PasswordAuthenticator` neither"), "{error}");
    assert_eq!(responses.swap(0, Ordering::Relaxed), 1, "the password was sent again");

    let dse = start("com.datastax.bdp.cassandra.auth.DseAuthenticator");
    connect_error(dse, credentials()).await;
    assert_eq!(responses.swap(0, Ordering::Relaxed), 2, "the mechanism and the password");

    let patient = start("org.example.Patient");
    let error = connect_error(patient, Patient).await;
    assert!(error.contains("after 32 challenges"), "{error}");
    assert_eq!(responses.load(Ordering::Relaxed), 33);
}

/// An authenticator that answers any number of challenges.
#[derive(Debug)]
struct Patient;

impl Authenticator for Patient {
    fn start(&self, _: &str, _: Option<SocketAddr>) -> Result<Box<dyn SaslSession>, String> {
        Ok(Box::new(Self))
    }
}

impl SaslSession for Patient {
    fn initial_response(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn challenge(&mut self, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

//! Authenticators of a test's own, against servers that challenge them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cqlwire::connection::Connection;
use cqlwire::message::{
    AuthChallenge, AuthResponse, AuthSuccess, Authenticate, ErrorCode, Request, Response,
};
use cqlwire::protocol::{Authenticator, ConnectionOptions, Credentials, SaslSession};
use cqlwire::session::{Error, ErrorKind, Session};
use cqlwire::testing::Reply;
use cqlwire::wire::Version;

use crate::server::listen;

const SECRET: &str = "s3cret-w0rd";

/// Adds numbers that the server sends, until it is told that the sum is right.
#[derive(Debug, Clone, Default)]
struct Adder {
    started: Arc<Mutex<Started>>,
}

/// The classes of servers, and where these were.
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

/// A server that asks by `class`, and then says what `answer` says to each AUTH_RESPONSE.
fn ask(
    version: Version,
    class: &'static str,
    answer: impl Fn(Option<&[u8]>) -> Response + Send + Sync + 'static,
) -> SocketAddr {
    listen(version, move |frame| match &frame.request {
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

/// Sends 1, 2 and 4, and wants to hear 7.
fn adding(heard: Option<&[u8]>) -> Response {
    match heard {
        None => challenge(&[1]),
        Some([1]) => challenge(&[2]),
        Some([3]) => challenge(&[4]),
        Some([7]) => success(b"right"),
        _ => cqlwire::message::ServerError::new(ErrorCode::Authentication, "no").into(),
    }
}

async fn connect(
    address: SocketAddr,
    authenticator: impl Authenticator + 'static,
) -> Result<Session, Error> {
    let builder = Session::builder().contact_points([address.to_string()]);
    builder.authenticator(authenticator).connect().await
}

/// What it says when nobody is let in; never the secret.
async fn refusal(address: SocketAddr, authenticator: impl Authenticator + 'static) -> String {
    let error = connect(address, authenticator).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    let line = error.to_string();
    assert!(line.lines().count() == 1 && !format!("{line} {error:?}").contains(SECRET), "{line}");
    line
}

#[tokio::test]
async fn authenticates_in_several_steps_in_every_version() {
    for version in Version::ALL {
        let address = ask(version, "org.example.Adder", adding);
        let adder = Adder::default();
        let options = ConnectionOptions {
            version,
            authenticator: Some(Arc::new(adder.clone())),
            ..ConnectionOptions::default()
        };
        for _ in 0..2 {
            Connection::connect(address, &options).await.unwrap();
        }
        // Every connection begins anew, and knows who asks.
        let started = ("org.example.Adder".to_owned(), Some(address));
        assert_eq!(*adder.started.lock().unwrap(), [started.clone(), started]);
    }
}

#[tokio::test]
async fn an_invalid_authentication_step_fails_the_connect() {
    let silly = ask(Version::V4, "org.example.Adder", |_| challenge(b"12"));
    assert!(refusal(silly, Adder::default()).await.ends_with("a number has one byte"));
    let null = ask(Version::V4, "org.example.Adder", |_| AuthChallenge { token: None }.into());
    assert!(refusal(null, Adder::default()).await.ends_with("a number has one byte"));
    let liar = ask(Version::V4, "org.example.Adder", |_| success(b"wrong"));
    assert!(refusal(liar, Adder::default()).await.ends_with("does not say that it is right"));
    let other = ask(Version::V4, "org.example.Other", adding);
    assert!(refusal(other, Adder::default()).await.ends_with("only Adders are answered"));
}

#[tokio::test]
async fn sends_the_password_only_to_allowed_authenticators() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let server = |class| {
        let heard = Arc::clone(&heard);
        ask(Version::V4, class, move |token| {
            heard.lock().unwrap().push(token.map(<[u8]>::to_vec));
            match token {
                Some(b"PLAIN") => challenge(b"PLAIN-START"),
                _ => success(b""),
            }
        })
    };
    let credentials = Credentials::new("ada", SECRET);
    let stranger = server("org.example.PasswordAuthenticator");
    let said = refusal(stranger, credentials.clone()).await;
    assert!(
        said.contains("the server's authenticator `org.example.PasswordAuthenticator`"),
        "{said}"
    );
    assert!(heard.lock().unwrap().is_empty());

    let allowed = credentials.clone().allow_class("org.example.PasswordAuthenticator");
    connect(stranger, allowed).await.unwrap();
    let token = Some(format!("\0ada\0{SECRET}").into_bytes());
    // Two connections: the one that watches the cluster, and the one for requests.
    assert_eq!(std::mem::take(&mut *heard.lock().unwrap()), [token.clone(), token.clone()]);

    assert!(!format!("{:?}", Session::builder().credentials("ada", SECRET)).contains(SECRET));
    connect(server("com.datastax.bdp.cassandra.auth.DseAuthenticator"), credentials).await.unwrap();
    let plain = Some(b"PLAIN".to_vec());
    assert_eq!(*heard.lock().unwrap(), [plain.clone(), token.clone(), plain, token]);
}

//! The replies to requests of the handshake.

use super::reply::Reply;
use super::script::Script;
use super::system_tables::CQL_VERSION;
use crate::message::{
    AuthSuccess, Authenticate, ErrorCode, EventType, Ready, Request, Startup, Supported,
};
use crate::wire::{Compression, Version};

/// The class name sent in AUTHENTICATE. Clients know that it expects a user name and a password.
const AUTHENTICATOR: &str = "org.apache.cassandra.auth.PasswordAuthenticator";

/// Returns the reply to a request of the handshake, or `None` for other requests.
pub(super) fn handshake_reply(script: &Script, request: &Request<'_>) -> Option<Reply> {
    match request {
        Request::Options(_) => Some(Reply::response(supported(script))),
        Request::Startup(_) if script.requires_login() => {
            Some(Reply::response(Authenticate { authenticator: AUTHENTICATOR.to_owned() }))
        }
        Request::Startup(_) => Some(Reply::response(Ready)),
        Request::AuthResponse(response) => {
            Some(login_reply(script, response.token.as_deref().unwrap_or_default()))
        }
        _ => None,
    }
}

fn supported(script: &Script) -> Supported {
    let option = |name: &str, values: Vec<String>| (name.to_owned(), values);
    let compressions = Compression::ALL.iter().map(ToString::to_string).collect();
    let versions = Version::ALL.iter().filter(|version| **version <= script.version);
    let versions = versions.map(|v| format!("{}/{v}", v.number())).collect();
    let mut options = vec![
        option(Startup::CQL_VERSION, vec![CQL_VERSION.to_owned()]),
        option(Startup::COMPRESSION, compressions),
        option("PROTOCOL_VERSIONS", versions),
    ];
    if script.graceful_disconnect {
        let event = EventType::GracefulDisconnect;
        options.push(option(event.as_str(), vec!["true".to_owned()]));
    }
    Supported { options }
}

/// Returns the reply to the token of SASL PLAIN: an authorization id, the user name and the password,
/// each after a NUL (RFC 4616).
fn login_reply(script: &Script, token: &[u8]) -> Reply {
    let mut parts = token.rsplitn(3, |byte| *byte == 0);
    let (password, username) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if script.accepts_login(username, password) {
        return Reply::response(AuthSuccess { token: None });
    }
    let username = String::from_utf8_lossy(username);
    Reply::error(
        ErrorCode::Authentication,
        &format!("Provided username {username} and/or password are incorrect"),
    )
}

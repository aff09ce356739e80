//! The handshake: OPTIONS, STARTUP and authentication (v4 §4.1.1 to §4.1.3).

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use super::authenticator::SaslSession;
use super::error::CloseReason;
use super::options::ConnectionOptions;
use crate::message::{AuthResponse, Options, Request, Response, Startup};
use crate::wire::{Context, Opcode};

/// A state of the handshake, named after the responses that the client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    Supported,
    ReadyOrAuthenticate,
    AuthSuccess,
}

/// The client's next action.
#[derive(Debug)]
pub(super) enum Step {
    Send(Handshake, Request<'static>),
    Open,
    Close(CloseReason),
}

impl Handshake {
    /// Returns the first step: OPTIONS, which requests the server's capabilities.
    pub(super) fn begin() -> Step {
        Step::Send(Self::Supported, Request::Options(Options))
    }

    /// Returns the client's next step after `response`. If the next step is STARTUP, also sets the
    /// compression of `context` to the compression that STARTUP requests.
    pub(super) fn handle_response(
        self,
        response: Response,
        options: &ConnectionOptions,
        context: &mut Context,
        login: &mut Login,
    ) -> Step {
        match (self, response) {
            (Self::Supported, Response::Supported(supported)) => {
                let offered = supported.get(Startup::COMPRESSION);
                context.compression = options.compression.filter(|compression| {
                    let is_offered =
                        |offer: &String| offer.eq_ignore_ascii_case(compression.name());
                    compression.is_supported_in(context.version) && offered.iter().any(is_offered)
                });
                let mut startup = Startup::new();
                if let Some(compression) = context.compression {
                    startup = startup.compression(compression);
                }
                for (name, value) in &options.startup {
                    startup = startup.option(name.clone(), value.clone());
                }
                Step::Send(Self::ReadyOrAuthenticate, startup.into())
            }
            (Self::ReadyOrAuthenticate, Response::Ready(_)) => Step::Open,
            (Self::ReadyOrAuthenticate, Response::Authenticate(authenticate)) => {
                login.start(options, authenticate.authenticator)
            }
            (Self::AuthSuccess, Response::AuthChallenge(challenge)) => {
                login.challenge(&challenge.token.unwrap_or_default())
            }
            (Self::AuthSuccess, Response::AuthSuccess(success)) => {
                login.success(&success.token.unwrap_or_default())
            }
            (_, Response::Error(error)) => Step::Close(CloseReason::Refused(error)),
            (_, response) => Step::Close(CloseReason::Unexpected(response.opcode())),
        }
    }
}

/// The client's side of the authentication.
#[derive(Default)]
pub(super) struct Login {
    /// The server's address, or `None` if it is not known.
    pub(super) server: Option<SocketAddr>,
    session: Option<Box<dyn SaslSession>>,
}

impl Login {
    fn start(&mut self, options: &ConnectionOptions, authenticator: String) -> Step {
        let Some(client) = &options.authenticator else {
            return Step::Close(CloseReason::CredentialsNeeded { authenticator });
        };
        match client.start(&authenticator, self.server) {
            Ok(mut session) => {
                let response = session.initial_response();
                self.session = Some(session);
                auth_response(response)
            }
            Err(message) => Step::Close(CloseReason::Authenticator(message)),
        }
    }

    fn challenge(&mut self, challenge: &[u8]) -> Step {
        match &mut self.session {
            Some(session) => auth_response(session.challenge(challenge)),
            None => Step::Close(CloseReason::Unexpected(Opcode::AuthChallenge)),
        }
    }

    fn success(&mut self, token: &[u8]) -> Step {
        // The session is taken, so its secrets are dropped when the authentication ends.
        match self.session.take().map(|mut session| session.success(token)) {
            Some(Ok(())) => Step::Open,
            Some(Err(message)) => Step::Close(CloseReason::Authenticator(message)),
            None => Step::Close(CloseReason::Unexpected(Opcode::AuthSuccess)),
        }
    }
}

/// Omits the session, which may hold secrets.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Returns the step that sends `token` in an AUTH_RESPONSE, or that closes the connection if `token`
/// is an error.
fn auth_response(token: Result<Option<Vec<u8>>, String>) -> Step {
    match token {
        Ok(token) => {
            let token = token.map(Cow::Owned);
            Step::Send(Handshake::AuthSuccess, AuthResponse { token }.into())
        }
        Err(message) => Step::Close(CloseReason::Authenticator(message)),
    }
}

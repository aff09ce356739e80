//! The handshake: OPTIONS, STARTUP and authentication (v4 §4.1.1 to §4.1.3).

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use super::authenticator::SaslSession;
use super::capabilities::Capabilities;
use super::certificate::{ByCertificate, MUTUAL_TLS, MUTUAL_TLS_OR_PASSWORD};
use super::error::CloseReason;
use super::options::ConnectionOptions;
use crate::message::{
    AuthResponse, ErrorCode, EventType, Options, Register, Request, Response, ServerError, Startup,
};
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
    /// Opens the connection. The request, if there is one, is sent first, and its response is ignored.
    Open(Option<Request<'static>>),
    Close(CloseReason),
}

impl Handshake {
    /// Returns the first step: OPTIONS, which requests the server's capabilities.
    pub(super) fn begin() -> Step {
        Step::Send(Self::Supported, Request::Options(Options))
    }

    /// Returns the step that sends STARTUP to a server with these capabilities, and sets the compression
    /// of `context` to the compression that STARTUP requests.
    pub(super) fn start_up(
        capabilities: Capabilities,
        options: &ConnectionOptions,
        context: &mut Context,
    ) -> Step {
        context.compression = capabilities.compression;
        let mut startup = Startup::new();
        if let Some(compression) = context.compression {
            startup = startup.compression(compression);
        }
        for (name, value) in &options.startup {
            startup = startup.option(name.clone(), value.clone());
        }
        Step::Send(Self::ReadyOrAuthenticate, startup.into())
    }

    /// Returns true if the client waits for the response to STARTUP.
    pub(super) const fn follows_startup(self) -> bool {
        matches!(self, Self::ReadyOrAuthenticate)
    }

    /// Returns the client's next step after `response`. If the response is SUPPORTED, also sets
    /// `capabilities` and the compression of `context`.
    pub(super) fn handle_response(
        self,
        response: Response,
        options: &ConnectionOptions,
        context: &mut Context,
        capabilities: &mut Capabilities,
        login: &mut Login,
    ) -> Step {
        match (self, response) {
            (Self::Supported, Response::Supported(supported)) => {
                *capabilities = Capabilities::new(&supported, options, context.version);
                Self::start_up(*capabilities, options, context)
            }
            (Self::ReadyOrAuthenticate, Response::Ready(_)) => finish(*capabilities),
            (Self::ReadyOrAuthenticate, Response::Authenticate(authenticate)) => {
                login.start(options, authenticate.authenticator)
            }
            (Self::AuthSuccess, Response::AuthChallenge(challenge)) => {
                login.challenge(&challenge.token.unwrap_or_default())
            }
            (Self::AuthSuccess, Response::AuthSuccess(success)) => {
                login.success(&success.token.unwrap_or_default(), *capabilities)
            }
            (Self::AuthSuccess, Response::Error(error)) => login.refused(error),
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
    /// The class of the server's authenticator, if the client has no other means than its certificate
    /// to authenticate, and the server may require a password instead.
    needs_password: Option<String>,
    /// Number of challenges that the server has sent.
    challenges: usize,
}

/// Maximum number of challenges in one authentication. SASL mechanisms need fewer than ten.
const MAX_CHALLENGES: usize = 32;

impl Login {
    fn start(&mut self, options: &ConnectionOptions, authenticator: String) -> Step {
        let started = match &options.authenticator {
            Some(client) => client.start(&authenticator, self.server),
            // The client may have a certificate.
            None if authenticator == MUTUAL_TLS => Ok(Box::new(ByCertificate) as _),
            None if authenticator == MUTUAL_TLS_OR_PASSWORD => {
                self.needs_password = Some(authenticator);
                Ok(Box::new(ByCertificate) as _)
            }
            None => return Step::Close(CloseReason::CredentialsNeeded { authenticator }),
        };
        match started {
            Ok(mut session) => {
                let response = session.initial_response();
                self.session = Some(session);
                auth_response(response)
            }
            Err(message) => Step::Close(CloseReason::Authenticator(message)),
        }
    }

    fn challenge(&mut self, challenge: &[u8]) -> Step {
        self.challenges = self.challenges.saturating_add(1);
        if self.challenges > MAX_CHALLENGES {
            return Step::Close(CloseReason::Authenticator(format!(
                "the server neither accepted nor rejected the client after {MAX_CHALLENGES} \
                 challenges; check that the client's `Authenticator` implements the mechanism of the \
                 server's authenticator"
            )));
        }
        match &mut self.session {
            Some(session) => auth_response(session.challenge(challenge)),
            None => Step::Close(CloseReason::Unexpected(Opcode::AuthChallenge)),
        }
    }

    /// Returns the step after the server has refused the client.
    fn refused(&mut self, error: ServerError) -> Step {
        Step::Close(match self.needs_password.take() {
            Some(authenticator) if error.code == ErrorCode::Authentication => {
                CloseReason::CredentialsNeeded { authenticator }
            }
            _ => CloseReason::Refused(error),
        })
    }

    fn success(&mut self, token: &[u8], capabilities: Capabilities) -> Step {
        // The session is taken, so its secrets are dropped when the authentication ends.
        match self.session.take().map(|mut session| session.success(token)) {
            Some(Ok(())) => finish(capabilities),
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

/// Returns the step after the server has accepted the client. If the server offers the event
/// GRACEFUL_DISCONNECT, the client registers for it. The event is optional, so that requests need not wait for
/// the response, and a refusal is ignored.
fn finish(capabilities: Capabilities) -> Step {
    let register = || Register::new(&[EventType::GracefulDisconnect]).into();
    Step::Open(capabilities.can_drain.then(register))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Ready, Supported};
    use crate::wire::Version;

    /// Returns the steps after SUPPORTED with this value of GRACEFUL_DISCONNECT, and READY.
    fn step_after_ready(value: &str) -> Step {
        let mut context = Context::from(Version::V5);
        let (options, mut login) = (ConnectionOptions::default(), Login::default());
        let mut capabilities = Capabilities::default();
        let offer = ("GRACEFUL_DISCONNECT".to_owned(), vec![value.to_owned()]);
        let supported = Supported { options: vec![offer] };
        let mut next = |state: Handshake, response: Response| {
            state.handle_response(response, &options, &mut context, &mut capabilities, &mut login)
        };
        let Step::Send(state, _) = next(Handshake::Supported, supported.into()) else { panic!() };
        next(state, Ready.into())
    }

    #[test]
    fn registers_for_graceful_disconnects_that_the_server_offers() {
        assert!(matches!(step_after_ready("false"), Step::Open(None)));
        let Step::Open(Some(Request::Register(register))) = step_after_ready("true") else {
            panic!()
        };
        assert_eq!(register.event_types, ["GRACEFUL_DISCONNECT"]);
    }
}

//! From the first byte to an open connection (v4 §4.1.1 to §4.1.3).

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use super::{CloseReason, ConnectionOptions, SaslSession};
use crate::message::{AuthResponse, Options, Request, Response, Startup};
use crate::wire::{Context, Opcode};

/// What the client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    Supported,
    ReadyOrAuthenticate,
    AuthSuccess,
}

/// What the client does next.
#[derive(Debug)]
pub(super) enum Step {
    Send(Handshake, Request<'static>),
    Open,
    Close(CloseReason),
}

impl Handshake {
    /// The first step: what can the server do?
    pub(super) fn begin() -> Step {
        Step::Send(Self::Supported, Request::Options(Options))
    }

    /// The step that an answer leads to. `context` gets the compression that STARTUP asks for.
    pub(super) fn answer(
        self,
        response: Response,
        options: &ConnectionOptions,
        context: &mut Context,
        login: &mut Login,
    ) -> Step {
        match (self, response) {
            (Self::Supported, Response::Supported(supported)) => {
                let offered = supported.get(Startup::COMPRESSION);
                context.compression = options.compression.filter(|wanted| {
                    let is_offered = |offer: &String| offer.eq_ignore_ascii_case(wanted.name());
                    wanted.is_in(context.version) && offered.iter().any(is_offered)
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

/// Says who the client is, if it is asked.
#[derive(Default)]
pub(super) struct Login {
    /// Who asks, if that is known.
    pub(super) server: Option<SocketAddr>,
    session: Option<Box<dyn SaslSession>>,
}

impl Login {
    fn start(&mut self, options: &ConnectionOptions, authenticator: String) -> Step {
        let Some(ours) = &options.authenticator else {
            return Step::Close(CloseReason::CredentialsNeeded { authenticator });
        };
        match ours.start(&authenticator, self.server) {
            Ok(mut session) => {
                let first = session.initial_response();
                self.session = Some(session);
                respond(first)
            }
            Err(why) => Step::Close(CloseReason::Authenticator(why)),
        }
    }

    fn challenge(&mut self, challenge: &[u8]) -> Step {
        match &mut self.session {
            Some(session) => respond(session.challenge(challenge)),
            None => Step::Close(CloseReason::Unexpected(Opcode::AuthChallenge)),
        }
    }

    fn success(&mut self, token: &[u8]) -> Step {
        // With the session go its secrets.
        match self.session.take().map(|mut session| session.success(token)) {
            Some(Ok(())) => Step::Open,
            Some(Err(why)) => Step::Close(CloseReason::Authenticator(why)),
            None => Step::Close(CloseReason::Unexpected(Opcode::AuthSuccess)),
        }
    }
}

/// A session may hold secrets.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("server", &self.server).finish_non_exhaustive()
    }
}

fn respond(token: Result<Option<Vec<u8>>, String>) -> Step {
    match token {
        Ok(token) => {
            let token = token.map(Cow::Owned);
            Step::Send(Handshake::AuthSuccess, AuthResponse { token }.into())
        }
        Err(why) => Step::Close(CloseReason::Authenticator(why)),
    }
}

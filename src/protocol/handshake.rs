//! From the first byte to an open connection (v4 §4.1.1 to §4.1.3).

use std::borrow::Cow;

use super::{CloseReason, ConnectionOptions};
use crate::message::{AuthResponse, Options, Request, Response, Startup};
use crate::wire::Context;

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
            (Self::ReadyOrAuthenticate, Response::Ready(_))
            | (Self::AuthSuccess, Response::AuthSuccess(_)) => Step::Open,
            (Self::ReadyOrAuthenticate, Response::Authenticate(authenticate)) => {
                log_in(options, authenticate.authenticator)
            }
            // PLAIN has one answer to whatever is asked; some servers ask for it by a challenge.
            (Self::AuthSuccess, Response::AuthChallenge(_)) => log_in(options, String::new()),
            (_, Response::Error(error)) => Step::Close(CloseReason::Refused(error)),
            (_, response) => Step::Close(CloseReason::Unexpected(response.opcode())),
        }
    }
}

/// Says who the client is.
fn log_in(options: &ConnectionOptions, authenticator: String) -> Step {
    match &options.credentials {
        Some(credentials) => {
            let token = Some(Cow::Owned(credentials.token()));
            Step::Send(Handshake::AuthSuccess, AuthResponse { token }.into())
        }
        None => Step::Close(CloseReason::CredentialsNeeded { authenticator }),
    }
}

//! Wrong and missing answers of a node.

use std::time::Duration;

use cqlwire::{
    message::{ErrorCode, WriteType},
    testing::{Fault, Reply},
    wire::{Consistency, Opcode},
};
use rand::{RngExt, rngs::SmallRng};
use serde::{Deserialize, Serialize};

use crate::settings::one_of;

/// A node answers some requests wrongly, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerFault {
    pub(crate) kind: ServerFaultKind,
    pub(crate) target: Target,
    /// True if the node executes the request before it answers wrongly.
    pub(crate) executes: bool,
    /// Number of requests.
    pub(crate) times: usize,
}

macro_rules! server_faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $may_execute:literal;)*) => {
        /// The wrong answer of a node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub(crate) enum ServerFaultKind {
            $($(#[$doc])* $variant,)*
        }

        impl ServerFaultKind {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns true if a node may give this answer although it has executed the request.
            pub(crate) const fn may_execute(self) -> bool {
                match self {
                    $(Self::$variant => $may_execute,)*
                }
            }
        }
    };
}

server_faults! {
    Silence = "no answer", true;
    Close = "connection closed instead of an answer", true;
    /// The answer is right, but late.
    Delay = "late answer", true;
    /// The node refuses the request before it executes it.
    Refusal = "OVERLOADED, refused", false;
    Overloaded = "OVERLOADED", true;
    Unavailable = "UNAVAILABLE", false;
    Bootstrapping = "IS_BOOTSTRAPPING", false;
    WriteTimeout = "WRITE_TIMEOUT", true;
    CasTimeout = "WRITE_TIMEOUT of a conditional write", true;
    BatchLogTimeout = "WRITE_TIMEOUT of the batch log", false;
    ReadTimeout = "READ_TIMEOUT", false;
    ServerError = "SERVER_ERROR", true;
    Truncate = "TRUNCATE_ERROR", true;
    Invalid = "INVALID", false;
    Unauthorized = "UNAUTHORIZED", false;
    Protocol = "PROTOCOL_ERROR", false;
    Unprepared = "UNPREPARED", false;
}

/// The requests that are answered wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Target {
    /// The statements of the load.
    Statements,
    /// The reads of system tables.
    SystemTables,
    Prepare,
    Options,
    Startup,
    AuthResponse,
    Register,
}

impl Target {
    pub(crate) const ALL: &[Self] = &[
        Self::Statements,
        Self::SystemTables,
        Self::Prepare,
        Self::Options,
        Self::Startup,
        Self::AuthResponse,
        Self::Register,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Statements => "statements",
            Self::SystemTables => "system tables",
            Self::Prepare => "PREPARE",
            Self::Options => "OPTIONS",
            Self::Startup => "STARTUP",
            Self::AuthResponse => "AUTH_RESPONSE",
            Self::Register => "REGISTER",
        }
    }
}

impl ServerFault {
    pub(crate) fn random(random: &mut SmallRng) -> Self {
        let kind = one_of(random, ServerFaultKind::ALL);
        let target = match random.random_bool(0.6) {
            true => Target::Statements,
            false => one_of(random, Target::ALL),
        };
        let executes = kind.may_execute() && random.random_bool(0.5);
        let times = random.random_range(1..6);
        Self { kind, target, executes, times }
    }

    /// Returns the fault as `MockServer` applies it.
    pub(crate) fn to_fault(self) -> Fault {
        let fault = self.effect().times(self.times);
        let fault = if self.executes { fault.after_execution() } else { fault };
        match self.target {
            Target::Statements => fault,
            Target::SystemTables => fault.statement("SELECT % FROM system%"),
            Target::Prepare => fault.opcode(Opcode::Prepare),
            Target::Options => fault.opcode(Opcode::Options),
            Target::Startup => fault.opcode(Opcode::Startup),
            Target::AuthResponse => fault.opcode(Opcode::AuthResponse),
            Target::Register => fault.opcode(Opcode::Register),
        }
    }

    /// Returns true if a client gets no answer to some statements, although its connection works.
    pub(crate) fn loses_answers(self) -> bool {
        self.kind == ServerFaultKind::Silence
    }

    fn effect(self) -> Fault {
        let error = |code, message| Fault::error(code, message);
        match self.kind {
            ServerFaultKind::Silence => Fault::reply(Reply::silence()),
            ServerFaultKind::Close => Fault::reply(Reply::close()),
            ServerFaultKind::Delay => Fault::delay(Duration::from_millis(700)),
            ServerFaultKind::Refusal => {
                error(ErrorCode::Overloaded, "Query timed out before it could start")
            }
            ServerFaultKind::Overloaded => error(ErrorCode::Overloaded, "Too many in flight hints"),
            ServerFaultKind::Unavailable => {
                Fault::reply(Reply::unavailable(Consistency::LocalQuorum, 2, 1))
            }
            ServerFaultKind::Bootstrapping => {
                error(ErrorCode::Bootstrapping, "Cannot read from a bootstrapping node")
            }
            ServerFaultKind::WriteTimeout => Fault::reply(Reply::write_timeout(WriteType::Simple)),
            ServerFaultKind::CasTimeout => Fault::reply(Reply::write_timeout(WriteType::Cas)),
            ServerFaultKind::BatchLogTimeout => {
                Fault::reply(Reply::write_timeout(WriteType::BatchLog))
            }
            ServerFaultKind::ReadTimeout => Fault::reply(Reply::read_timeout()),
            ServerFaultKind::ServerError => error(ErrorCode::Server, "java.lang.RuntimeException"),
            ServerFaultKind::Truncate => error(ErrorCode::Truncate, "Error during truncate"),
            ServerFaultKind::Invalid => error(ErrorCode::Invalid, "Cannot do this"),
            ServerFaultKind::Unauthorized => error(ErrorCode::Unauthorized, "You may not do this"),
            ServerFaultKind::Protocol => error(ErrorCode::Protocol, "Unexpected message"),
            ServerFaultKind::Unprepared => error(ErrorCode::Unprepared, "Prepared query not found"),
        }
    }
}

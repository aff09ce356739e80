//! The protocol's codes, names and flags, and the macros that declare them.
//!
//! [`wire_codes`] declares an enum over a number, [`wire_names`] an enum over a string, and
//! [`wire_flags`] a set of bits. All three preserve unknown values and re-encode them unchanged.

/// Declares an enum whose variants are numbers on the wire.
macro_rules! wire_codes {
    (
        $(#[$meta:meta])*
        pub enum $name:ident($repr:ty) {
            $( $(#[$doc:meta])* $variant:ident = $code:literal $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$doc])* $variant, )+
            /// A code that no other variant stands for, preserved as received.
            Unknown($repr),
        }

        impl $name {
            /// All variants except [`Unknown`](Self::Unknown), in the order of their declaration.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the number on the wire.
            pub const fn code(self) -> $repr {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Unknown(code) => code,
                }
            }

            /// Returns the code's name in the protocol specification, or `None` for
            /// [`Unknown`](Self::Unknown).
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($text),)+
                    Self::Unknown(_) => None,
                }
            }

            /// Returns the code with this name, ignoring ASCII case, or `None` if no variant has
            /// the name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::KNOWN
                    .iter()
                    .copied()
                    .find(|code| code.name().is_some_and(|own_name| own_name.eq_ignore_ascii_case(name)))
            }
        }

        impl From<$repr> for $name {
            #[inline]
            fn from(code: $repr) -> Self {
                match code {
                    $($code => Self::$variant,)+
                    code => Self::Unknown(code),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "0x{:X}", self.code()),
                }
            }
        }
    };
}
pub(crate) use wire_codes;

/// Declares an enum whose variants are strings on the wire.
macro_rules! wire_names {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$doc:meta])* $variant:ident = $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$doc])* $variant, )+
            /// A name that no other variant stands for, preserved as received.
            Unknown(Box<str>),
        }

        impl $name {
            /// All variants except [`Unknown`](Self::Unknown), in the order of their declaration.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the string on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown(name) => name,
                }
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                match name {
                    $($text => Self::$variant,)+
                    name => Self::Unknown(name.into()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use wire_names;

/// Declares a set of flags. Bits without a name are preserved.
macro_rules! wire_flags {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($repr:ty) {
            $( $(#[$doc:meta])* $flag:ident = $bit:literal $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name($repr);

        impl $name {
            $( $(#[$doc])* pub const $flag: Self = Self($bit); )+

            /// All named flags, each with its name.
            pub const KNOWN: &'static [(Self, &'static str)] = &[$((Self($bit), $text)),+];

            /// The empty set.
            pub const NONE: Self = Self(0);

            /// Returns the bits as encoded on the wire.
            #[inline]
            pub const fn bits(self) -> $repr {
                self.0
            }

            /// Creates a set from the bits on the wire. Bits without a name are preserved.
            #[inline]
            pub const fn from_bits(bits: $repr) -> Self {
                Self(bits)
            }

            /// Returns true if all of `flags` are set.
            #[inline]
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// Returns this set with `flags` added if `on` is true, and unchanged otherwise.
            #[inline]
            #[must_use]
            pub const fn with(self, flags: Self, on: bool) -> Self {
                if on { Self(self.0 | flags.0) } else { self }
            }

            /// Returns the intersection with `flags`.
            #[inline]
            #[must_use]
            pub const fn only(self, flags: Self) -> Self {
                Self(self.0 & flags.0)
            }

            /// Returns the names of the flags in this set. Bits without a name are left out.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::KNOWN.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
            }

            /// Returns this set with `flags` removed.
            #[inline]
            #[must_use]
            pub const fn without(self, flags: Self) -> Self {
                Self(self.0 & !flags.0)
            }
        }
    };
}
pub(crate) use wire_flags;

wire_codes! {
    /// The type of the message in a frame (v4 §2.4).
    pub enum Opcode(u8) {
        /// Response: the request failed.
        Error = 0x00 "ERROR",
        /// Request: opens the connection.
        Startup = 0x01 "STARTUP",
        /// Response to STARTUP: the connection is ready for queries. Response to REGISTER: success.
        Ready = 0x02 "READY",
        /// Response: the server requires authentication.
        Authenticate = 0x03 "AUTHENTICATE",
        /// Request: asks for the options that the server supports.
        Options = 0x05 "OPTIONS",
        /// Response to OPTIONS: the options that the server supports.
        Supported = 0x06 "SUPPORTED",
        /// Request: executes a statement.
        Query = 0x07 "QUERY",
        /// Response to QUERY, PREPARE, EXECUTE and BATCH: the result.
        Result = 0x08 "RESULT",
        /// Request: prepares a statement.
        Prepare = 0x09 "PREPARE",
        /// Request: executes a prepared statement.
        Execute = 0x0A "EXECUTE",
        /// Request: subscribes to events.
        Register = 0x0B "REGISTER",
        /// Message that the server sends without a request: a change in the cluster.
        Event = 0x0C "EVENT",
        /// Request: executes several statements as one batch.
        Batch = 0x0D "BATCH",
        /// Response: the next step of the authentication.
        AuthChallenge = 0x0E "AUTH_CHALLENGE",
        /// Request: the client's next step of the authentication.
        AuthResponse = 0x0F "AUTH_RESPONSE",
        /// Response: the authentication succeeded.
        AuthSuccess = 0x10 "AUTH_SUCCESS",
    }
}

wire_codes! {
    /// The number of replicas that must answer a request (v4 §3).
    pub enum Consistency(u16) {
        /// One node. A hint that the coordinator stores also counts as an answer. For writes only.
        Any = 0x00 "ANY",
        /// One replica.
        One = 0x01 "ONE",
        /// Two replicas.
        Two = 0x02 "TWO",
        /// Three replicas.
        Three = 0x03 "THREE",
        /// A majority of all replicas.
        Quorum = 0x04 "QUORUM",
        /// Every replica.
        All = 0x05 "ALL",
        /// A majority of the replicas in the coordinator's datacenter.
        LocalQuorum = 0x06 "LOCAL_QUORUM",
        /// A majority of the replicas in each datacenter.
        EachQuorum = 0x07 "EACH_QUORUM",
        /// Linearizable across all datacenters, for lightweight transactions.
        Serial = 0x08 "SERIAL",
        /// Linearizable within the coordinator's datacenter, for lightweight transactions.
        LocalSerial = 0x09 "LOCAL_SERIAL",
        /// One replica in the coordinator's datacenter.
        LocalOne = 0x0A "LOCAL_ONE",
    }
}

wire_flags! {
    /// The flags in a frame's header (v4 §2.2).
    pub struct FrameFlags(u8) {
        /// The body is compressed (v3 and v4; without meaning in v5).
        COMPRESSED = 0x01 "compressed",
        /// On a request: the server traces the request. On a response: the body begins with the
        /// tracing id.
        TRACING = 0x02 "tracing",
        /// The body contains a custom payload (v4 and later).
        CUSTOM_PAYLOAD = 0x04 "custom_payload",
        /// On a response: the body contains warnings (v4 and later).
        WARNING = 0x08 "warning",
        /// The sender accepts that this protocol version is a beta (v5 and later).
        USE_BETA = 0x10 "use_beta",
    }
}

impl std::str::FromStr for Consistency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::from_name(text).ok_or_else(|| {
            let names: Vec<_> = Self::KNOWN.iter().filter_map(|level| level.name()).collect();
            format!("unknown consistency level `{text}`, expected one of {}", names.join(", "))
        })
    }
}

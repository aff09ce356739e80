//! Every number and name that the protocol gives a meaning, each declared once.
//!
//! [`wire_codes`] declares an enum over a number, [`wire_names`] one over a string, [`wire_flags`]
//! a set of bits. All three keep what they do not know, so that it encodes back to the same bytes.

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
            /// A code that is not known here, kept as it came.
            Unknown($repr),
        }

        impl $name {
            /// Every code known here.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// The code on the wire.
            pub const fn code(self) -> $repr {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Unknown(code) => code,
                }
            }

            /// The code's name in the protocol's text; `None` when it is not known here.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($text),)+
                    Self::Unknown(_) => None,
                }
            }

            /// The code of this name, in upper or lower case.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::KNOWN
                    .iter()
                    .copied()
                    .find(|code| code.name().is_some_and(|known| known.eq_ignore_ascii_case(name)))
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
            /// A name that is not known here, kept as it came.
            Unknown(Box<str>),
        }

        impl $name {
            /// Every name known here.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
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

/// Declares a set of flags; bits that have no name are kept.
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

            /// Every flag known here, with its name.
            pub const KNOWN: &'static [(Self, &'static str)] = &[$((Self($bit), $text)),+];

            /// No flag.
            pub const NONE: Self = Self(0);

            /// The bits as they stand on the wire.
            #[inline]
            pub const fn bits(self) -> $repr {
                self.0
            }

            /// Flags from their bits; unknown ones are kept.
            #[inline]
            pub const fn from_bits(bits: $repr) -> Self {
                Self(bits)
            }

            /// Whether every one of `flags` is set.
            #[inline]
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// These flags, and `flags` too when `on`.
            #[inline]
            #[must_use]
            pub const fn with(self, flags: Self, on: bool) -> Self {
                if on { Self(self.0 | flags.0) } else { self }
            }

            /// Those of these flags that are also `flags`.
            #[inline]
            #[must_use]
            pub const fn only(self, flags: Self) -> Self {
                Self(self.0 & flags.0)
            }

            /// The names of those of these flags that are known here.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::KNOWN.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
            }

            /// These flags but for `flags`.
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
    /// What a frame carries (v4 §2.4).
    pub enum Opcode(u8) {
        /// Response: the request failed.
        Error = 0x00 "ERROR",
        /// Request: the first of a connection.
        Startup = 0x01 "STARTUP",
        /// Response: the connection is open.
        Ready = 0x02 "READY",
        /// Response: the server wants to know who asks.
        Authenticate = 0x03 "AUTHENTICATE",
        /// Request: what can the server do?
        Options = 0x05 "OPTIONS",
        /// Response to OPTIONS.
        Supported = 0x06 "SUPPORTED",
        /// Request: run a statement.
        Query = 0x07 "QUERY",
        /// Response to QUERY, PREPARE, EXECUTE and BATCH.
        Result = 0x08 "RESULT",
        /// Request: parse a statement and keep it.
        Prepare = 0x09 "PREPARE",
        /// Request: run a prepared statement.
        Execute = 0x0A "EXECUTE",
        /// Request: send me events.
        Register = 0x0B "REGISTER",
        /// Response without a request: something happened in the cluster.
        Event = 0x0C "EVENT",
        /// Request: run several statements as one.
        Batch = 0x0D "BATCH",
        /// Response: the next step of an authentication.
        AuthChallenge = 0x0E "AUTH_CHALLENGE",
        /// Request: the client's part of an authentication.
        AuthResponse = 0x0F "AUTH_RESPONSE",
        /// Response: the server knows who asks.
        AuthSuccess = 0x10 "AUTH_SUCCESS",
    }
}

wire_codes! {
    /// How many replicas must answer (v4 §3).
    pub enum Consistency(u16) {
        /// Any node, even only with a hint; writes only.
        Any = 0x00 "ANY",
        /// One replica.
        One = 0x01 "ONE",
        /// Two replicas.
        Two = 0x02 "TWO",
        /// Three replicas.
        Three = 0x03 "THREE",
        /// More than half of all replicas.
        Quorum = 0x04 "QUORUM",
        /// Every replica.
        All = 0x05 "ALL",
        /// More than half of the replicas in the coordinator's data centre.
        LocalQuorum = 0x06 "LOCAL_QUORUM",
        /// More than half of the replicas in each data centre.
        EachQuorum = 0x07 "EACH_QUORUM",
        /// Linearizable, over all data centres.
        Serial = 0x08 "SERIAL",
        /// Linearizable, within the coordinator's data centre.
        LocalSerial = 0x09 "LOCAL_SERIAL",
        /// One replica in the coordinator's data centre.
        LocalOne = 0x0A "LOCAL_ONE",
    }
}

wire_flags! {
    /// The flags of a frame's header (v4 §2.2).
    pub struct FrameFlags(u8) {
        /// The body is compressed (v3, v4).
        COMPRESSED = 0x01 "compressed",
        /// Request: trace this. Response: the body begins with the trace's id.
        TRACING = 0x02 "tracing",
        /// The body holds a custom payload (v4 and later).
        CUSTOM_PAYLOAD = 0x04 "custom_payload",
        /// Response: the body holds warnings (v4 and later).
        WARNING = 0x08 "warning",
        /// The sender knows that this version is not finished (v5 and later).
        USE_BETA = 0x10 "use_beta",
    }
}

impl std::str::FromStr for Consistency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::from_name(text).ok_or_else(|| {
            let names: Vec<_> = Self::KNOWN.iter().filter_map(|known| known.name()).collect();
            format!("the consistency levels are {}", names.join(", "))
        })
    }
}

//! Where to begin: names or addresses, with or without a port.

use std::net::{IpAddr, SocketAddr};

use super::NodeInfo;

/// The port of the native protocol, where nobody says otherwise.
pub(crate) const DEFAULT_PORT: u16 = 9042;

/// A contact point as it was given, and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContactPoint {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl ContactPoint {
    /// Reads `host`, `host:port`, `address`, `address:port`, `[v6]` or `[v6]:port`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let text = text.trim();
        let bad = |why: &str| format!("the contact point `{text}` {why}");
        let point = |host: &str, port| match host {
            "" => Err(bad("names no host")),
            host => Ok(Self { host: host.to_owned(), port }),
        };
        // An IPv6 address has colons of its own.
        if text.parse::<IpAddr>().is_ok() {
            return point(text, default_port);
        }
        let parse_port = |port: &str| port.parse().map_err(|_| bad("has no valid port"));
        if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or_else(|| bad("lacks a `]`"))?;
            return match port.strip_prefix(':') {
                Some(port) => point(host, parse_port(port)?),
                None if port.is_empty() => point(host, default_port),
                None => Err(bad("has no valid port")),
            };
        }
        match text.split_once(':') {
            Some((host, port)) => point(host, parse_port(port)?),
            None => point(text, default_port),
        }
    }

    /// The addresses of the host.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        match tokio::net::lookup_host((self.host.as_str(), self.port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(_) => Err("name not found".to_owned()),
        }
    }
}

impl From<&NodeInfo> for ContactPoint {
    fn from(node: &NodeInfo) -> Self {
        let host = node.host.clone().unwrap_or_else(|| node.address.ip().to_string());
        Self { host, port: node.address.port() }
    }
}

impl std::fmt::Display for ContactPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_and_without_a_port() {
        for (text, printed) in [
            ("db1", "db1:9042"),
            (" db1:19042 ", "db1:19042"),
            ("127.0.0.1", "127.0.0.1:9042"),
            ("::1", "[::1]:9042"),
            ("[::1]", "[::1]:9042"),
            ("[fe80::1]:19042", "[fe80::1]:19042"),
        ] {
            let point = ContactPoint::parse(text, DEFAULT_PORT).unwrap();
            assert_eq!(point.to_string(), printed);
        }
        for text in ["", ":9042", "db1:", "db1:port", "db1:70000", "[::1", "[::1]x"] {
            assert!(ContactPoint::parse(text, DEFAULT_PORT).is_err(), "{text}");
        }
    }
}

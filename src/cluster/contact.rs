//! Contact points: the hosts at which the driver first connects to a cluster.

use std::net::{IpAddr, SocketAddr};

use super::NodeInfo;

/// The default port of the native protocol.
pub(crate) const DEFAULT_PORT: u16 = 9042;

/// A host name or address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContactPoint {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl ContactPoint {
    /// Parses a host name or IP address with or without a port, such as `db1`, `10.0.0.7:9042` or
    /// `[::1]:9042`. Without a port, uses `default_port`.
    ///
    /// # Errors
    /// Returns an error text if the contact point is invalid.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let text = text.trim();
        let error = |problem: &str| format!("contact point `{text}` {problem}");
        let point = |host: &str, port| match host {
            "" => Err(error("has no host")),
            host => Ok(Self { host: host.to_owned(), port }),
        };
        // An IPv6 address without brackets must not be split at a colon.
        if text.parse::<IpAddr>().is_ok() {
            return point(text, default_port);
        }
        let parse_port = |port: &str| port.parse().map_err(|_| error("has no valid port"));
        if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or_else(|| error("lacks a `]`"))?;
            return match port.strip_prefix(':') {
                Some(port) => point(host, parse_port(port)?),
                None if port.is_empty() => point(host, default_port),
                None => Err(error("has no valid port")),
            };
        }
        match text.split_once(':') {
            Some((host, port)) => point(host, parse_port(port)?),
            None => point(text, default_port),
        }
    }

    /// Resolves the host to its addresses, of which there is at least one.
    ///
    /// # Errors
    /// Returns an error text if the host has no address.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        match tokio::net::lookup_host((self.host.as_str(), self.port)).await {
            Ok(addresses) => {
                let addresses: Vec<_> = addresses.collect();
                match addresses.is_empty() {
                    true => Err("the name has no address".to_owned()),
                    false => Ok(addresses),
                }
            }
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
    fn parses_names_and_addresses_with_and_without_a_port() {
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

//! `cassandra.yaml`. Many of its keys have new names in 5.0.

use std::{fmt::Write, net::Ipv4Addr};

use crate::{
    options::Location,
    tls::{ClientCertificates, PASSWORD},
    version::Generation,
};

/// The settings that differ from node to node.
#[derive(Clone, Debug)]
pub(crate) struct NodeConfig<'a> {
    pub(crate) generation: Generation,
    /// The node's tokens.
    pub(crate) tokens: Vec<i64>,
    /// The address on which the node listens for other nodes.
    pub(crate) listen_address: Ipv4Addr,
    /// The port for traffic between nodes, the same on every node of a cluster.
    pub(crate) storage_port: u16,
    /// The port for clients.
    pub(crate) native_port: u16,
    /// True if the node listens for clients on every address and advertises `listen_address` to
    /// them. A container needs this.
    pub(crate) any_rpc_address: bool,
    /// The first node's `listen_address`.
    pub(crate) seed: Ipv4Addr,
    /// The folder for data, commit log, caches and hints.
    pub(crate) storage_dir: &'a str,
    /// The node's datacenter and rack, which other nodes learn by gossip. `None` leaves the node in
    /// `rack1` of `datacenter1`.
    pub(crate) location: Option<Location>,
    /// True if clients must log in.
    pub(crate) authentication: bool,
    /// The TLS settings, or `None` for plain connections.
    pub(crate) tls: Option<TlsConfig<'a>>,
    /// Settings that are added, or replace those of the harness.
    pub(crate) settings: &'a [(String, String)],
}

/// The folder of a node's keystores, and whether clients have certificates.
#[derive(Clone, Debug)]
pub(crate) struct TlsConfig<'a> {
    pub(crate) dir: &'a str,
    pub(crate) client_certificates: ClientCertificates,
}

impl NodeConfig<'_> {
    /// Returns the text of `cassandra.yaml`.
    pub(crate) fn yaml(&self) -> String {
        let set = |name: &str| self.settings.iter().find(|(key, _)| key == name);
        let mut lines: Vec<String> = self.defaults().lines().map(str::to_owned).collect();
        lines.retain(|line| line.split(':').next().and_then(set).is_none());
        if set("commitlog_sync").is_some_and(|(_, mode)| mode != "periodic") {
            // A node refuses to start if the commit log is not periodic but has a period.
            lines.retain(|line| !line.starts_with("commitlog_sync_period"));
        }
        lines.extend(self.settings.iter().map(|(key, value)| format!("{key}: {value}")));
        lines.join("\n") + "\n"
    }

    /// Returns the settings of the harness.
    fn defaults(&self) -> String {
        let mut yaml = String::new();
        // Writing to a String cannot fail.
        let mut set = |key: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(yaml, "{key}: {value}");
        };
        set("cluster_name", &"cqlwire");
        set("partitioner", &"org.apache.cassandra.dht.Murmur3Partitioner");
        let snitch = match self.location {
            Some(_) => "GossipingPropertyFileSnitch",
            None => "SimpleSnitch",
        };
        set("endpoint_snitch", &snitch);
        set("num_tokens", &self.tokens.len());
        let tokens: Vec<_> = self.tokens.iter().map(ToString::to_string).collect();
        // Quoted, because YAML may read digits with commas as one number.
        set("initial_token", &format_args!("\"{}\"", tokens.join(",")));
        // Nodes join an empty cluster, so there is no data to stream to them.
        set("auto_bootstrap", &false);
        let (class, seed) = ("org.apache.cassandra.locator.SimpleSeedProvider", self.seed());
        set(
            "seed_provider",
            &format_args!("[{{class_name: {class}, parameters: [{{seeds: \"{seed}\"}}]}}]"),
        );

        set("listen_address", &self.listen_address);
        set("storage_port", &self.storage_port);
        set("start_native_transport", &true);
        set("native_transport_port", &self.native_port);
        if self.any_rpc_address {
            set("rpc_address", &Ipv4Addr::UNSPECIFIED);
            set("broadcast_rpc_address", &self.listen_address);
        } else {
            set("rpc_address", &self.listen_address);
        }
        if self.authentication {
            set("authenticator", &"PasswordAuthenticator");
        }
        if let Some(TlsConfig { dir, client_certificates }) = &self.tls {
            let file = |name: &str| format!("{:?}", format!("{dir}/{name}.p12"));
            let client_certificates = client_certificates.yaml();
            let (keystore, truststore) = (file("keystore"), file("truststore"));
            let options = format!(
                "{{enabled: true, {client_certificates}, store_type: PKCS12, keystore: {keystore}, \
                 keystore_password: {PASSWORD}, truststore: {truststore}, \
                 truststore_password: {PASSWORD}}}"
            );
            set("client_encryption_options", &options);
        }

        let dir = |name: &str| format!("{:?}", format!("{}/{name}", self.storage_dir));
        set("data_file_directories", &format_args!("[{}]", dir("data")));
        set("commitlog_directory", &dir("commitlog"));
        set("saved_caches_directory", &dir("saved_caches"));
        set("hints_directory", &dir("hints"));
        set("cdc_raw_directory", &dir("cdc_raw"));
        set("commitlog_sync", &"periodic");
        set("auto_snapshot", &false);
        if self.generation == Generation::V3 {
            set("start_rpc", &false);
        }
        yaml.push_str(match self.generation {
            Generation::V3 | Generation::V4 => OLD_KEYS,
            Generation::V5 => NEW_KEYS,
        });
        yaml
    }

    /// Returns the text of `cassandra-rackdc.properties`, or `None` if the node does not read it.
    pub(crate) fn rackdc(&self) -> Option<String> {
        let Location { datacenter, rack } = self.location.as_ref()?;
        Some(format!("dc={datacenter}\nrack={rack}\n"))
    }

    fn seed(&self) -> String {
        match self.generation {
            Generation::V3 => self.seed.to_string(),
            Generation::V4 | Generation::V5 => format!("{}:{}", self.seed, self.storage_port),
        }
    }
}

/// The request timeouts are longer than Cassandra's defaults (2 to 5 s), because tests may run on a
/// small, busy machine.
const OLD_KEYS: &str = "\
commitlog_sync_period_in_ms: 10000
commitlog_total_space_in_mb: 256
read_request_timeout_in_ms: 10000
write_request_timeout_in_ms: 10000
counter_write_request_timeout_in_ms: 10000
enable_materialized_views: true
enable_user_defined_functions: true
";

const NEW_KEYS: &str = "\
commitlog_sync_period: 10000ms
commitlog_total_space: 256MiB
read_request_timeout: 10000ms
write_request_timeout: 10000ms
counter_write_request_timeout: 10000ms
materialized_views_enabled: true
user_defined_functions_enabled: true
";

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml<'a>(generation: Generation, change: impl FnOnce(&mut NodeConfig<'a>)) -> String {
        let mut config = NodeConfig {
            generation,
            tokens: vec![-6, 7],
            listen_address: Ipv4Addr::new(127, 0, 0, 2),
            storage_port: 7000,
            native_port: 9042,
            any_rpc_address: false,
            seed: Ipv4Addr::LOCALHOST,
            storage_dir: "/with space",
            location: None,
            authentication: false,
            tls: None,
            settings: &[],
        };
        change(&mut config);
        config.yaml()
    }

    fn has(yaml: &str, line: &str) -> bool {
        yaml.lines().any(|l| l == line)
    }

    #[test]
    fn a_node_has_its_own_addresses_tokens_and_folders() {
        let yaml = yaml(Generation::V5, |_| {});
        for line in [
            "num_tokens: 2",
            "initial_token: \"-6,7\"",
            "listen_address: 127.0.0.2",
            "rpc_address: 127.0.0.2",
            "native_transport_port: 9042",
            "data_file_directories: [\"/with space/data\"]",
        ] {
            assert!(has(&yaml, line), "no `{line}` in\n{yaml}");
        }
        assert!(!yaml.contains("authenticator"));
    }

    #[test]
    fn keys_and_seeds_follow_the_generation() {
        let [v3, v4, v5] =
            [Generation::V3, Generation::V4, Generation::V5].map(|g| yaml(g, |_| {}));
        assert!(v3.contains(r#"seeds: "127.0.0.1""#) && has(&v3, "start_rpc: false"));
        assert!(v4.contains(r#"seeds: "127.0.0.1:7000""#) && !v4.contains("start_rpc"));
        assert!(v5.contains(r#"seeds: "127.0.0.1:7000""#));
        for old in [&v3, &v4] {
            assert!(has(old, "enable_materialized_views: true"));
            assert!(has(old, "enable_user_defined_functions: true"));
        }
        assert!(has(&v5, "materialized_views_enabled: true"));
        assert!(has(&v5, "user_defined_functions_enabled: true"));
        for yaml in [v3, v4, v5] {
            let mut keys: Vec<_> = yaml.lines().map(|l| l.split_once(": ").unwrap().0).collect();
            keys.sort_unstable();
            assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "duplicate key in\n{yaml}");
        }
    }

    #[test]
    fn a_location_selects_the_snitch_that_gossips_it() {
        let mut rackdc = None;
        let default = yaml(Generation::V5, |config| rackdc = config.rackdc());
        assert!(has(&default, "endpoint_snitch: SimpleSnitch") && rackdc.is_none());
        let located = yaml(Generation::V5, |config| {
            let (datacenter, rack) = ("dc2".to_owned(), "rack1".to_owned());
            config.location = Some(Location { datacenter, rack });
            rackdc = config.rackdc();
        });
        assert!(has(&located, "endpoint_snitch: GossipingPropertyFileSnitch"));
        assert_eq!(rackdc.unwrap(), "dc=dc2\nrack=rack1\n");
    }

    #[test]
    fn writes_authentication_tls_and_address() {
        let yaml = yaml(Generation::V4, |config| {
            config.authentication = true;
            config.any_rpc_address = true;
            config.tls = Some(TlsConfig {
                dir: "/with space",
                client_certificates: ClientCertificates::Required,
            });
        });
        assert!(has(&yaml, "authenticator: PasswordAuthenticator"));
        assert!(has(&yaml, "rpc_address: 0.0.0.0"));
        assert!(has(&yaml, "broadcast_rpc_address: 127.0.0.2"));
        let tls = yaml.lines().find(|line| line.starts_with("client_encryption_options: {"));
        for option in [r#"keystore: "/with space/keystore.p12""#, "require_client_auth: true"] {
            assert!(tls.is_some_and(|tls| tls.contains(option)), "no `{option}` in\n{yaml}");
        }
    }

    #[test]
    fn settings_are_added_or_replace_those_of_the_harness() {
        let settings = [
            ("cdc_enabled", "true"),
            ("read_request_timeout", "5s"),
            ("accord", "{enabled: true}"),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let yaml = yaml(Generation::V5, |config| config.settings = &settings);
        assert!(has(&yaml, "cdc_enabled: true") && has(&yaml, "commitlog_sync_period: 10000ms"));
        assert!(has(&yaml, "read_request_timeout: 5s"));
        assert_eq!(yaml.matches("read_request_timeout").count(), 1, "{yaml}");
        assert!(has(&yaml, "accord: {enabled: true}"));
    }

    #[test]
    fn a_commit_log_that_is_not_periodic_has_no_period() {
        let settings = [("commitlog_sync".to_owned(), "batch".to_owned())];
        for generation in [Generation::V4, Generation::V5] {
            let yaml = yaml(generation, |config| config.settings = &settings);
            assert!(has(&yaml, "commitlog_sync: batch"));
            assert!(!yaml.contains("commitlog_sync_period"), "{yaml}");
        }
    }
}

//! The choice of where nodes come from.

use std::{
    env, fmt,
    net::{SocketAddr, ToSocketAddrs},
};

use crate::{Error, Options, docker, java::require_java};

const LAUNCHER: &str = "CQLWIRE_CASSANDRA";
const CONTACT_POINTS: &str = "CQLWIRE_CONTACT_POINTS";
const DEFAULT_PORT: u16 = 9042;

/// The source of the nodes. The environment variable `CQLWIRE_CASSANDRA` selects one: `env`,
/// `docker` or `java`. By default, it is the first of them that works on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// Nodes that already run, given by `CQLWIRE_CONTACT_POINTS=host:port,...`.
    Environment,
    /// One node in a container of a local Docker daemon.
    Docker,
    /// Any number of nodes, run by the local Java 17 from jars that Maven downloads.
    Java,
}

impl Launcher {
    /// Selects the launcher for a cluster of `nodes` nodes on this machine.
    ///
    /// # Errors
    /// Returns an error if `CQLWIRE_CASSANDRA` is set, but not to `env`, `docker` or `java`.
    pub fn choose(nodes: u8) -> Result<Self, Error> {
        let choice = env::var(LAUNCHER).unwrap_or_default();
        let has_contact_points = env::var(CONTACT_POINTS).is_ok_and(|text| !text.is_empty());
        choose(&choice, has_contact_points, || nodes == 1 && docker::daemon_answers())
    }

    /// Returns the launcher that can start the cluster of `options` on this machine: the one that
    /// `options` or `CQLWIRE_CASSANDRA` name, or else the first that works. Starts nothing.
    ///
    /// # Errors
    /// Returns [`Error::Missing`] if a requirement is missing: a Docker daemon, Java 17, or Maven
    /// although the jars are not cached. Returns another error if the launcher cannot start such a
    /// cluster, or if an environment variable is invalid.
    pub fn find(options: &Options) -> Result<Self, Error> {
        let launcher = match options.launcher {
            Some(launcher) => launcher,
            None => Self::choose(options.nodes)?,
        };
        match launcher {
            Self::Environment => drop(contact_points_from_env()?),
            Self::Docker => docker::require(options)?,
            Self::Java => require_java(options)?,
        }
        Ok(launcher)
    }
}

impl fmt::Display for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "from the environment",
            Self::Docker => "Docker",
            Self::Java => "Java",
        })
    }
}

fn choose(
    choice: &str,
    has_contact_points: bool,
    docker_works: impl FnOnce() -> bool,
) -> Result<Launcher, Error> {
    match choice {
        "env" => Ok(Launcher::Environment),
        "docker" => Ok(Launcher::Docker),
        "java" => Ok(Launcher::Java),
        "" if has_contact_points => Ok(Launcher::Environment),
        "" if docker_works() => Ok(Launcher::Docker),
        "" => Ok(Launcher::Java),
        other => Err(Error::Environment {
            variable: LAUNCHER,
            value: other.to_owned(),
            problem: "use `env`, `docker` or `java`".to_owned(),
        }),
    }
}

/// Returns the addresses of `CQLWIRE_CONTACT_POINTS`.
pub(crate) fn contact_points_from_env() -> Result<Vec<SocketAddr>, Error> {
    let text = env::var(CONTACT_POINTS).unwrap_or_default();
    parse_contact_points(&text).map_err(|problem| Error::Environment {
        variable: CONTACT_POINTS,
        value: text,
        problem,
    })
}

fn parse_contact_points(text: &str) -> Result<Vec<SocketAddr>, String> {
    let entries: Vec<&str> = text.split(',').map(str::trim).filter(|e| !e.is_empty()).collect();
    if entries.is_empty() {
        return Err("give at least one node, as in `127.0.0.1:9042`".to_owned());
    }
    entries.into_iter().map(resolve).collect()
}

/// Resolves `host`, `host:port`, `::1` or `[::1]:port`.
fn resolve(entry: &str) -> Result<SocketAddr, String> {
    let without_port = || {
        let host = entry.trim_start_matches('[').trim_end_matches(']');
        (host, DEFAULT_PORT).to_socket_addrs()
    };
    let mut addresses = entry
        .to_socket_addrs()
        .or_else(|_| without_port())
        .map_err(|problem| format!("cannot resolve `{entry}` as host:port ({problem})"))?;
    addresses.next().ok_or_else(|| format!("host name `{entry}` has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_explicit_choice_then_contact_points_then_docker() {
        let launcher = |choice, points, docker| choose(choice, points, || docker).unwrap();
        assert_eq!(launcher("java", true, true), Launcher::Java);
        assert_eq!(launcher("docker", true, false), Launcher::Docker);
        assert_eq!(launcher("env", false, true), Launcher::Environment);
        assert_eq!(launcher("", true, true), Launcher::Environment);
        assert_eq!(launcher("", false, true), Launcher::Docker);
        assert_eq!(launcher("", false, false), Launcher::Java);
        let error = choose("podman", false, || true).unwrap_err().to_string();
        assert_eq!(
            error,
            "invalid environment variable CQLWIRE_CASSANDRA=`podman`: use `env`, `docker` or `java`"
        );
    }

    #[test]
    fn the_missing_requirement_is_an_error_of_its_own() {
        let containers =
            |nodes| Options { launcher: Some(Launcher::Docker), ..Options::default().nodes(nodes) };
        let error = Launcher::find(&containers(3)).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{error}");
        let find = |launcher| {
            let options = Options { launcher: Some(launcher), ..Options::default() };
            Launcher::find(&options)
        };
        for launcher in [Launcher::Docker, Launcher::Java] {
            match find(launcher) {
                Ok(found) => assert_eq!(found, launcher),
                Err(Error::Missing { problem, advice }) => {
                    assert!(problem.starts_with("cannot ") && !advice.is_empty());
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn contact_points_are_a_comma_separated_list_with_optional_ports() {
        let points = parse_contact_points("127.0.0.1:9142, 127.0.0.2 ,[::1]:7,::1,[::1],").unwrap();
        let texts: Vec<_> = points.iter().map(ToString::to_string).collect();
        let expected = ["127.0.0.1:9142", "127.0.0.2:9042", "[::1]:7", "[::1]:9042", "[::1]:9042"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn the_error_names_the_invalid_contact_point() {
        assert!(parse_contact_points(" , ").unwrap_err().contains("at least one node"));
        assert!(parse_contact_points("127.0.0.1:port").unwrap_err().contains("`127.0.0.1:port`"));
    }
}

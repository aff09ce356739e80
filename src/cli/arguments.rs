//! The arguments that say how to reach Cassandra.

use std::io::stderr;
use std::time::Duration;

use clap::{ArgAction, Args};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Failure;
use super::tls::TlsArgs;
use crate::protocol::Credentials;
use crate::session::{Session, SessionBuilder};
use crate::wire::{Compression, Consistency, Version};

/// How to reach Cassandra.
#[derive(Debug, Clone, Args)]
pub struct ConnectArgs {
    /// Servers to connect to: names or addresses, with or without a port
    #[arg(
        long = "host",
        value_name = "HOST",
        env = "CQLWIRE_HOST",
        default_value = "127.0.0.1",
        value_delimiter = ','
    )]
    hosts: Vec<String>,

    /// Port of hosts that name none
    #[arg(long, default_value_t = 9042, env = "CQLWIRE_PORT")]
    port: u16,

    /// Datacenter whose nodes are asked; that of the first host that answers unless given
    #[arg(long = "local-dc", value_name = "NAME", env = "CQLWIRE_LOCAL_DC")]
    local_datacenter: Option<String>,

    /// How many replicas must answer
    #[arg(long, default_value = "LOCAL_ONE", value_name = "LEVEL")]
    consistency: Consistency,

    /// Compression to ask the server for
    #[arg(long, default_value = "none", value_name = "lz4|none", value_parser = compression)]
    compression: AskedCompression,

    /// Protocol version to begin with; an older server is asked in a lower one
    #[arg(long, default_value = "4", value_name = "3|4|5")]
    protocol_version: Version,

    /// Seconds to wait for an answer
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,

    /// Seconds to keep trying while Cassandra is still starting
    #[arg(long, default_value = "0", value_name = "SECONDS", value_parser = seconds)]
    wait: Duration,

    /// User name, for a server that asks for one
    #[arg(short, long, env = "CQLWIRE_USERNAME", requires = "password")]
    username: Option<String>,

    /// Password of the user; better given by the environment
    #[arg(long, env = "CQLWIRE_PASSWORD", hide_env_values = true)]
    password: Option<Password>,

    /// Java class of the server's authenticator, if it is not one that is known to want a password
    #[arg(long, value_name = "CLASS", requires = "username")]
    authenticator: Option<String>,

    #[command(flatten)]
    tls: TlsArgs,

    /// Log to stderr; -vv logs more
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,

    /// At the end, say on stderr what was done and how long it took
    #[arg(long)]
    metrics: bool,
}

/// A password, which is not shown.
#[derive(Clone)]
struct Password(String);

impl std::str::FromStr for Password {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// A compression, or none: what `Option` would say, if it were not clap's word for "not given".
#[derive(Debug, Clone, Copy)]
struct AskedCompression(Option<Compression>);

impl ConnectArgs {
    /// Starts logging, and connects; `change` adds what the program needs.
    ///
    /// # Errors
    /// As [`SessionBuilder::connect`]; or a file of certificates cannot be used.
    pub async fn connect(
        &self,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failure> {
        self.start_logging();
        let mut builder = Session::builder()
            .contact_points(&self.hosts)
            .port(self.port)
            .protocol_version(self.protocol_version)
            .compression(self.compression.0)
            .consistency(self.consistency)
            .timeout(self.timeout)
            .connect_timeout(self.timeout)
            .connect_retry_for(self.wait)
            // These programs know their tables, and do not wait for those of others.
            .fetch_schema(false);
        if let Some(name) = &self.local_datacenter {
            builder = builder.local_datacenter(name);
        }
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            let credentials = Credentials::new(username, &password.0);
            builder = builder.authenticator(match &self.authenticator {
                Some(class) => credentials.allow_class(class),
                None => credentials,
            });
        }
        if let Some(tls) = self.tls.tls()? {
            builder = builder.tls(tls);
        }
        Ok(change(builder).connect().await?)
    }

    /// How many replicas must answer.
    pub const fn consistency(&self) -> Consistency {
        self.consistency
    }

    /// Says what the session has done, if that was asked for.
    pub fn report(&self, session: &Session) {
        if self.metrics {
            eprint!("{}", super::summary::Summary(&session.metrics()));
        }
    }

    fn start_logging(&self) {
        let level = match self.verbose {
            0 => LevelFilter::ERROR,
            1 => LevelFilter::INFO,
            2 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
        let logs = tracing_subscriber::fmt().with_writer(stderr).with_env_filter(filter);
        // A second session in one program logs to where the first one does.
        let _already_started = logs.try_init();
    }
}

fn compression(text: &str) -> Result<AskedCompression, String> {
    match text {
        "none" => Ok(AskedCompression(None)),
        text => text
            .parse()
            .map(|compression| AskedCompression(Some(compression)))
            .map_err(|known: String| format!("{known}, or none")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        connect: ConnectArgs,
    }

    #[test]
    fn a_password_is_not_shown() {
        let given = ["program", "--username", "ada", "--password", "s3cret"];
        let arguments = Arguments::try_parse_from(given).unwrap();
        assert!(arguments.connect.password.as_ref().is_some_and(|password| password.0 == "s3cret"));
        assert!(!format!("{arguments:?}").contains("s3cret"));
    }
}

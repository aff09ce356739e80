//! The arguments for connecting to Cassandra.

use std::io::{Write, stderr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::failure::Failure;
use super::password::Password;
use super::summary::Summary;
use super::tls::TlsArgs;
use super::{hint, logging};
use crate::protocol::Credentials;
use crate::session::{Session, SessionBuilder};
use crate::wire::{Compression, Consistency, Version};

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 9042;

/// Timeout of connecting and of each request.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The arguments for connecting to Cassandra.
#[derive(Debug, Clone, Args)]
pub struct ConnectArgs {
    /// Nodes to connect to first: names or addresses, with or without a port, separated by commas
    /// [default: 127.0.0.1]
    #[arg(long = "host", value_name = "HOST", env = "CQLWIRE_HOST", value_delimiter = ',')]
    hosts: Vec<String>,

    /// Port of each host that --host gives without a port [default: 9042]
    #[arg(
        long,
        env = "CQLWIRE_PORT",
        value_parser = whole_number::<u16>(1..=65_535),
        allow_negative_numbers = true
    )]
    port: Option<u16>,

    /// Datacenter to send requests to [default: the datacenter of the first host that responds]
    #[arg(long = "local-dc", value_name = "NAME", env = "CQLWIRE_LOCAL_DC")]
    local_datacenter: Option<String>,

    /// Consistency level of requests [default: LOCAL_ONE, in the shell ONE, and QUORUM for
    /// transactions]
    #[arg(long, value_name = "LEVEL")]
    consistency: Option<Consistency>,

    /// Compression of frames; snappy needs protocol version 3 or 4
    #[arg(
        long,
        default_value = "none",
        value_name = "lz4|snappy|none",
        value_parser = parse_compression
    )]
    compression: CompressionArg,

    /// Highest protocol version to use; lower ones are tried if the server is older [default: 4; the
    /// shell's default is 5]
    #[arg(long, value_name = "3|4|5")]
    protocol_version: Option<Version>,

    /// Timeout of connecting and of each request [default: 10; the shell's default for connecting is 5]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_timeout,
        allow_negative_numbers = true
    )]
    timeout: Option<Duration>,

    /// Timeout of connecting, if it differs from that of requests.
    #[arg(skip)]
    connect_timeout: Option<Duration>,

    /// Time to keep trying to connect while Cassandra is still starting
    #[arg(
        long,
        default_value = "0",
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    wait: Duration,

    /// User name; without --password, the program asks for the password on the terminal
    #[arg(short, long, env = "CQLWIRE_USERNAME")]
    username: Option<String>,

    /// Password; use the environment variable to hide it from other users of this machine
    #[arg(short, long, env = "CQLWIRE_PASSWORD", hide_env_values = true)]
    password: Option<Password>,

    /// Java class of a server authenticator that may receive the password, in addition to the
    /// classes that are known to require a password
    #[arg(long, value_name = "CLASS")]
    authenticator: Option<String>,

    #[command(flatten)]
    tls: TlsArgs,

    /// Log to stderr; -vv and -vvv log more, RUST_LOG selects by module
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,

    /// Print request counts and latencies to stderr at the end
    #[arg(long)]
    metrics: bool,
}

/// Values for arguments that are not given.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectDefaults {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) protocol_version: Option<Version>,
    pub(crate) request_timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) username: Option<String>,
    /// The password of `username`.
    pub(crate) password: Option<Password>,
    /// True to encrypt connections with TLS.
    pub(crate) is_tls: bool,
    /// File of the CAs to trust.
    pub(crate) tls_ca: Option<PathBuf>,
    /// Files of the client certificate and its key.
    pub(crate) tls_client: Option<(PathBuf, PathBuf)>,
}

/// The value of `--compression`. It wraps the `Option` because clap would take a bare `Option` field
/// for an argument that may be absent.
#[derive(Debug, Clone, Copy)]
struct CompressionArg(Option<Compression>);

impl ConnectArgs {
    /// Sets the arguments that are not given.
    pub(crate) fn set_defaults(&mut self, defaults: ConnectDefaults) {
        if self.hosts.is_empty() {
            self.hosts.extend(defaults.host);
        }
        self.port = self.port.or(defaults.port);
        self.protocol_version = self.protocol_version.or(defaults.protocol_version);
        self.connect_timeout = self.timeout.or(defaults.connect_timeout);
        self.timeout = self.timeout.or(defaults.request_timeout);
        if self.username.is_none() {
            self.username = defaults.username;
        }
        if self.password.is_none() && self.username.is_some() {
            self.password = defaults.password;
        }
        self.tls.set_defaults(defaults.is_tls, defaults.tls_ca, defaults.tls_client);
    }

    /// Replaces the timeouts of connecting and of each request that are given.
    pub(crate) fn set_timeouts(&mut self, connect: Option<Duration>, request: Option<Duration>) {
        // Without a timeout of its own, connecting has that of requests.
        self.connect_timeout = connect.or(self.connect_timeout).or(self.timeout);
        self.timeout = request.or(self.timeout);
    }

    /// Replaces the host and, if one is given, the port.
    pub(crate) fn set_host(&mut self, host: String, port: Option<u16>) {
        self.hosts = vec![host];
        self.port = port.or(self.port);
    }

    /// Replaces the user. Without a password, [`connect`](Self::connect) asks for it on the terminal.
    #[must_use]
    pub(crate) fn with_user(self, username: String, password: Option<String>) -> Self {
        let password = password.map(Password::from);
        Self { username: Some(username), password, ..self }
    }

    /// Returns the first host to connect to, with its port.
    pub(crate) fn first_host(&self) -> String {
        let host = self.hosts.first().map_or(DEFAULT_HOST, String::as_str);
        let port = self.port.unwrap_or(DEFAULT_PORT);
        let has_port = match host.rsplit_once(':') {
            Some((name, port)) => {
                (!name.contains(':') || name.ends_with(']')) && port.parse::<u16>().is_ok()
            }
            None => false,
        };
        if has_port { host.to_owned() } else { format!("{host}:{port}") }
    }

    /// Returns the timeout of connecting.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.or(self.timeout).unwrap_or(DEFAULT_TIMEOUT)
    }

    /// Asks for the password on the terminal if there is a user name without a password.
    ///
    /// # Errors
    /// Returns an error if there is no terminal.
    pub fn ask_for_password(&mut self) -> Result<(), Failure> {
        if let (Some(username), None) = (&self.username, &self.password) {
            self.password = Some(Password::prompt(username)?);
        }
        Ok(())
    }

    /// Starts logging and connects. `configure` sets the session options that only this program
    /// needs.
    ///
    /// # Errors
    /// Returns an error if an argument is wrong, if there is no terminal to ask for the password,
    /// or if [`SessionBuilder::connect`] fails.
    pub async fn connect(
        &mut self,
        configure: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failure> {
        logging::start(self.verbose);
        self.ask_for_password()?;
        let builder = configure(self.builder()?);
        builder.connect().await.map_err(|error| {
            let hint = hint::for_connect_error(&error, self.wait);
            Failure::Session { error, hint }
        })
    }

    /// Starts logging and connects, to `keyspace` if one is given: see [`connect`](Self::connect).
    ///
    /// # Errors
    /// Returns the errors of [`connect`](Self::connect).
    pub async fn connect_to(&mut self, keyspace: Option<&str>) -> Result<Session, Failure> {
        self.connect(|builder| with_keyspace(builder, keyspace)).await
    }

    fn builder(&self) -> Result<SessionBuilder, Failure> {
        if self.username.is_none() && (self.password.is_some() || self.authenticator.is_some()) {
            return Err(Failure::Arguments(
                "--password and --authenticator need a user name; pass --username, or set the \
                 environment variable CQLWIRE_USERNAME"
                    .to_owned(),
            ));
        }
        let builder = match self.hosts.as_slice() {
            [] => Session::builder().contact_points([DEFAULT_HOST]),
            hosts => Session::builder().contact_points(hosts),
        };
        let mut builder = builder
            .port(self.port.unwrap_or(DEFAULT_PORT))
            .protocol_version(self.protocol_version())
            .compression(self.compression()?)
            .timeout(self.timeout.unwrap_or(DEFAULT_TIMEOUT))
            .connect_timeout(self.connect_timeout())
            .connect_retry_for(self.wait)
            // The programs do not use the schema.
            .fetch_schema(false);
        if let Some(consistency) = self.consistency {
            builder = builder.consistency(consistency);
        }
        if let Some(name) = &self.local_datacenter {
            builder = builder.local_datacenter(name);
        }
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            let credentials = Credentials::new(username, password.as_str());
            builder = builder.authenticator(match &self.authenticator {
                Some(class) => credentials.allow_class(class),
                None => credentials,
            });
        }
        if let Some(tls) = self.tls.tls()? {
            builder = builder.tls(tls);
        }
        Ok(builder)
    }

    fn protocol_version(&self) -> Version {
        self.protocol_version.unwrap_or(Version::V4)
    }

    fn compression(&self) -> Result<Option<Compression>, Failure> {
        let version = self.protocol_version();
        match self.compression.0 {
            Some(compression) if !compression.is_supported_in(version) => {
                Err(Failure::Arguments(format!(
                    "--compression {compression} does not exist in protocol {version}; use \
                     --compression lz4 or a lower --protocol-version"
                )))
            }
            compression => Ok(compression),
        }
    }

    /// Returns the consistency level that `--consistency` sets, or `None` if it is not given.
    pub const fn consistency(&self) -> Option<Consistency> {
        self.consistency
    }

    /// Prints the metrics of the session to stderr if `--metrics` is given.
    pub fn print_metrics(&self, session: &Session) {
        if self.metrics {
            let _unwritable = write!(stderr(), "{}", Summary(&session.metrics()));
        }
    }
}

/// Sets the keyspace if one is given.
pub(crate) fn with_keyspace(builder: SessionBuilder, keyspace: Option<&str>) -> SessionBuilder {
    match keyspace {
        Some(keyspace) => builder.keyspace(keyspace),
        None => builder,
    }
}

/// Returns a parser of whole numbers in `range`.
pub fn whole_number<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| match range.end() {
            &u64::MAX => format!("not a whole number of at least {}", range.start()),
            end => format!("not a whole number from {} to {end}", range.start()),
        })
    }
}

fn parse_compression(text: &str) -> Result<CompressionArg, String> {
    match text {
        "none" => Ok(CompressionArg(None)),
        text => text
            .parse()
            .map(|compression| CompressionArg(Some(compression)))
            .map_err(|known: String| format!("{known}, or none")),
    }
}

/// Parses a number of seconds above 0.
///
/// # Errors
/// Returns the reason if the text is not such a number.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_seconds(text)?;
    if timeout.is_zero() {
        return Err("with this timeout every request would fail; use a number above 0".to_owned());
    }
    Ok(timeout)
}

/// Parses a number of seconds, such as `0.5`.
///
/// # Errors
/// Returns the reason if the text is not such a number.
pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| "not a number of seconds between 0 and 1e19".to_owned())
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

    fn parse(arguments: &[&str]) -> Result<ConnectArgs, clap::Error> {
        let arguments = [&["program"], arguments].concat();
        Arguments::try_parse_from(arguments).map(|arguments| arguments.connect)
    }

    #[test]
    fn debug_output_does_not_contain_the_password() {
        for arguments in
            [["-u", "ada", "-p", "s3cret"], ["--username", "ada", "--password", "s3cret"]]
        {
            let connect = parse(&arguments).unwrap();
            assert_eq!(connect.password.as_ref().map(Password::as_str), Some("s3cret"));
            assert!(!format!("{connect:?}").contains("s3cret"));
        }
    }

    #[test]
    fn names_the_range_of_numbers() {
        let error = |arguments: &[&str]| parse(arguments).unwrap_err().to_string();
        for port in ["0", "65536", "-1", "x"] {
            let error = error(&["--port", port]);
            assert!(error.contains("': not a whole number from 1 to 65535"), "{error}");
        }
        let error = error(&["--wait", "-1"]);
        assert!(error.contains("': not a number of seconds between 0 and 1e19"), "{error}");
    }

    #[test]
    fn a_password_needs_a_user_name_from_arguments_or_defaults() {
        let mut connect = parse(&["-p", "s3cret"]).unwrap();
        connect.username = None;
        let error = connect.builder().unwrap_err().to_string();
        assert!(error.contains("need a user name; pass --username"), "{error}");
        connect.set_defaults(ConnectDefaults {
            username: Some("ada".to_owned()),
            password: Some("other".to_owned().into()),
            ..ConnectDefaults::default()
        });
        assert_eq!(connect.password.as_ref().map(Password::as_str), Some("s3cret"));
        assert!(connect.builder().is_ok());
    }

    #[test]
    fn a_timeout_of_its_own_takes_precedence_over_the_common_timeout() {
        let seconds = Duration::from_secs;
        let timeouts = |connect_timeout, request_timeout| {
            let mut connect = parse(&["--timeout", "9"]).unwrap();
            connect.set_defaults(ConnectDefaults {
                connect_timeout: Some(seconds(5)),
                request_timeout: Some(seconds(6)),
                ..ConnectDefaults::default()
            });
            connect.set_timeouts(connect_timeout, request_timeout);
            (connect.connect_timeout(), connect.timeout)
        };
        assert_eq!(timeouts(None, None), (seconds(9), Some(seconds(9))));
        assert_eq!(timeouts(Some(seconds(2)), None), (seconds(2), Some(seconds(9))));
        assert_eq!(timeouts(None, Some(seconds(3))), (seconds(9), Some(seconds(3))));
    }

    #[test]
    fn zero_is_a_wait_but_not_a_timeout() {
        assert_eq!(parse(&["--wait", "0"]).unwrap().wait, Duration::ZERO);
        let error = parse(&["--timeout", "0"]).unwrap_err().to_string();
        assert!(error.contains("every request would fail; use a number above 0"), "{error}");
    }
}

//! The command line of `cqlwire shell`, and the program.

use std::env;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Read, stdin, stdout};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connect_failure::connect_failure_text;
use super::connector::Connector;
use super::cqlshrc::{ConfigFile, is_secure};
use super::engine::Engine;
use super::format::{DEFAULT_TIMESTAMP_FORMAT, DateTimeFormats, ValueFormat};
use super::output::{Output, print_error};
use super::python::{expand_home, os_error, repr};
use super::run::ScriptRunner;
use super::script::{decode, read_script};
use super::settings::Settings;
use super::table::{Layout, RecordFormat};
use crate::cli::{ConnectArgs, ConnectDefaults, Failure, parse_timeout, whole_number};
use crate::wire::Version;

/// The arguments of `cqlwire shell`: those of cqlsh, and those for connecting that all programs have. The
/// `Debug` output omits statements and the values of variables, which may contain passwords.
#[derive(Clone, Args)]
// As in cqlsh, the last of several equal options counts.
#[command(args_override_self = true)]
pub struct ShellArgs {
    /// Node to connect to [default: --host, CQLSH_HOST, or the hostname of cqlshrc]
    #[arg(value_name = "HOST")]
    positional_host: Option<String>,

    /// Port of the node
    #[arg(value_name = "PORT", value_parser = whole_number::<u16>(1..=65_535))]
    positional_port: Option<u16>,

    /// Script to run; `-` is standard input [default: standard input]
    #[arg(short, long)]
    file: Option<String>,

    /// CQL statements to run, separated by semicolons
    #[arg(short, long, value_name = "CQL", conflicts_with = "file")]
    execute: Option<String>,

    /// Keyspace to use
    #[arg(short, long, env = "CQLWIRE_KEYSPACE")]
    keyspace: Option<String>,

    /// Colour the output, also if it is not a terminal
    #[arg(short = 'C', long, overrides_with = "no_color")]
    color: bool,

    /// Do not colour the output
    #[arg(long)]
    no_color: bool,

    /// Format of rows; EXPAND also chooses between the first two [default: table]
    #[arg(long, value_name = "FORMAT")]
    format: Option<RowFormat>,

    /// Stop at the first error
    #[arg(long)]
    stop_on_error: bool,

    /// Value of the variable `${NAME}` in scripts; can be repeated. In strings and quoted names, quotation
    /// marks in the value are doubled; elsewhere, it is one word, number, string or quoted name
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = parse_variable)]
    variables: Vec<(String, String)>,

    /// Print to stderr how long each statement took
    #[arg(long)]
    timing: bool,

    /// Encrypt connections with TLS; the same as --tls
    #[arg(long)]
    ssl: bool,

    /// Timeout of connecting [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = parse_timeout)]
    connect_timeout: Option<Duration>,

    /// Timeout of each request [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = parse_timeout)]
    request_timeout: Option<Duration>,

    /// File with the options of cqlsh [default: ~/.cassandra/cqlshrc]
    #[arg(long, value_name = "FILE")]
    cqlshrc: Option<String>,

    /// File with the user name and the password [default: ~/.cassandra/credentials]
    #[arg(long, value_name = "FILE")]
    credentials: Option<String>,

    /// Accepted for scripts that call cqlsh: the shell reads and writes UTF-8
    #[arg(long, value_name = "NAME", hide = true)]
    encoding: Option<String>,

    /// Accepted for scripts that call cqlsh: the server chooses the version of CQL
    #[arg(long, value_name = "VERSION", hide = true)]
    cqlversion: Option<String>,

    /// Accepted for scripts that call cqlsh: HELP prints addresses
    #[arg(long, hide = true)]
    browser: Option<String>,

    /// Accepted for scripts that call cqlsh: there is no prompt
    #[arg(short, long, hide = true)]
    tty: bool,

    /// Accepted for scripts that call cqlsh: the shell does not warn
    #[arg(long, hide = true)]
    insecure_password_without_warning: bool,

    /// Accepted for scripts that call cqlsh: there is no history
    #[arg(long, hide = true)]
    disable_history: bool,

    /// Accepted for scripts that call cqlsh: -v prints more
    #[arg(long, hide = true)]
    debug: bool,

    #[command(flatten)]
    connect: ConnectArgs,
}

impl fmt::Debug for ShellArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, keyspace, format, connect, .. } = self;
        f.debug_struct("ShellArgs")
            .field("file", file)
            .field("keyspace", keyspace)
            .field("format", format)
            .field("connect", connect)
            .finish_non_exhaustive()
    }
}

/// The values of `--format`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RowFormat {
    /// One line per row
    Table,
    /// One line per column of each row
    Vertical,
    /// An array of objects for each result
    Json,
    /// One object a line
    Jsonl,
    /// One line per row, after the names of the columns
    Csv,
}

/// The timeout of connecting, as in cqlsh.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The exit status after a statement has failed.
const STATEMENT_FAILED: u8 = 2;

/// Runs a script, and returns the exit status: 0 if all statements succeeded, and 2 if one failed.
///
/// # Errors
/// Returns an error if an argument is wrong, or if the output cannot be written. If the script cannot be
/// read or no connection can be opened, prints that, and returns the exit status 1.
pub async fn run(arguments: ShellArgs) -> Result<ExitCode, Failure> {
    let config_file = arguments.cqlshrc.as_deref().unwrap_or("~/.cassandra/cqlshrc");
    let config_file = PathBuf::from(expand_home(config_file));
    let config = ConfigFile::read(&config_file).map_err(Failure::Arguments)?;
    let mut connect = arguments.connect(&config, &config_file).map_err(Failure::Arguments)?;
    if config.get("authentication", "password").is_some() && !is_secure(&config_file) {
        let file = config_file.display();
        warn(format_args!("other users can read the password in {file}; run `chmod 600` on it"));
    }
    let settings = arguments.settings(&config).map_err(Failure::Arguments)?;
    // Ask for the password before reading the script, which may be typed on the same terminal.
    connect.ask_for_password()?;
    // Read the script before connecting, so that a missing file fails at once.
    let (name, script) = match arguments.script() {
        Ok(script) => script,
        Err(error) => {
            print_error(error).map_err(|error| unwritable(&error))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let keyspace = arguments.keyspace.as_deref().or(config.get("authentication", "keyspace"));
    let session = match connect.connect_to(keyspace).await {
        Ok(session) => session,
        Err(failure @ Failure::Session { .. }) => {
            let (address, timeout) = (connect.first_host(), connect.connect_timeout());
            let text = connect_failure_text(&failure, &address, timeout);
            print_error(format_args!("Connection error: {text}"))
                .map_err(|error| unwritable(&error))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(failure) => return Err(failure),
    };
    let settings = Settings { consistency: connect.consistency(), ..settings };
    let output = Output::new(BufWriter::new(stdout()));
    let engine = Engine::new(session, connect.into(), settings, output);
    let variables = arguments.variables.into_iter().collect();
    let mut runner = ScriptRunner::new(engine, variables, arguments.stop_on_error);
    runner.run(&name, &script).await.map_err(|error| unwritable(&error))?;
    if let Engine { session, connector: Connector::Arguments(connect), .. } = runner.engine() {
        connect.print_metrics(session);
    }
    let status = if runner.has_failed() { STATEMENT_FAILED } else { 0 };
    Ok(ExitCode::from(status))
}

/// Returns the failure of writing the output. Other than for programs that print one list, it is an error
/// if the reader closes the output, because the rest of the script was not run.
fn unwritable(error: &io::Error) -> Failure {
    Failure::Text(format!("{error}; the rest of the script was not run"))
}

impl ShellArgs {
    /// Returns the name of the script and its text.
    ///
    /// # Errors
    /// Returns an error text, in cqlsh's words, if the script cannot be read.
    fn script(&self) -> Result<(String, String), String> {
        let stdin_name = || "<stdin>".to_owned();
        match (self.file.as_deref(), &self.execute) {
            (_, Some(statements)) => Ok((stdin_name(), end_statement(statements))),
            (None | Some("-"), None) => {
                let mut bytes = Vec::new();
                let read = stdin().lock().read_to_end(&mut bytes);
                let script = read.and_then(|_| decode(&bytes).map(String::from));
                let script = script.map_err(|error| format!("Can't read standard input: {error}"));
                Ok((stdin_name(), script?))
            }
            (Some(file), None) => {
                let script = read_script(Path::new(file));
                let script = script.map_err(|error| {
                    format!("Can't open {}: {}", repr(file), os_error(&error, file))
                });
                Ok((file.to_owned(), script?))
            }
        }
    }

    /// Returns the arguments for connecting, completed by the environment and the configuration.
    ///
    /// # Errors
    /// Returns an error text if an option of the configuration is not valid.
    fn connect(&self, config: &ConfigFile, config_file: &Path) -> Result<ConnectArgs, String> {
        let mut connect = self.connect.clone();
        if let Some(host) = &self.positional_host {
            connect.set_host(host.clone(), self.positional_port);
        }
        let environment = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let port = match environment("CQLSH_PORT") {
            Some(port) => {
                let invalid = |_| format!("CQLSH_PORT: {port} is not a valid port number.");
                Some(port.parse().map_err(invalid)?)
            }
            None => config.parsed("connection", "port")?,
        };
        let seconds = |name| -> Result<Option<Duration>, String> {
            let seconds = config.parsed::<NonZeroU64>("connection", name)?;
            Ok(seconds.map(|seconds| Duration::from_secs(seconds.get())))
        };
        let version = match config.parsed("protocol", "version")? {
            Some(number) => Version::from_number(number)
                .ok_or_else(|| format!("cqlshrc: [protocol] version = {number} is not known"))?,
            None => Version::V5,
        };
        let path = |name| config.get("ssl", name).map(|file| PathBuf::from(expand_home(file)));
        let credentials = self.read_credentials(config, config_file)?;
        let credential = |name| {
            credentials.get("plain_text_auth", name).or_else(|| config.get("authentication", name))
        };
        connect.set_defaults(ConnectDefaults {
            host: environment("CQLSH_HOST")
                .or_else(|| config.get("connection", "hostname").map(str::to_owned)),
            port,
            protocol_version: Some(version),
            request_timeout: seconds("request_timeout")?,
            connect_timeout: seconds("timeout")?.or(Some(DEFAULT_CONNECT_TIMEOUT)),
            username: credential("username").map(str::to_owned),
            password: credential("password").map(|password| password.to_owned().into()),
            is_tls: self.ssl || config.switch("connection", "ssl")?.unwrap_or(false),
            tls_ca: environment("SSL_CERTFILE").map(PathBuf::from).or(path("certfile")),
            tls_client: path("usercert").zip(path("userkey")),
        });
        connect.set_timeouts(self.connect_timeout, self.request_timeout);
        Ok(connect)
    }

    /// Reads the file of credentials. Ignores a file that other users can read or that belongs to another
    /// user, with a warning.
    fn read_credentials(
        &self,
        config: &ConfigFile,
        config_file: &Path,
    ) -> Result<ConfigFile, String> {
        let named = self.credentials.as_deref().or(config.get("authentication", "credentials"));
        let file = match named {
            Some(file) => PathBuf::from(expand_home(file)),
            None => config_file.with_file_name("credentials"),
        };
        if !is_secure(&file) {
            let file = file.display();
            warn(format_args!(
                "the credentials file {file} is not used, because other users can read it, or it belongs \
                 to another user; run `chmod 600` on a file of your own"
            ));
            return Ok(ConfigFile::default());
        }
        ConfigFile::read(&file)
    }

    /// Returns the settings, completed by the environment and the configuration.
    ///
    /// # Errors
    /// Returns an error text if an option of the configuration is not valid.
    fn settings(&self, config: &ConfigFile) -> Result<Settings, String> {
        let mut settings = Settings { is_timing: self.timing, ..Settings::default() };
        match self.format {
            None | Some(RowFormat::Table) => {}
            Some(RowFormat::Vertical) => settings.layout = Layout::Expanded,
            Some(RowFormat::Json) => settings.records = Some(RecordFormat::Json),
            Some(RowFormat::Jsonl) => settings.records = Some(RecordFormat::JsonLines),
            Some(RowFormat::Csv) => settings.records = Some(RecordFormat::Csv),
        }
        let timestamp = config
            .get("ui", "time_format")
            .map(str::to_owned)
            .or_else(|| env::var("CQLSH_DEFAULT_TIMESTAMP_FORMAT").ok())
            .filter(|format| !format.is_empty())
            .unwrap_or_else(|| DEFAULT_TIMESTAMP_FORMAT.to_owned());
        let defaults = ValueFormat::default();
        settings.values = ValueFormat {
            is_colored: self.is_colored(config)?,
            date_time: DateTimeFormats { timestamp },
            float_precision: config
                .parsed("ui", "float_precision")?
                .unwrap_or(defaults.float_precision),
            double_precision: config
                .parsed("ui", "double_precision")?
                .unwrap_or(defaults.double_precision),
        };
        if let Some(seconds) = config.parsed::<f64>("tracing", "max_trace_wait")? {
            let invalid = |_| "cqlshrc: [tracing] max_trace_wait is not a time".to_owned();
            settings.max_trace_wait = Duration::try_from_secs_f64(seconds).map_err(invalid)?;
        }
        Ok(settings)
    }

    /// Returns true if the output is coloured: as the arguments or the configuration set it, or else if
    /// standard output is a terminal and no file is run.
    fn is_colored(&self, config: &ConfigFile) -> Result<bool, String> {
        if self.color || self.no_color {
            return Ok(self.color);
        }
        if let Some(is_colored) = config.switch("ui", "color")? {
            return Ok(is_colored);
        }
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let terminal = env::var("TERM").unwrap_or_default();
        Ok(self.file.is_none()
            && stdout().is_terminal()
            && !is_set("NO_COLOR")
            && !matches!(terminal.as_str(), "" | "dumb"))
    }
}

/// Prints a warning to standard error. That it cannot be written is no reason to stop.
fn warn(warning: fmt::Arguments<'_>) {
    let _unwritable = print_error(format_args!("Warning: {warning}"));
}

/// Parses the value of `--variable`.
fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not of the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Adds the semicolon that the last statement of `-e` may lack.
fn end_statement(statements: &str) -> String {
    let statements = statements.trim_end();
    let last_line = statements.lines().last().unwrap_or_default();
    // A semicolon in the line of a comment would be part of the comment.
    let line_end = if last_line.contains("--") || last_line.contains("//") { "\n" } else { "" };
    match statements.ends_with(';') {
        true => statements.to_owned(),
        false => format!("{statements}{line_end};"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_statement_needs_no_semicolon() {
        for (given, run) in [
            ("SELECT 1", "SELECT 1;"),
            ("SELECT 1; ", "SELECT 1;"),
            ("SELECT 1 -- one", "SELECT 1 -- one\n;"),
            ("SELECT 1; // one;", "SELECT 1; // one;"),
        ] {
            assert_eq!(end_statement(given), run);
        }
    }
}

//! A client in another language, and the check of its report.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use crate::double::Double;
use crate::install;
use crate::setup::SetupError;

/// A client in another language, with the program in this folder that uses it.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// Returns the requirement that this machine lacks, or `None` if it lacks none.
    pub(crate) missing: fn() -> Option<&'static str>,
    /// Returns the command that starts the program, without the arguments of README.md. The first call
    /// installs the client.
    pub(crate) command: fn() -> Result<Command, SetupError>,
    pub(crate) settings: &'static [Setting],
    /// The steps that the client has no function for.
    pub(crate) unsupported: &'static [&'static str],
}

/// A protocol version and a compression. `default` is the client's own choice.
pub(crate) type Setting = (&'static str, &'static str);

/// The settings of a client that supports all versions and compressions.
pub(crate) const UP_TO_V5: &[Setting] = &[
    ("default", "default"),
    ("3", "none"),
    ("3", "lz4"),
    ("3", "snappy"),
    ("4", "none"),
    ("4", "lz4"),
    ("4", "snappy"),
    ("5", "none"),
    ("5", "lz4"),
];

/// The same without v5.
pub(crate) const UP_TO_V4: &[Setting] = UP_TO_V5.split_at(7).0;

/// The steps of each program, as README.md describes them.
const STEPS: &[&str] = &[
    "connect",
    "metadata",
    "ddl",
    "types",
    "prepared",
    "batch",
    "paging",
    "conditional",
    "counter",
    "events",
    "errors",
    "large",
    "warnings",
    "payload",
    "tracing",
];

/// Time limit of a program. It is far longer than any program needs; one that exceeds it hangs.
const TIME_LIMIT: Duration = Duration::from_secs(180);

impl Client {
    /// Returns a test for each setting. If this machine lacks the client's toolchain, the tests count as
    /// ignored, or fail if `is_forced`. They also count as ignored if the client cannot be downloaded,
    /// which says nothing about `MockServer`.
    pub(crate) fn trials(&'static self, is_forced: bool) -> impl Iterator<Item = Trial> {
        let missing = (self.missing)().map(|missing| format!("{missing} is not installed"));
        self.settings.iter().map(move |(version, compression)| {
            let name = match *version {
                "default" => format!("{}::default::{compression}", self.name),
                number => format!("{}::v{number}::{compression}", self.name),
            };
            match missing.clone() {
                None => Trial::ignorable_test(name, move || self.test(version, compression)),
                Some(reason) if is_forced => Trial::test(name, move || Err(reason.into())),
                Some(reason) => {
                    Trial::ignorable_test(name, || Ok(Completion::ignored_with(reason)))
                }
            }
        })
    }

    fn test(&self, version: &str, compression: &str) -> Result<Completion, Failed> {
        let mut command = match (self.command)() {
            Ok(command) => command,
            Err(SetupError::NotDownloaded(reason)) => return Ok(Completion::ignored_with(reason)),
            Err(SetupError::Failed(reason)) => return Err(reason.into()),
        };
        let double = Double::start()?;
        let address = double.address();
        command.args([&address.ip().to_string(), &address.port().to_string()]);
        command.args(["clients", version, compression]);
        let output = run(&mut command)?;
        let failures = self.failures(version, &String::from_utf8_lossy(&output.stdout));
        match failures.as_slice() {
            [] => Ok(Completion::Completed),
            failures => {
                let log = String::from_utf8_lossy(&output.stderr);
                Err(format!("{}\nstderr: {log}", failures.join("\n")).into())
            }
        }
    }

    /// Returns the failures in the program's report. A step without a line in the report has failed.
    fn failures(&self, version: &str, report: &str) -> Vec<String> {
        let steps = report.lines().filter_map(|line| {
            let (outcome, rest) = line.split_once(' ')?;
            let step = rest.split_once(':').map_or(rest, |(step, _)| step);
            Some((step, (outcome, line)))
        });
        let steps: BTreeMap<_, _> = steps.collect();
        let failure = |step: &&str| match steps.get(step) {
            Some(("ok", _)) => None,
            Some(("skipped", _)) if self.may_skip(version, step) => None,
            Some((_, line)) => Some((*line).to_owned()),
            None => Some(format!("no report of {step}")),
        };
        STEPS.iter().filter_map(failure).collect()
    }

    /// Returns true if the client or the protocol version does not support the step.
    fn may_skip(&self, version: &str, step: &str) -> bool {
        let needs_v4 = ["warnings", "payload"].contains(&step);
        self.unsupported.contains(&step) || (version == "3" && needs_v4)
    }
}

/// Runs a program to its end. A program that exceeds the time limit is killed.
fn run(command: &mut Command) -> Result<Output, Failed> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let id = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(TIME_LIMIT) else {
        // Minimal systems have no program `kill`.
        install::run(Command::new("sh").args(["-c", &format!("kill -9 {id}")]))?;
        let output = receiver.recv().map_err(|error| error.to_string())??;
        let [report, log] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        return Err(format!("{command:?} did not end within {TIME_LIMIT:?}\n{report}{log}").into());
    };
    Ok(output?)
}

//! A child process that is killed when this process ends, even if this process is killed.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, IoContext},
    log::Log,
};

/// A node's process, run by a small shell script. The script kills the process when its standard
/// input closes. Only this process holds the other end of that pipe, and it closes by
/// [`kill`](Self::kill), on drop, or when this process ends.
///
/// The script runs in its own process group, so that Ctrl-C in the terminal does not reach it.
#[derive(Debug)]
pub(crate) struct Watchdog {
    script: Child,
}

impl Watchdog {
    /// Starts `command` and redirects its output to `log`. Uses only the program, the arguments and
    /// the working directory of `command`. If `container` is given, `command` only attaches to that
    /// container, and signals are sent to the container.
    pub(crate) fn start(
        command: &Command,
        container: Option<&str>,
        log: &Log,
    ) -> Result<Self, Error> {
        let mut script = Command::new("sh");
        script.args(["-c", include_str!("watchdog.sh"), "watchdog"]);
        script.arg(command.get_program()).args(command.get_args());
        if let Some(dir) = command.get_current_dir() {
            script.current_dir(dir);
        }
        script.env("CONTAINER", container.unwrap_or_default());
        script.stdin(Stdio::piped());
        script.stdout(log.open_for_process()?).stderr(log.open_for_process()?);
        let script = script.process_group(0).spawn().context(|| "starting sh".to_owned())?;
        Ok(Self { script })
    }

    /// Returns the exit status of the process, or `None` while it runs.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.script.try_wait().ok().flatten()
    }

    /// Sends a signal to the process: `TERM`, `STOP` or `CONT`.
    pub(crate) fn signal(&mut self, name: &str) -> Result<(), Error> {
        let Some(pipe) = &mut self.script.stdin else { return Ok(()) };
        writeln!(pipe, "{name}").context(|| format!("sending SIG{name} to a node"))
    }

    /// Waits until the process has ended. Returns false if it still runs after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.exit_status().is_none() {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Kills the process (SIGKILL) and waits until it has ended.
    pub(crate) fn kill(&mut self) {
        drop(self.script.stdin.take());
        self.wait(Duration::from_secs(30));
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn watched(script: &str) -> (tempfile::TempDir, Log, Watchdog) {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::new(dir.path().join("log"));
        let watchdog = Watchdog::start(Command::new("sh").args(["-c", script]), None, &log);
        (dir, log, watchdog.unwrap())
    }

    fn wait_for(log: &Log, word: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !log.contains(word) {
            assert!(Instant::now() < deadline, "the log does not contain `{word}`");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn reports_the_exit_status_of_a_process_that_ends_by_itself() {
        let (_dir, log, mut watchdog) = watched("echo last words; exit 3");
        assert!(watchdog.wait(Duration::from_secs(10)));
        assert_eq!(watchdog.exit_status().and_then(|status| status.code()), Some(3));
        assert_eq!(log.last_lines(), "  last words");
    }

    #[test]
    fn forwards_signals_to_the_process() {
        let (_dir, log, mut watchdog) =
            watched("trap 'echo ended; exit' TERM; echo up; while :; do sleep 0.05; done");
        wait_for(&log, "up");
        watchdog.signal("TERM").unwrap();
        assert!(watchdog.wait(Duration::from_secs(10)));
        wait_for(&log, "ended");
    }

    #[test]
    fn dropping_the_watchdog_kills_the_process() {
        let (_dir, log, watchdog) = watched("echo $$; exec sleep 60");
        wait_for(&log, "\n");
        let pid = fs::read_to_string(log.path()).unwrap().trim().to_owned();
        drop(watchdog);
        // `kill` of the shell, because minimal systems have no program of this name.
        let alive = Command::new("sh").args(["-c", &format!("kill -0 {pid}")]).output().unwrap();
        assert!(!alive.status.success(), "process {pid} still runs");
    }
}

//! A node's log, which is read while the node writes it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use crate::error::{Error, IoContext};

/// Number of log lines shown in an error.
const LAST_LINES: usize = 20;
/// Longest prefix of a log line shown in an error, in characters. Cassandra writes very long lines.
const LINE_LENGTH: usize = 200;

/// The text that all versions of Cassandra log before the exception that ends the start.
const STARTUP_FAILURE: &str = "xception encountered during startup";

/// The log file of one node. A restarted node appends to the same file.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file for appending, as the output of a child process.
    pub(crate) fn open_for_process(&self) -> Result<File, Error> {
        File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .context(|| format!("opening the log {}", self.path.display()))
    }

    /// Returns true if the log contains `text`.
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.text(None).is_ok_and(|log| log.contains(text))
    }

    /// Returns the lines to show in an error, indented. These are the lines from the exception that
    /// ended the start or, if there is none, the last lines.
    pub(crate) fn last_lines(&self) -> String {
        let text = self.text(Some(65_536)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let cause = lines.iter().rposition(|line| line.contains(STARTUP_FAILURE));
        let first = cause.unwrap_or(lines.len().saturating_sub(LAST_LINES));
        lines[first..]
            .iter()
            .take(LAST_LINES)
            .map(|line| format!("  {line:.LINE_LENGTH$}"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Returns the log's text, or only its last `last` bytes.
    fn text(&self, last: Option<u64>) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        if let Some(last) = last {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(last)))?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn finds_text_and_returns_the_last_lines_or_the_startup_failure() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::new(dir.path().join("node1.log"));
        assert_eq!((log.contains("line"), log.last_lines().as_str()), (false, ""));

        let text: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        fs::write(log.path(), text).unwrap();
        assert!(log.contains("line 1\n") && !log.contains("line 31"));
        let last = log.last_lines();
        assert!(last.starts_with("  line 11\n") && last.ends_with("line 30"), "{last}");

        let stopped = "Exception encountered during startup\njava.lang.X\n".to_owned();
        fs::write(log.path(), stopped + &"drained\n".repeat(100)).unwrap();
        let cause = "  Exception encountered during startup\n  java.lang.X\n  drained\n";
        assert!(log.last_lines().starts_with(cause), "{}", log.last_lines());

        fs::write(log.path(), "x".repeat(100_000)).unwrap();
        assert_eq!(log.last_lines().len(), 2 + LINE_LENGTH);
    }
}
